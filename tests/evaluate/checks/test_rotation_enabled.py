"""The rotation setting, and the keys to which it does not apply."""

import pytest

from fluo_audit.evaluate.checks.rotation_enabled import rotation_enabled
from fluo_audit.model.evidence import Missing

REFUSED = Missing("kms:GetKeyRotationStatus", "UnsupportedOperationException", proof=("E09",))
DENIED = Missing("kms:GetKeyRotationStatus", "AccessDeniedException")

CASES = [
    ("on", {}, {}, "pass", ["on, every 90 days"]),
    ("on, period left out", {}, {"period_days": None}, "pass", ["automatic rotation is on"]),
    ("on, but the key is disabled", {"state": "Disabled"}, {}, "pass", ["nothing rotates while the key is Disabled"]),
    ("off", {}, {"enabled": False}, "fail", ["automatic rotation is off"]),
    ("off because of deletion", {"state": "PendingDeletion"}, {"enabled": False}, "fail", ["pending deletion"]),
    ("asymmetric", {"spec": "RSA_4096"}, {"enabled": False}, "not_applicable", ["RSA_4096", "making a new key"]),
    ("HMAC", {"spec": "HMAC_256"}, {"enabled": False}, "not_applicable", ["HMAC_256"]),
    ("imported material", {"origin": "EXTERNAL"}, {"enabled": False}, "not_applicable", ["on demand"]),
    ("CloudHSM key store", {"origin": "AWS_CLOUDHSM"}, {"enabled": False}, "not_applicable", ["custom key store"]),
    (
        "external key store",
        {"origin": "EXTERNAL_KEY_STORE"},
        {"enabled": False},
        "not_applicable",
        ["custom key store"],
    ),
    ("imported, and KMS refuses to say", {"origin": "EXTERNAL"}, REFUSED, "not_applicable", ["Origin EXTERNAL"]),
    ("denied", {}, DENIED, "not_assessed", ["kms:GetKeyRotationStatus: AccessDeniedException"]),
    ("no spec", {"spec": ""}, {"enabled": False}, "not_assessed", ["without KeySpec"]),
    ("no origin", {"origin": ""}, {"enabled": False}, "not_assessed", ["without Origin"]),
]


@pytest.mark.parametrize(("name", "key", "rotation", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_rotation_enabled(confirm, *, name, key, rotation, expected, texts):
    confirm(rotation_enabled, [key, rotation], {}, expected, *texts)


def test_off_is_off_and_says_no_more(judge):
    assert judge(rotation_enabled, {}, {"enabled": False}).seen == "automatic rotation is off"
