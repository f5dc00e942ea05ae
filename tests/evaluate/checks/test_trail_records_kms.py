"""KMS write events: the union over the trails that are logging and cover the key's Region."""

import pytest

from fluo_audit.evaluate.checks.trail_records_kms import trail_records_kms

EXCLUDED = {"kms": False}
ELSEWHERE = {"is_multi_region": False, "home_region": "eu-west-1"}

CASES = [
    ("every event", [("main", {}, {}, {})], "pass", ["trail main is logging and records KMS write events of us-east-1"]),
    ("writes alone are enough", [("main", {}, {}, {"reads": False})], "pass", ["trail main"]),
    ("KMS excluded", [("main", {}, {}, EXCLUDED)], "fail", ["trail main excludes KMS events", "ref arn:trail/main"]),
    ("excluded on one, recorded by the other", [("a", {}, {}, EXCLUDED), ("b", {}, {}, {})], "pass", ["trail b"]),
    ("no management events", [("main", {}, {}, {"management": False})], "fail", ["records no management events"]),
    ("reads alone are not enough", [("main", {}, {}, {"writes": False})], "fail", ["records no write events"]),
    ("recorded by a trail that is stopped", [("main", {}, {"is_logging": False}, {})], "fail", ["is not logging"]),
    ("a trail of another Region", [("main", ELSEWHERE, {}, {})], "fail", ["records eu-west-1 only"]),
    ("the home Region is enough", [("main", {"is_multi_region": False}, {}, {})], "pass", ["trail main"]),
    ("home Region left out", [("main", {"is_multi_region": False, "home_region": None}, {}, {})], "not_assessed", ["HomeRegion"]),
    ("home Region left out, multi-Region known", [("main", {"home_region": None}, {}, {})], "pass", ["trail main"]),
    ("no trail", [], "fail", ["0 trails"]),
    ("no selectors read for it", [("main", {}, {}, None)], "not_assessed", ["without selectors for trail main"]),
    ("exclusion left out", [("main", {}, {}, {"kms": None})], "not_assessed", ["kms of a selector for trail main"]),
    ("left out, but stopped anyway", [("main", {}, {"is_logging": False}, {"kms": None})], "fail", ["is not logging"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "trails", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_trail_records_kms(confirm_trails, *, name, trails, expected, texts):
    confirm_trails(trail_records_kms, trails, expected, *texts)
