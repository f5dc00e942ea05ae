"""Only Enabled is enabled, and states that pass by themselves are no exception."""

import pytest

from fluo_audit.evaluate.checks.key_enabled import key_enabled

CASES = [
    ("enabled", "Enabled", "pass", "the key is Enabled"),
    ("disabled", "Disabled", "fail", "the key is Disabled"),
    ("pending deletion", "PendingDeletion", "fail", "PendingDeletion"),
    ("pending deletion of replicas", "PendingReplicaDeletion", "fail", "PendingReplicaDeletion"),
    ("material not imported", "PendingImport", "fail", "PendingImport"),
    ("key store unreachable", "Unavailable", "fail", "Unavailable"),
    ("a state AWS may add", "Quarantined", "fail", "Quarantined"),
    ("being created", "Creating", "not_assessed", "collect again"),
    ("being updated", "Updating", "not_assessed", "collect again"),
    ("left out", "", "not_assessed", "without KeyState"),
]


@pytest.mark.parametrize(("name", "state", "expected", "text"), CASES, ids=[case[0] for case in CASES])
def test_key_enabled(confirm, *, name, state, expected, text):
    confirm(key_enabled, [{"state": state}], {}, expected, text)
