"""Delivery within a day of collection: 2 July 2026, 12:00."""

import pytest

from fluo_audit.evaluate.checks.trail_delivery import trail_delivery

OFF = {"log_file_validation": False}

CASES = [
    ("both fresh", [("main", {}, {}, {})], "pass", ["last log file 2026-07-02T11:55:00Z, last digest 2026-07-02T11:10:00Z"]),
    ("a minute under a day", [("main", {}, {"latest_delivery_at": "2026-07-01T12:01"}, {})], "pass", []),
    ("a day", [("main", {}, {"latest_delivery_at": "2026-07-01T12:00"}, {})], "fail", ["last log file at 2026-07-01T12:00:00Z, 24 hours ago"]),
    ("a delivery error", [("main", {}, {"latest_delivery_error": "AccessDenied"}, {})], "fail", ["could not deliver its last log file: AccessDenied"]),
    ("an empty error is none", [("main", {}, {"latest_delivery_error": ""}, {})], "pass", []),
    ("a digest error", [("main", {}, {"latest_digest_error": "NoSuchBucket"}, {})], "fail", ["last digest: NoSuchBucket"]),
    ("old digests", [("main", {}, {"latest_digest_at": "2026-06-30T12:00"}, {})], "fail", ["last digest at 2026-06-30T12:00:00Z, 48 hours ago"]),
    ("old digests of a time when validation was on", [("main", OFF, {"latest_digest_at": "2026-06-30T12:00"}, {})], "pass", []),
    ("one healthy trail is enough", [("a", {}, {"latest_delivery_error": "AccessDenied"}, {}), ("b", {}, {}, {})], "pass", ["trail b"]),
    ("healthy, but it does not record KMS", [("a", {}, {"latest_delivery_error": "AccessDenied"}, {}), ("b", {}, {}, {"kms": False})], "fail", ["AccessDenied"]),
    ("never delivered", [("main", {}, {"latest_delivery_at": None}, {})], "not_assessed", ["without the time of the last log file for trail main"]),
    ("no digest time", [("main", {}, {"latest_digest_at": None}, {})], "not_assessed", ["the time of the last digest"]),
    ("validation left out", [("main", {"log_file_validation": None}, {}, {})], "not_assessed", ["LogFileValidationEnabled"]),
    ("validation left out, log files failing", [("main", {"log_file_validation": None}, {"latest_delivery_error": "NoSuchBucket"}, {})], "fail", ["NoSuchBucket"]),
    ("no trail", [], "fail", ["0 trails"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "trails", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_trail_delivery(confirm_trails, *, name, trails, expected, texts):
    confirm_trails(trail_delivery, trails, expected, *texts)
