"""How events of the key are counted and listed."""

from __future__ import annotations

import json
from time import process_time

import pandas as pd
import pytest

from fluo_audit.evaluate.checks.denied_calls_low import denied_calls_low
from fluo_audit.evaluate.checks.encryption_context_used import encryption_context_used
from fluo_audit.evaluate.checks.key_changes_by_administrators import key_changes_by_administrators
from fluo_audit.evaluate.checks.principals_expected import principals_expected
from fluo_audit.evaluate.key_events import NAMED, ONE_BY_ONE, number_of, observe, tally, without_arn
from fluo_audit.model.baseline import Baseline, Criteria
from fluo_audit.model.facts import Caller
from fluo_audit.model.finding import Observation, Result
from fluo_audit.model.scope import Period, Scope

ROLE = "arn:aws:iam::111122223333:role/"
SESSION = "arn:aws:sts::111122223333:assumed-role/backend/i-1"
START = pd.Timestamp("2026-01-01", tz="UTC")


def events_of(number: int, days: int = 90, **columns: object) -> pd.DataFrame:
    """Return calls of the backend, evenly over some days; `columns` replace columns."""
    rows = pd.RangeIndex(number)
    texts = {
        "event_id": rows.astype(str),
        "event_name": "Decrypt",
        "event_type": "AwsApiCall",
        "principal_type": "AssumedRole",
        "principal_arn": SESSION,
        "issuer_arn": ROLE + "backend",
        "invoked_by": None,
        "error_code": None,
        "encryption_context": None,
    }
    frame = pd.DataFrame(texts | columns, index=rows).astype("string")
    times = (START + pd.to_timedelta(rows * (days * 86400 / number), "s")).as_unit("us")
    return frame.assign(event_time=times, last_time=times, calls=pd.Series(1, index=rows, dtype="Int64"))


def test_tally_names_the_most_frequent_and_counts_the_rest():
    events = events_of(NAMED + 4, event_name=["b", "a", "c", "b", *(f"x{n}" for n in range(NAMED))])

    assert tally(events, events["event_name"]).startswith("b 2, a 1, c 1, x0 1")
    assert tally(events, events["event_name"]).endswith("x4 1, 3 more")


def test_a_row_counts_as_many_calls_as_it_stands_for():
    events = events_of(3, event_name=["Encrypt", "Decrypt", "Encrypt"], issuer_arn=[None, ROLE, None])
    events["calls"] = pd.array([2000, 5, 1], dtype="Int64")

    assert number_of(events) == 2006
    assert number_of(events[:0]) == 0
    assert tally(events, events["event_name"]) == "Encrypt 2,001, Decrypt 5"
    assert without_arn(events) == "the ARN of the caller in 2,001 of 2,006 calls"
    assert [each.fact for each in observe(events, events["event_name"])] == [
        "Encrypt, 2,000 calls that day, of which this is the first",
        "Decrypt, 5 calls that day, of which this is the first",
        "Encrypt",
    ]


def test_lines_that_share_a_day_add_up_the_calls_of_their_rows():
    events = events_of(400, days=2)
    events.loc[1, "calls"] = 1000

    first, second = observe(events, events["event_name"])

    assert first.fact == "Decrypt, 1,199 calls that day, of which this is the first"
    assert second.fact == "Decrypt, 200 calls that day, of which this is the first"


def test_few_exceptions_are_listed_one_by_one():
    events = events_of(ONE_BY_ONE, days=1)

    listed = observe(events, events["event_name"])

    assert [each.ref for each in listed] == events["event_id"].tolist()
    assert {each.fact for each in listed} == {"Decrypt"}


def test_many_exceptions_share_a_line_by_day_actor_and_fact_and_none_is_lost():
    events = events_of(400, days=2, event_name=["Decrypt"] * 399 + ["Encrypt"])

    assert observe(events, events["event_name"]) == (
        Observation("Decrypt, 200 calls that day, of which this is the first", "2026-01-01T00:00:00Z", SESSION, "0"),
        Observation("Decrypt, 199 calls that day, of which this is the first", "2026-01-02T00:00:00Z", SESSION, "200"),
        Observation("Encrypt", "2026-01-02T23:52:48Z", SESSION, "399"),
    )


def test_exceptions_are_in_order_of_time():
    events = events_of(3).iloc[::-1]

    assert [each.ref for each in observe(events, events["event_name"])] == ["0", "1", "2"]


@pytest.fixture(scope="module")
def a_hundred_thousand() -> pd.DataFrame:
    """Return events of which each is an exception to some check, with a context of its own."""
    contexts = [json.dumps({"tenantId": f"tenant-{n}"}) for n in range(100_000)]
    names = (["Decrypt", "GenerateDataKey", "PutKeyPolicy", "DescribeKey"] * 25_000)[:100_000]
    codes = ([None] * 9 + ["AccessDenied"]) * 10_000
    issuers = [f"{ROLE}backend", f"{ROLE}stranger-1", f"{ROLE}stranger-2", f"{ROLE}stranger-3"] * 25_000
    return events_of(100_000, encryption_context=contexts, event_name=names, error_code=codes, issuer_arn=issuers)


@pytest.mark.parametrize(
    "check",
    [principals_expected, denied_calls_low, encryption_context_used, key_changes_by_administrators],
    ids=lambda check: check.id,
)
def test_a_hundred_thousand_events_take_under_a_second(check, a_hundred_thousand):
    scope = Scope(
        "111122223333",
        "us-east-1",
        "arn:aws:kms:us-east-1:111122223333:key/k",
        Period(START.to_pydatetime(), START.to_pydatetime().replace(month=4)),
        START.to_pydatetime(),
    )
    baseline = Baseline(backend_roles=(ROLE + "backend",), key_administrators=(ROLE + "admin",))
    values = {"events": a_hundred_thousand, "caller": Caller("111122223333", ROLE + "auditor", "")}
    started = process_time()

    verdict = check.function(*(values[source.name] for source in check.reads), Criteria(scope, baseline))

    assert verdict.result is Result.FAIL
    assert process_time() - started < 1
