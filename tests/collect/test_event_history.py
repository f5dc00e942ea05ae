"""The events of the key in Event history, with what is missing of them; and those that others are compared with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fluo_audit.collect.event_history import COMPARED
from fluo_audit.model.evidence import NOT_ASKED, Completeness, Coverage, Missing
from fluo_audit.model.scope import Period

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
AS_OF = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
WEEK = Period(AS_OF - timedelta(days=7), AS_OF)


def record(number: int, at: datetime, **members: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "eventID": f"e-{number}",
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Decrypt",
        "readOnly": "true",
        "resources": [{"ARN": KEY}],
        **members,
    }


def listed(text: str, at: datetime = AS_OF) -> dict[str, Any]:
    return {"EventId": "e", "EventTime": at, "CloudTrailEvent": text}


def look_up(aws, *pages: Sequence[dict[str, Any] | str], period: Period = WEEK, **job: Any) -> Any:
    """Answer the pages, newest first, and collect the events."""
    window = period.overlap(AS_OF - timedelta(days=90), AS_OF)
    for number, page in enumerate(pages):
        entries = [
            listed(e)
            if isinstance(e, str)
            else listed(json.dumps(e), datetime.fromisoformat(e.get("eventTime", "2026-11-20T00:00:00Z")))
            for e in page
        ]
        more = {"NextToken": f"t{number}"} if number + 1 < len(pages) else {}
        token = {"NextToken": f"t{number - 1}"} if number else {}
        expected = {
            "LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": KEY}],
            "StartTime": window.start,
            "EndTime": window.end,
            "MaxResults": 50,
            **token,
        }
        aws.answers("cloudtrail:LookupEvents", {"Events": entries, **more}, expected)
    return aws.collect("events", period=period, **job)


def hours(number: int) -> datetime:
    return AS_OF - timedelta(hours=number)


def test_events_of_every_page_come_once_and_in_order(aws):
    events = look_up(
        aws,
        [record(4, hours(1)), record(3, hours(2))],
        [record(3, hours(2)), record(2, hours(3))],
        [],
        [record(1, hours(9))],
    )

    assert events.value["event_id"].tolist() == ["e-1", "e-2", "e-3", "e-4"]
    assert events.value["read_only"].tolist() == [True] * 4
    assert events.coverage == Coverage(
        asked="2026-11-16 06:00 to 2026-11-23 06:00",
        covered="2026-11-16 06:00 to 2026-11-23 06:00",
        records=4,
        remarks=("4 pages of 50", "provisional: calls of the last 15 minutes may still arrive"),
        period=WEEK,
    )
    assert events.proof == ("E01",)


def test_the_period_is_half_open(aws):
    events = look_up(aws, [record(1, WEEK.end), record(2, WEEK.end - timedelta(seconds=1)), record(3, WEEK.start)])

    assert events.value["event_id"].tolist() == ["e-3", "e-2"]


def test_no_event_at_all_is_said_to_prove_little(aws):
    events = look_up(aws, [])

    assert events.coverage.records == 0
    assert events.coverage.remarks[0] == "1 page of 50"
    assert any("look the same" in remark for remark in events.coverage.remarks)


def test_events_that_cannot_be_read_are_a_gap(aws):
    deep = '{"a":' * 100_000
    newer = record(2, hours(2), eventVersion="2.0")
    events = look_up(aws, [record(1, hours(1)), newer, "", "no json", "[]", deep, '{"eventID": ["e"]}'])

    assert events.value["event_id"].tolist() == ["e-1"]
    assert events.coverage.gaps == ("6 events could not be read",)
    assert events.coverage.completeness is Completeness.PARTIAL


def test_an_event_without_its_record_is_a_gap(aws):
    window = {"StartTime": WEEK.start, "EndTime": WEEK.end}
    aws.answers("cloudtrail:LookupEvents", {"Events": [{"EventId": "e"}]})
    events = aws.collect("events", period=Period(*window.values()))

    assert events.coverage.gaps == ("1 events could not be read",)


def test_events_of_other_services_are_not_events_of_the_key(aws):
    """So that Event history and log files give the same events."""
    events = look_up(aws, [record(1, hours(1)), record(2, hours(2), eventSource="ec2.amazonaws.com")])

    assert events.value["event_id"].tolist() == ["e-1"]
    assert "1 events of other services name the key and are not counted" in events.coverage.remarks
    assert events.coverage.gaps == ()


def test_what_lies_before_the_ninety_days_is_a_gap(aws):
    period = Period(AS_OF - timedelta(days=120), AS_OF - timedelta(days=1))
    events = look_up(aws, [record(1, hours(48))], period=period)

    assert events.coverage.gaps == ("2026-07-26 06:00 to 2026-08-25 06:00 lies before the 90 days of Event history",)
    assert events.coverage.period == Period(AS_OF - timedelta(days=90), period.end)
    assert not any("provisional" in remark for remark in events.coverage.remarks)


def test_the_ninety_days_move_on_while_pages_are_read(aws):
    """What counts is the moment of the last page: the oldest events were asked for last."""
    period = Period(AS_OF - timedelta(days=90), AS_OF - timedelta(hours=1))
    pages = [[record(n, hours(n + 2))] for n in range(40)]
    events = look_up(aws, *pages, period=period)
    read_for = timedelta(seconds=0.5 * 39)

    assert aws.clock.now() - AS_OF == read_for
    assert events.coverage.period == Period(period.start + read_for, period.end)
    assert events.coverage.completeness is Completeness.PARTIAL


def test_a_period_that_left_event_history_while_it_was_read_is_not_covered(aws):
    start = AS_OF - timedelta(days=90)
    events = look_up(aws, [record(1, start)], [], [], [], period=Period(start, start + timedelta(seconds=1)))

    assert events.coverage.period is None
    assert events.coverage.covered.startswith("nothing")
    assert events.coverage.completeness is Completeness.PARTIAL


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (timedelta(days=-200), timedelta(days=-91), "90 days only"),
        (timedelta(days=1), timedelta(days=2), "had not begun"),
        (timedelta(0), timedelta(days=2), "had not begun"),
    ],
)
def test_a_period_out_of_reach_is_not_asked_for_and_not_complete(aws, start: timedelta, end: timedelta, said: str):
    events = aws.collect("events", period=Period(AS_OF + start, AS_OF + end))

    assert aws.door.exchanges == []
    assert (len(events.value), events.coverage.period) == (0, None)
    assert said in events.coverage.covered
    assert events.coverage.completeness is Completeness.PARTIAL


def test_the_part_of_the_period_that_is_to_come_is_a_gap(aws):
    period = Period(AS_OF - timedelta(days=1), AS_OF + timedelta(days=1))
    events = look_up(aws, [record(1, hours(1))], period=period)

    assert events.coverage.gaps == ("2026-11-23 06:00 to 2026-11-24 06:00 had not happened yet",)
    assert events.coverage.period == Period(period.start, AS_OF)


def test_one_failed_page_makes_the_source_missing(aws):
    aws.answers("cloudtrail:LookupEvents", {"Events": [listed("{}")], "NextToken": "t"})
    aws.refuses("cloudtrail:LookupEvents")

    assert isinstance(aws.collect("events"), Missing)


class Heard:
    def __init__(self) -> None:
        self.said: list[str] = []

    def update(self, source: str, text: str) -> None:
        self.said.append(f"{source}: {text}")

    def finish(self, source: str, text: str) -> None: ...


def test_each_page_says_how_far_back_it_has_come(aws):
    heard = Heard()
    day = timedelta(days=1)
    look_up(
        aws,
        [record(1, AS_OF - timedelta(seconds=1)), record(2, hours(1))],
        [record(3, AS_OF - day)],
        [record(4, AS_OF - 3.5 * day), record(5, AS_OF - 4 * day)],
        [record(6, WEEK.start - timedelta(seconds=5))],
        progress=heard,
    )

    assert heard.said == [
        "events: 0 events, page 1, back to 2026-11-23",
        "events: 2 events, page 2, back to 2026-11-22, 3 s left",
        "events: 3 events, page 3, back to 2026-11-19, 1 s left",
        "events: 5 events, page 4, back to 2026-11-16, 0 s left",
    ]


# --- events to compare with -------------------------------------------------------------------------------------------------


def compare(aws, *entries: dict[str, Any], more: bool = False, **job: Any) -> Any:
    """Answer one page or, with `more`, one that is not the last, and collect what events are compared with."""
    answer = {"Events": list(entries)} | ({"NextToken": "t"} if more else {})
    aws.answers("cloudtrail:LookupEvents", answer)
    return aws.collect("event_history", events_from="s3", **job)


def entry(number: int, at: datetime, **members: Any) -> dict[str, Any]:
    return listed(json.dumps(record(number, at, **members)), at)


def test_where_the_events_come_from_event_history_nothing_is_asked_to_compare_them_with(aws):
    missing = aws.collect("event_history", events_from="lookup")

    assert (missing.reason, aws.door.exchanges) == (NOT_ASKED, [])


def test_events_of_every_service_are_compared_each_once(aws):
    found = compare(
        aws,
        entry(2, hours(1), sharedEventID="s-2"),
        entry(2, hours(1), sharedEventID="s-2"),
        entry(1, hours(2), eventSource="ec2.amazonaws.com", eventName="RunInstances"),
        entry(0, WEEK.end),
    )

    rows = found.value.astype(object).where(found.value.notna(), None).to_dict("records")
    assert [tuple(row.values()) for row in rows] == [
        ("e-2", hours(1), "kms.amazonaws.com", "Decrypt", "s-2"),
        ("e-1", hours(2), "ec2.amazonaws.com", "RunInstances", None),
    ]
    assert (found.coverage.period, found.coverage.completeness) == (WEEK, Completeness.COMPLETE)


def test_of_a_busy_key_only_the_newest_events_are_looked_up(aws):
    """Those of the second in which it broke off are left out: some of them may not have been given."""
    seconds = [AS_OF - timedelta(seconds=1 + number // 2) for number in range(COMPARED)]
    found = compare(aws, *(entry(number, at) for number, at in enumerate(seconds)), more=True)

    assert found.coverage.period == Period(seconds[-1] + timedelta(seconds=1), AS_OF)
    assert len(found.value) == COMPARED - 2
    assert found.value["event_time"].min() == seconds[-1] + timedelta(seconds=1)


def test_more_events_in_a_second_than_are_looked_up_still_leave_something_to_compare(aws):
    last = AS_OF - timedelta(seconds=1)
    found = compare(aws, *(entry(number, last) for number in range(COMPARED)), more=True)

    assert found.coverage.period == Period(last, AS_OF)


def test_events_that_cannot_be_read_are_a_gap_in_the_comparison(aws):
    found = compare(aws, entry(1, hours(1)), listed("no json", hours(2)))

    assert found.coverage.gaps == ("1 events could not be read",)
    assert found.value["event_id"].tolist() == ["e-1"]


def test_a_period_before_event_history_is_compared_with_nothing(aws):
    old = Period(AS_OF - timedelta(days=200), AS_OF - timedelta(days=100))
    found = aws.collect("event_history", events_from="s3", period=old)

    assert aws.door.exchanges == []
    assert found.coverage.completeness is Completeness.PARTIAL
