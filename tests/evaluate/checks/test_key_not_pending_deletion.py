"""A scheduled deletion is reported with its date and the days that are left."""

from datetime import UTC, datetime

import pytest

from fluo_audit.evaluate.checks.key_not_pending_deletion import key_not_pending_deletion


def pending(*day: int) -> dict:
    return {"state": "PendingDeletion", "deletion_at": datetime(*day, tzinfo=UTC)}


CASES = [
    ("in use", {}, "pass", ["has no deletion date"]),
    ("disabled is another check's", {"state": "Disabled"}, "pass", ["the key is Disabled"]),
    ("nine days and a half left", pending(2026, 7, 12), "fail", ["2026-07-12T00:00:00Z, 9 days left on 2026-07-02T12"]),
    ("one day left", pending(2026, 7, 3, 13), "fail", ["1 day left"]),
    ("less than a day left", pending(2026, 7, 3), "fail", ["0 days left"]),
    ("the date has passed", pending(2026, 7, 1), "fail", ["0 days left"]),
    ("replicas first, no date yet", {"state": "PendingReplicaDeletion"}, "fail", ["AWS states no date yet"]),
    ("a date whatever the state", {"deletion_at": datetime(2026, 7, 12, tzinfo=UTC)}, "fail", ["9 days left"]),
    ("no state", {"state": ""}, "not_assessed", ["without KeyState"]),
]


@pytest.mark.parametrize(("name", "key", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_key_not_pending_deletion(confirm, *, name, key, expected, texts):
    confirm(key_not_pending_deletion, [key], {}, expected, *texts)
