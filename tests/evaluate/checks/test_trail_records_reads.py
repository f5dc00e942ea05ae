"""KMS read-only events: every cryptographic call is one."""

import pytest

from fluo_audit.evaluate.checks.trail_records_reads import trail_records_reads

CASES = [
    ("every event", [("main", {}, {}, {})], "pass", ["trail main is logging and records KMS read-only events"]),
    ("reads alone are enough", [("main", {}, {}, {"writes": False})], "pass", ["every use of the key among them"]),
    ("writes alone are not enough", [("main", {}, {}, {"reads": False})], "fail", ["records no read-only events"]),
    (
        "reads by another trail",
        [("a", {}, {}, {"reads": False}), ("b", {}, {}, {"writes": False})],
        "pass",
        ["trail b"],
    ),
    ("reads, but not of KMS", [("main", {}, {}, {"kms": False})], "fail", ["excludes KMS events"]),
    (
        "reads on a trail that is stopped, KMS excluded on the other",
        [("a", {}, {"is_logging": False}, {}), ("b", {}, {}, {"kms": False})],
        "fail",
        ["trail a is not logging", "trail b excludes KMS events"],
    ),
    ("reads left out", [("main", {}, {}, {"reads": None})], "not_assessed", ["reads of a selector"]),
]


@pytest.mark.parametrize(("name", "trails", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_trail_records_reads(confirm_trails, *, name, trails, expected, texts):
    confirm_trails(trail_records_reads, trails, expected, *texts)


def test_selectors_of_one_trail_add_up(confirm):
    trails = [{"trail_arn": "t", "name": "main", "home_region": "us-east-1", "is_multi_region": True}]
    status = [{"trail_arn": "t", "is_logging": True}]
    writes = {"trail_arn": "t", "management": True, "kms": True, "writes": True, "reads": False}
    reads = writes | {"writes": False, "reads": True}
    confirm(trail_records_reads, [trails, status, [writes, reads]], {}, "pass", "trail main")
    confirm(trail_records_reads, [trails, status, [writes, reads | {"kms": False}]], {}, "fail", "excludes KMS")
