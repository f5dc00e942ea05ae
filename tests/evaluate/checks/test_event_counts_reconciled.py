"""The check over the comparisons: each of them has its own table of cases."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fluo_audit.evaluate.checks.event_counts_reconciled import event_counts_reconciled
from fluo_audit.evaluate.registry import run_check
from fluo_audit.model.evidence import NOT_ASKED, Coverage, Fact, Have, Missing
from fluo_audit.model.facts import LastUsage
from fluo_audit.model.finding import Finding
from fluo_audit.model.scope import Period
from fluo_audit.model.sources import COST, EVENT_HISTORY, EVENTS, METRICS

DAYS = ("2026-06-28", "2026-06-29", "2026-06-30")
UNASKED = Missing("cloudtrail:LookupEvents", NOT_ASKED, "the events come from Event history itself")
DENIED = Missing("ce:GetCostAndUsage", "AccessDeniedException", "", "allow ce:GetCostAndUsage", ("E25",))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def facts(frame):
    """Ten calls a day on the last three days of June, the same in every source."""

    def have(value: Any, name: str) -> Have:
        covered = Period(at("2026-06-28"), at("2026-07-01"))
        return Have(value, (f"E-{name}",), Coverage("all", "all", 1, period=covered))

    call = {
        "event_name": "Decrypt",
        "event_type": "AwsApiCall",
        "issuer_arn": "arn:aws:iam::111122223333:role/backend",
        "calls": 1,
    }
    calls = [
        {**call, "event_id": f"{day}-{n}", "event_time": f"{day}T{n:02}:00", "last_time": f"{day}T{n:02}:00"}
        for day in DAYS
        for n in range(10)
    ]
    dimensions = json.dumps({"KeyArn": "arn", "Operation": "Decrypt"})
    metric = {"metric": "SuccessfulRequest", "dimensions": dimensions, "statistic": "Sum", "value": 10.0}
    bill = {"usage_type": "us-east-1-KMS-Requests", "usage_quantity": "12", "estimated": False}
    seen = [{key: row[key] for key in ("event_id", "event_time", "event_name")} for row in calls]
    return {
        "events": have(frame(EVENTS, calls), "events"),
        "event_history": have(frame(EVENT_HISTORY, seen), "event_history"),
        "metrics": have(frame(METRICS, [{**metric, "day": day} for day in DAYS]), "metrics"),
        "cost": have(frame(COST, [{**bill, "day": day} for day in DAYS]), "cost"),
        "last_usage": have(LastUsage("Decrypt", at("2026-06-30T09:00"), "2026-06-30-9", None), "last_usage"),
    }


def without(facts: dict[str, Fact[Any]], *names: str) -> dict[str, Fact[Any]]:
    return {name: fact for name, fact in facts.items() if name not in names}


@pytest.fixture
def judged(criteria):
    def run(facts: dict[str, Fact[Any]]) -> Finding:
        return run_check(event_counts_reconciled, facts, criteria(as_of="2026-07-02T12:00"))

    return run


def lacking(fact: Have, row: int) -> Have:
    """Return a fact whose frame lacks a row."""
    return Have(fact.value.drop(index=row), fact.proof, fact.coverage)


def test_everything_agrees_or_is_explained(facts, judged):
    finding = judged(facts)

    assert (finding.result.value, finding.population) == ("pass", "4 of 4 comparisons")
    assert "CloudWatch metric of the key: agrees, 30 in CloudTrail and 30 there" in finding.seen
    assert "Cost Explorer, KMS requests of the account: explained, 30 in CloudTrail and 36 there" in finding.seen
    assert finding.evidence == ("E-events", "E-event_history", "E-metrics", "E-cost", "E-last_usage")


@pytest.mark.parametrize(
    ("absent", "expected", "population"),
    [
        (("event_history",), "pass", "3 of 4 comparisons"),
        (("event_history", "cost"), "pass", "2 of 4 comparisons"),
        (("event_history", "cost", "metrics"), "not_assessed", "1 of 4 comparisons"),
        (("last_usage",), "not_assessed", "3 of 4 comparisons"),
        (("events",), "not_assessed", "0 of 4 comparisons"),
    ],
)
def test_it_takes_the_last_use_and_one_more_comparison(facts, judged, absent, expected, population):
    finding = judged(without(facts, *absent))

    assert (finding.result.value, finding.population) == (expected, population)


@pytest.mark.parametrize("name", ["events", "event_history"])
def test_an_event_that_one_side_lacks_is_an_exception_with_its_id(facts, judged, name):
    finding = judged(facts | {name: lacking(facts[name], 14)})

    assert finding.result.value == "fail"
    assert "2026-06-29-4" in [observation.ref for observation in finding.observations]
    assert finding.seen.startswith("CloudTrail Event history")


def test_a_difference_is_an_exception_whatever_else_could_not_be_compared(facts, judged):
    finding = judged(without(facts, "last_usage", "cost", "event_history") | {"metrics": lacking(facts["metrics"], 1)})

    assert finding.result.value == "fail"
    assert [observation.at for observation in finding.observations] == ["2026-06-29"]
    assert finding.population == "1 of 4 comparisons"


def test_what_could_not_be_compared_is_said_with_its_reason_and_remedy(facts, judged):
    given = without(facts, "metrics") | {"cost": DENIED, "event_history": UNASKED}
    finding = judged(given)

    assert finding.result.value == "not_assessed"
    assert "ce:GetCostAndUsage, AccessDeniedException" in finding.seen
    assert "CloudWatch metrics of the key: not collected" in finding.seen
    assert "the events come from Event history itself" in finding.seen
    assert finding.missing == (DENIED,)


def test_without_the_events_that_alone_is_said(facts, judged):
    denied = Missing("cloudtrail:LookupEvents", "AccessDeniedException", "", "grant it")
    finding = judged(facts | {"events": denied})

    assert finding.seen == "CloudTrail events of the key: cloudtrail:LookupEvents, AccessDeniedException"
    assert finding.missing == (denied,)


def test_rotations_are_left_to_their_own_check(facts, judged):
    assert "RotateKey" not in judged(facts).seen
    assert "4 comparisons" in judged(facts).population
