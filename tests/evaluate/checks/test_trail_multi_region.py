"""One multi-Region trail that is logging is enough, and it is named."""

import pytest

from fluo_audit.evaluate.checks.trail_multi_region import trail_multi_region

SINGLE = {"is_multi_region": False}
STOPPED = {"is_logging": False, "stopped_at": "2026-05-01T08:00"}

CASES = [
    ("one", [("main", {}, {}, {})], "pass", ["trail main is logging in every Region", "1 trail"]),
    ("no trail", [], "fail", ["no multi-Region trail is logging: 0 trails in the account"]),
    ("single Region", [("main", SINGLE, {}, {})], "fail", ["trail main records us-east-1 only", "ref arn:trail/main"]),
    ("stopped", [("main", {}, STOPPED, {})], "fail", ["trail main is not logging since 2026-05-01T08:00:00Z"]),
    (
        "the two halves on two trails are not one",
        [("a", SINGLE, {}, {}), ("b", {}, STOPPED, {})],
        "fail",
        ["2 trails", "trail a records us-east-1 only", "trail b is not logging"],
    ),
    ("the second decides", [("a", SINGLE, {}, {}), ("b", {}, {}, {})], "pass", ["trail b is logging"]),
    (
        "logging left out",
        [("main", {}, {"is_logging": None}, {})],
        "not_assessed",
        ["without IsLogging for trail main"],
    ),
    ("no status", [("main", {}, None, {})], "not_assessed", ["without IsLogging"]),
    ("multi-Region left out", [("main", {"is_multi_region": None}, {}, {})], "not_assessed", ["IsMultiRegionTrail"]),
    ("left out, but stopped anyway", [("main", {"is_multi_region": None}, STOPPED, {})], "fail", ["is not logging"]),
    ("left out beside a good one", [("a", {"is_multi_region": None}, {}, {}), ("b", {}, {}, {})], "pass", ["trail b"]),
]


@pytest.mark.parametrize(("name", "trails", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_trail_multi_region(confirm_trails, *, name, trails, expected, texts):
    confirm_trails(trail_multi_region, trails, expected, *texts)
