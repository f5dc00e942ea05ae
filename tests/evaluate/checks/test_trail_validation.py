"""Log file validation, on the trails that hold the key's events."""

import pytest

from fluo_audit.evaluate.checks.trail_validation import trail_validation

OFF = {"log_file_validation": False}
WRITES, READS = {"reads": False}, {"writes": False}

CASES = [
    ("on", [("main", {}, {}, {})], "pass", ["trail main records the key's events and has log file validation on"]),
    ("off", [("main", OFF, {}, {})], "fail", ["trail main has log file validation off", "ref arn:trail/main"]),
    ("on one of two that record all", [("a", OFF, {}, {}), ("b", {}, {}, {})], "pass", ["trail b"]),
    (
        "on a trail that does not record KMS",
        [("a", OFF, {}, {}), ("b", {}, {}, {"kms": False})],
        "fail",
        ["trail a has log file validation off", "trail b excludes KMS events"],
    ),
    (
        "on for writes, off for uses",
        [("a", {}, {}, WRITES), ("b", OFF, {}, READS)],
        "fail",
        ["no trail that records KMS read-only events has log file validation on"],
    ),
    ("on for both, on two trails", [("a", {}, {}, WRITES), ("b", {}, {}, READS)], "pass", ["trail a", "trail b"]),
    ("nobody records uses: another check says so", [("a", {}, {}, WRITES)], "pass", ["trail a"]),
    ("no trail records KMS", [("a", {}, {}, {"kms": False})], "fail", ["trail a excludes KMS events"]),
    ("no trail", [], "fail", ["0 trails"]),
    ("left out", [("main", {"log_file_validation": None}, {}, {})], "not_assessed", ["LogFileValidationEnabled"]),
    ("left out on one, on for the other", [("a", {"log_file_validation": None}, {}, {}), ("b", {}, {}, {})], "pass", ["trail b"]),
    ("recording unknown", [("main", {}, {}, None)], "not_assessed", ["without selectors"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "trails", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_trail_validation(confirm_trails, *, name, trails, expected, texts):
    confirm_trails(trail_validation, trails, expected, *texts)
