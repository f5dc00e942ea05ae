"""Both shapes of the backend's answers are read; what is neither is never a result."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.runbook.answers import Health, RoundTrip, Status, Unread, health_of, round_trip_of, status_of

# The examples of the module's documentation, and of the backend's source.
DOCUMENTED_HEALTH = {"checks": [{"name": "kms", "status": "UP", "data": {"provider": "aws", "masterKeyId": "arn:k"}}]}
SOURCE_HEALTH = {
    "status": "DOWN",
    "checks": [
        {"name": "db", "status": "UP"},
        {"name": "kms", "status": "DOWN", "data": {"provider": "aws", "error": "timed out", "error_type": "Kms"}},
    ],
}
DOCUMENTED_TESTS = {
    "overall_status": "PASS",
    "tests": {"generate_data_key": "PASS", "encrypt": "PASS", "decrypt": "PASS", "key_retrieval": "PASS"},
    "latency_ms": {"generate_data_key": 45, "cache_hit": 0.8},
}
SOURCE_TESTS = {
    "provider": "aws",
    "overall": "PASS",
    "tests": {
        "generate_data_key": "PASS (45ms)",
        "encrypt": "PASS (38ms)",
        "decrypt": "PASS (42ms)",
        "key_retrieval_cache_miss": "PASS (96ms)",
        "key_retrieval_cache_hit": "PASS (0ms)",
    },
    "latency_ms": {"generate_data_key": 45},
    "recommendations": ["valid"],
}
STOPPED = {"overall": "FAIL", "tests": {"generate_data_key": "PASS (45ms)", "encrypt": "FAIL: no tenantId"}}


def test_health_in_both_shapes():
    assert health_of(DOCUMENTED_HEALTH) == Health(up=True, provider="aws", key="arn:k", error="")
    assert health_of(SOURCE_HEALTH) == Health(up=False, provider="aws", key="", error="timed out")


def test_status_in_both_shapes():
    nested = {"provider": "aws", "cache": {"cache_size": 250, "cache_hit_rate": 0.85}}

    assert status_of(nested) == Status("aws", 250, 0.85)
    assert status_of({"provider": "aws", "status": "HEALTHY", "cache_size": 7, "issues": []}) == Status("aws", 7, None)


def test_a_status_without_cache_still_names_the_provider():
    assert status_of({"provider": "local"}) == Status("local", None, None)


def test_round_trips_in_both_shapes():
    documented, source = round_trip_of(DOCUMENTED_TESTS), round_trip_of(SOURCE_TESTS)

    assert documented.passed
    assert documented.latency_ms["cache_hit"] == 0.8
    assert source.passed
    assert (len(source.tests), source.advice) == (5, ("valid",))


def test_a_round_trip_that_stopped_names_the_test_that_failed():
    stopped = round_trip_of(STOPPED)

    assert not stopped.passed
    assert stopped.failed == ("encrypt: FAIL: no tenantId",)


def test_a_failed_test_outweighs_a_total_of_pass():
    tests = {**DOCUMENTED_TESTS["tests"], "decrypt": "FAIL"}

    assert not round_trip_of({**DOCUMENTED_TESTS, "tests": tests}).passed


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"checks": []},
        {"checks": "kms UP"},
        {"checks": [{"name": "kms"}]},
        {"checks": [{"name": "kms", "status": "up"}]},
        {"checks": [{"name": "KMS", "status": "UP"}]},
        {"checks": [{"name": "kms", "status": "UP"}, {"name": "kms", "status": "DOWN"}]},
        {"status": "UP"},
    ],
)
def test_health_that_is_not_understood(document):
    assert isinstance(health_of(document), Unread)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"provider": ["aws"]},
        {"provider": ""},
        {"provider": "aws", "cache": {"cache_hit_rate": 85}},
        {"provider": "aws", "cache": {"cache_hit_rate": -0.1}},
    ],
)
def test_status_that_is_not_understood(document):
    assert isinstance(status_of(document), Unread)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), True, "0.9", None])
def test_a_hit_rate_that_is_no_number_is_not_told(rate):
    assert status_of({"provider": "aws", "cache": {"cache_hit_rate": rate}}).hit_rate is None


@pytest.mark.parametrize(
    "changes",
    [
        {"overall_status": "OK"},
        {"overall_status": "pass"},
        {"overall_status": True},
        {"overall_status": "PASS", "overall": "FAIL"},
        {"tests": {}},
        {"tests": None},
        {"tests": {"generate_data_key": "PASS", "encrypt": "PASS"}},
        {"tests": {**DOCUMENTED_TESTS["tests"], "decrypt": "PASSED"}},
        {"tests": {**DOCUMENTED_TESTS["tests"], "decrypt": "SKIPPED"}},
        {"tests": {**DOCUMENTED_TESTS["tests"], "decrypt": "PASS (but not really)"}},
        {"tests": {**DOCUMENTED_TESTS["tests"], "decrypt": 1}},
    ],
)
def test_a_round_trip_that_is_not_understood_never_passes(changes):
    assert isinstance(round_trip_of({**DOCUMENTED_TESTS, **changes}), Unread)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["PASS", "FAIL", "UP", "kms", "aws"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "overall",
                    "overall_status",
                    "tests",
                    "checks",
                    "name",
                    "status",
                    "data",
                    "cache",
                    "provider",
                    "decrypt",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["overall", "tests", "checks", "cache", "provider", "latency_ms"]), JSON))
def test_no_answer_breaks_the_reader_and_none_passes_by_chance(document):
    document = json.loads(json.dumps(document))

    assert isinstance(health_of(document), Health | Unread)
    assert isinstance(status_of(document), Status | Unread)
    trip = round_trip_of(document)
    assert isinstance(trip, RoundTrip | Unread)
    assert isinstance(trip, Unread) or not trip.passed


def test_long_texts_of_the_backend_are_cut():
    said = round_trip_of({"overall": "FAIL", "tests": {"encrypt": "FAIL: " + "x" * 10_000}})

    assert len(said.failed[0]) < 400
