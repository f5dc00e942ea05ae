"""The configured period against the declared cryptoperiod."""

import pytest

from fluo_audit.evaluate.checks.rotation_period import rotation_period

CASES = [
    ("at the limit", {}, {"period_days": 90}, {}, "pass", "every 90 days, within the declared 90"),
    ("longer", {}, {"period_days": 365}, {}, "fail", "every 365 days; the declared cryptoperiod is 90"),
    ("longer, and declared so", {}, {"period_days": 365}, {"cryptoperiod_days": 365}, "pass", "declared 365"),
    ("off", {}, {"enabled": False, "period_days": None}, {}, "fail", "automatic rotation is off"),
    ("left out", {}, {"period_days": None}, {}, "not_assessed", "without RotationPeriodInDays"),
    ("asymmetric", {"spec": "ECC_NIST_P256"}, {"enabled": False}, {}, "not_applicable", "ECC_NIST_P256"),
    ("imported material", {"origin": "EXTERNAL"}, {"enabled": False}, {}, "not_applicable", "Origin EXTERNAL"),
]


@pytest.mark.parametrize(
    ("name", "key", "rotation", "baseline", "expected", "text"), CASES, ids=[case[0] for case in CASES]
)
def test_rotation_period(confirm, *, name, key, rotation, baseline, expected, text):
    confirm(rotation_period, [key, rotation], baseline, expected, text)
