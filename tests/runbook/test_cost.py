"""What makes the KMS bill high: the cache, the requests, the other keys; and what was not told is not judged."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from decimal import Decimal

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.model.evidence import Missing
from fluo_audit.runbook.answers import Status, Unread
from fluo_audit.runbook.cost import diagnose_cost
from fluo_audit.runbook.step import exit_code

DENIED = Missing("ce:GetCostAndUsage", "AccessDeniedException", "", "grant it")
GOOD = Status("aws", 250, 0.85)


def bill(*months, keys=1):
    """Return the rows of a bill: (month, dollars for requests, requests) each; storage as the key of the facts costs."""
    rows = []
    for month, charge, requests in months:
        first = date.fromisoformat(f"{month}-01")
        days = monthrange(first.year, first.month)[1]
        storage = {"2026-05": Decimal(2), "2026-06": Decimal(2)}[month] + (keys - 1)
        for number in range(1, days + 1):
            share = {"day": first.replace(day=number), "blended": Decimal(0), "estimated": False}
            rows += [
                {
                    **share,
                    "usage_type": "us-east-1-KMS-Keys",
                    "unblended": storage / days,
                    "usage_quantity": Decimal(1),
                },
                {
                    **share,
                    "usage_type": "us-east-1-KMS-Requests",
                    "unblended": Decimal(charge) / days,
                    "usage_quantity": Decimal(requests) / days,
                },
            ]
    return rows


def step_of(diagnosis, name):
    return next(step for step in diagnosis.steps if step.name == name)


def test_a_bill_as_expected(facts, criteria):
    found = facts(cost=bill(("2026-05", 0, 1600), ("2026-06", 0, 1700)))

    diagnosis = diagnose_cost(found, criteria(monthly_budget_usd=Decimal(6)), GOOD)

    assert diagnosis.sentence == "KMS cost $2.00 in 2026-06, budget $6.00."
    assert exit_code(diagnosis.steps) == ExitCode.OK, diagnosis.steps
    assert step_of(diagnosis, "requests").said.startswith("1,700 requests in 2026-06, $0.00")
    assert step_of(diagnosis, "this key").said == "$2.00 in 2026-06: $1 and 1 of its rotations at $1"


def test_a_low_hit_rate_explains_the_requests(facts, criteria):
    found = facts(cost=bill(("2026-05", 0, 1600), ("2026-06", 50, 16_687_000)))

    diagnosis = diagnose_cost(found, criteria(monthly_budget_usd=Decimal(6)), Status("aws", 1000, 0.45))

    assert diagnosis.cause.name == "cache hit rate"
    assert diagnosis.cause.said == "45%, 1,000 keys in the cache: below 80%"
    assert "kms.cache.private-key-ttl-minutes=120" in diagnosis.cause.fix
    assert [step.name for step in diagnosis.steps if step.is_wrong] == ["cache hit rate", "requests", "budget"]


@pytest.mark.parametrize(("rate", "wrong"), [(0.8, False), (0.79, True), (0.0, True), (1.0, False)])
def test_the_border_is_80_percent(facts, criteria, rate, wrong):
    diagnosis = diagnose_cost(facts(cost=bill(("2026-06", 0, 10))), criteria(), Status("aws", None, rate))

    assert step_of(diagnosis, "cache hit rate").is_wrong is wrong


def test_requests_alone_are_the_cause_when_they_cost_more_than_the_keys(facts, criteria):
    found = facts(cost=bill(("2026-05", 0, 1600), ("2026-06", 50, 16_687_000)))

    diagnosis = diagnose_cost(found, criteria(), Status("aws", 250, None))

    assert diagnosis.cause.name == "requests"
    assert step_of(diagnosis, "cache hit rate").conclusion.value == "not applicable"
    assert exit_code(diagnosis.steps) == ExitCode.EXCEPTIONS


def test_a_further_key_is_the_cause(facts, criteria):
    rows = [*bill(("2026-05", 0, 1600)), *bill(("2026-06", 0, 1600), keys=3)]

    diagnosis = diagnose_cost(facts(cost=rows), criteria(), GOOD)

    assert diagnosis.cause.name == "other keys"
    assert "$2.00 beyond this key in 2026-06; storage beyond this key grew by $2.00" in diagnosis.cause.said
    assert diagnosis.cause.fix == "aws kms list-keys"


def test_other_keys_that_were_there_before_are_told_and_not_blamed(facts, criteria):
    rows = bill(("2026-05", 0, 1600), ("2026-06", 0, 1600), keys=3)

    diagnosis = diagnose_cost(facts(cost=rows), criteria(), GOOD)

    assert diagnosis.cause is None
    assert "$2.00 beyond this key in 2026-06, and not growing" in step_of(diagnosis, "other keys").said


def test_replicas_are_keys_of_their_own(facts, criteria):
    rows = bill(("2026-05", 0, 1600), ("2026-06", 0, 1600), keys=3)
    found = facts(cost=rows, key={"replica_regions": ("eu-west-1",)})

    assert "times 2 with its 1 replica" in step_of(diagnose_cost(found, criteria(), GOOD), "this key").said


def test_calls_are_counted_by_operation(facts, criteria):
    metrics = [
        {"dimensions": '{"KeyArn": "a", "Operation": "Encrypt"}', "value": 3.0},
        {"dimensions": '{"KeyArn": "a", "Operation": "GenerateDataKey"}', "value": 5.0},
        {"dimensions": '{"KeyArn": "a", "Operation": "Encrypt"}', "value": 4.0},
        {"dimensions": '{"KeyId": "a"}', "value": 4.0},
    ]

    diagnosis = diagnose_cost(facts(cost=bill(("2026-06", 0, 10)), metrics=metrics), criteria(), GOOD)

    assert step_of(diagnosis, "calls by operation").said == "Encrypt 7, GenerateDataKey 5 in 30 days"


@pytest.mark.parametrize("source", ["cost", "key", "rotations", "metrics"])
def test_what_was_not_read_is_not_judged(facts, criteria, source):
    found = facts(**{"cost": bill(("2026-06", 0, 10)), source: DENIED})

    diagnosis = diagnose_cost(found, criteria(), GOOD)

    assert diagnosis.cause is None
    assert exit_code(diagnosis.steps) == ExitCode.INCOMPLETE


def test_a_backend_that_does_not_answer_is_left_open(facts, criteria):
    diagnosis = diagnose_cost(facts(cost=bill(("2026-05", 0, 9), ("2026-06", 0, 9))), criteria(), Unread("refused"))

    assert step_of(diagnosis, "cache hit rate").said == "refused"
    assert exit_code(diagnosis.steps) == ExitCode.INCOMPLETE


def test_a_backend_that_was_not_asked_is_no_gap(facts, criteria):
    diagnosis = diagnose_cost(facts(cost=bill(("2026-05", 0, 9), ("2026-06", 0, 9))), criteria(), None)

    assert exit_code(diagnosis.steps) == ExitCode.OK


def test_an_account_without_a_bill_yet(facts, criteria):
    diagnosis = diagnose_cost(facts(), criteria(), GOOD)

    assert diagnosis.sentence == "Nothing was billed for KMS yet."
    assert exit_code(diagnosis.steps) == ExitCode.OK


def test_a_running_month_says_so(facts, criteria):
    rows = [row for row in bill(("2026-06", 0, 10)) if row["day"].day <= 20]

    assert "2026-06 in 20 days so far" in diagnose_cost(facts(cost=rows), criteria(), GOOD).sentence
