"""Numbers and sentences agree with each other."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.model.finding import Conclusion
from fluo_audit.render import wording


@pytest.mark.parametrize(
    ("n", "expected"), [(0, "0 exceptions"), (1, "1 exception"), (2, "2 exceptions"), (7214, "7,214 exceptions")]
)
def test_a_number_and_its_noun_agree(n, expected):
    assert wording.count(n, "exception") == expected


def test_an_irregular_plural_can_be_given():
    assert wording.count(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("0", "0.00"),
        ("4.065", "4.07"),
        ("1234.5", "1,234.50"),
        ("0.0004", "<0.01"),
        ("-0.001", "-<0.01"),
        ("-1.5", "-1.50"),
    ],
)
def test_money_is_rounded_to_the_cent_but_never_to_nothing(amount, expected):
    assert wording.money(Decimal(amount)) == expected


def test_times_are_utc_wherever_they_came_from():
    tokyo = timezone(timedelta(hours=9))
    assert wording.utc(datetime(2026, 11, 23, 8, 30, tzinfo=tokyo)) == "2026-11-22T23:30:00Z"
    assert wording.day(datetime(2026, 11, 23, 8, 30, tzinfo=tokyo)) == "2026-11-22"


@given(st.fixed_dictionaries({c: st.integers(0, 40) for c in Conclusion}))
def test_the_numbers_of_the_outcome_add_up_to_the_number_of_tests(counts):
    text = wording.outcome(counts)
    total = sum(counts.values())
    if not total:
        assert text == "No test was run."
        return
    supported, of, *rest = [int(n) for n in re.findall(r"\d+", text)]
    assert supported == counts[Conclusion.SUPPORTED]
    assert of == total
    assert supported + sum(rest) == total


def test_the_outcome_reads_as_a_sentence():
    counts = dict.fromkeys(Conclusion, 0) | {Conclusion.SUPPORTED: 21, Conclusion.EXCEPTION: 1, Conclusion.MANUAL: 2}
    assert wording.outcome(counts) == (
        "The evidence supports 21 of 24 tests. 1 shows an exception and 2 need an auditor’s own work."
    )
    assert (
        wording.outcome(dict.fromkeys(Conclusion, 0) | {Conclusion.SUPPORTED: 1})
        == "The evidence supports 1 of 1 test."
    )


def test_parameters_are_short_and_leave_out_paging():
    key = "arn:aws:kms:us-east-1:123456789012:key/7f3c"
    values = {
        "NextToken": "x" * 500,
        "StartTime": datetime(2026, 8, 25, tzinfo=UTC),
        "LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": key}],
    }
    line = wording.parameters(values, {key: "this key"})
    assert line == "LookupAttributes=[ResourceName this key], StartTime=2026-08-25"
    assert wording.parameters({"Path": "x" * 500}, {}).endswith("x…")
    assert len(wording.parameters({"Path": "x" * 500}, {})) <= 84
    assert wording.parameters({}, {}) == ""


def test_a_long_text_is_cut_at_a_sentence_or_else_at_a_word():
    assert wording.brief("Short.") == "Short."
    assert wording.brief("One. Two is here. " + "x" * 300) == "One. Two is here."
    cut = wording.brief("word " * 100)
    assert cut.endswith("word…")
    assert len(cut) <= 201


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a link is broken", "A link is broken"),
        ("aws kms rotate-key-on-demand", "aws kms rotate-key-on-demand"),
        ("kms:DescribeKey: no AWS credentials", "kms:DescribeKey: no AWS credentials"),
        ("role/fluo-backend may do", "role/fluo-backend may do"),
        ("1 of 5", "1 of 5"),
        ("", ""),
    ],
)
def test_a_text_starts_like_a_sentence_unless_it_is_typed(text: str, shown: str):
    assert wording.capital(text) == shown
