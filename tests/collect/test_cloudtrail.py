"""Trails as AWS describes them, and the events of the key with what is missing of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fluo_audit.model.evidence import Completeness, Coverage, Have, Missing
from fluo_audit.model.scope import Period

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TRAIL = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"
AS_OF = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
WEEK = Period(AS_OF - timedelta(days=7), AS_OF)


# --- trails ------------------------------------------------------------------------------------------------------------


def trails_of(aws, *trails: Mapping[str, Any]) -> dict[str, Any]:
    aws.answers("cloudtrail:DescribeTrails", {"trailList": list(trails)}, {"includeShadowTrails": True})
    return {"trails": aws.collect("trails")}


def test_an_organisation_trail_of_another_region_is_listed(aws):
    trail = {
        "Name": "org",
        "TrailARN": "arn:aws:cloudtrail:eu-west-1:999999999999:trail/org",
        "HomeRegion": "eu-west-1",
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": True,
        "LogFileValidationEnabled": False,
        "IncludeGlobalServiceEvents": True,
        "S3BucketName": "b",
        "S3KeyPrefix": "p",
        "KmsKeyId": KEY,
        "CloudWatchLogsLogGroupArn": "arn:aws:logs:eu-west-1:999999999999:log-group:x",
    }
    row = trails_of(aws, trail)["trails"].value.iloc[0]

    assert row.tolist() == [
        trail["TrailARN"],
        "org",
        "eu-west-1",
        True,
        True,
        False,
        True,
        "b",
        "p",
        KEY,
        trail["CloudWatchLogsLogGroupArn"],
    ]


def test_what_aws_leaves_out_of_a_trail_is_neither_yes_nor_no(aws):
    row = trails_of(aws, {"TrailARN": TRAIL})["trails"].value.iloc[0]

    assert row.drop("trail_arn").isna().all()


def test_the_status_is_asked_for_each_trail(aws):
    delivered = AS_OF - timedelta(minutes=4)
    facts = trails_of(aws, {"TrailARN": TRAIL}, {"TrailARN": f"{TRAIL}-2"})
    aws.answers("cloudtrail:GetTrailStatus", {"IsLogging": True, "LatestDeliveryTime": delivered}, {"Name": TRAIL})
    aws.answers(
        "cloudtrail:GetTrailStatus",
        {"IsLogging": False, "LatestDeliveryError": "AccessDenied", "StopLoggingTime": delivered},
        {"Name": f"{TRAIL}-2"},
    )
    first, second = aws.collect("trail_status", facts).value.to_dict("records")

    assert (first["is_logging"], first["latest_delivery_at"]) == (True, pd.Timestamp(delivered))
    assert pd.isna(first["latest_delivery_error"])
    assert pd.isna(first["latest_digest_at"])
    assert (second["is_logging"], second["latest_delivery_error"]) == (False, "AccessDenied")
    assert second["stopped_at"] == pd.Timestamp(delivered)


def test_a_status_without_its_one_answer_is_none(aws):
    facts = trails_of(aws, {"TrailARN": TRAIL})
    aws.answers("cloudtrail:GetTrailStatus", {})

    assert aws.collect("trail_status", facts).reason == "malformed answer"


@pytest.mark.parametrize("source", ["trail_status", "event_selectors"])
def test_without_trails_their_details_are_missing_for_the_same_reason(aws, source: str):
    aws.refuses("cloudtrail:DescribeTrails")
    missing = aws.collect("trails")

    assert aws.collect(source, {"trails": missing}) == missing


@pytest.mark.parametrize("source", ["trail_status", "event_selectors"])
def test_a_trail_without_arn_cannot_be_asked_about(aws, source: str):
    facts = trails_of(aws, {"Name": "nameless"})

    assert aws.collect(source, facts).reason == "malformed answer"


# --- event selectors -----------------------------------------------------------------------------------------------------


def selectors_of(aws, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    facts = trails_of(aws, {"TrailARN": TRAIL})
    aws.answers("cloudtrail:GetEventSelectors", {"TrailARN": TRAIL, **answer}, {"TrailName": TRAIL})
    rows = aws.collect("event_selectors", facts).value
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def selected(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["management"], row["reads"], row["writes"], row["kms"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"ReadWriteType": "All", "IncludeManagementEvents": True}, (True, True, True, True)),
        ({"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}, (True, False, True, True)),
        ({"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}, (True, True, False, True)),
        ({"ReadWriteType": "All", "IncludeManagementEvents": False}, (False, True, True, True)),
        ({}, (None, None, None, True)),
        (
            {
                "ReadWriteType": "All",
                "IncludeManagementEvents": True,
                "ExcludeManagementEventSources": ["rdsdata.amazonaws.com", "kms.amazonaws.com"],
            },
            (True, True, True, False),
        ),
        (
            {
                "ReadWriteType": "All",
                "IncludeManagementEvents": True,
                "ExcludeManagementEventSources": ["rdsdata.amazonaws.com"],
            },
            (True, True, True, True),
        ),
    ],
)
def test_a_classic_selector(aws, selector: dict[str, Any], expected: tuple[Any, ...]):
    (row,) = selectors_of(aws, {"EventSelectors": [selector]})

    assert selected(row) == expected
    assert json.loads(row["selector"]) == selector


def advanced(*fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"AdvancedEventSelectors": [{"Name": "n", "FieldSelectors": [MANAGEMENT, *fields]}]}


MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}


@pytest.mark.parametrize(
    ("condition", "kms"),
    [
        ({"Equals": ["kms.amazonaws.com"]}, True),
        ({"Equals": ["s3.amazonaws.com", "kms.amazonaws.com"]}, True),
        ({"Equals": ["s3.amazonaws.com"]}, False),
        ({"NotEquals": ["kms.amazonaws.com"]}, False),
        ({"NotEquals": ["rdsdata.amazonaws.com"]}, True),
        ({"StartsWith": ["kms."]}, True),
        ({"StartsWith": ["s3."]}, False),
        ({"NotStartsWith": ["km"]}, False),
        ({"NotStartsWith": ["s3"]}, True),
        ({"EndsWith": [".amazonaws.com"]}, True),
        ({"EndsWith": [".aws.internal"]}, False),
        ({"NotEndsWith": [".amazonaws.com"]}, False),
        ({"NotEndsWith": ["rdsdata.amazonaws.com"]}, True),
        ({"StartsWith": ["kms"], "NotEquals": ["kms.amazonaws.com"]}, False),
    ],
)
def test_an_advanced_selector_takes_or_drops_kms_by_every_operator(aws, condition: dict[str, Any], kms: bool):
    (row,) = selectors_of(aws, advanced({"Field": "eventSource", **condition}))

    assert selected(row) == (True, True, True, kms)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], (True, True, True, True)),
        ([{"Field": "readOnly", "Equals": ["true"]}], (True, True, False, True)),
        ([{"Field": "readOnly", "Equals": ["false"]}], (True, False, True, True)),
        ([{"Field": "readOnly", "NotEquals": ["true"]}], (True, False, True, True)),
        # What of the key's events is left by these cannot be told, and is neither yes nor no.
        ([{"Field": "eventName", "NotEquals": ["Decrypt"]}], (True, True, True, None)),
        ([{"Field": "userIdentity.arn", "NotEquals": ["arn:aws:iam::1:role/x"]}], (True, True, True, None)),
        ([{"Field": "sessionCredentialFromConsole", "Equals": ["true"]}], (True, True, True, None)),
        (
            [{"Field": "eventName", "Equals": ["Decrypt"]}, {"Field": "eventSource", "Equals": ["s3.amazonaws.com"]}],
            (True, True, True, False),
        ),
    ],
)
def test_the_other_fields_of_an_advanced_selector(aws, fields: list[dict[str, Any]], expected: tuple[Any, ...]):
    (row,) = selectors_of(aws, advanced(*fields))

    assert selected(row) == expected


def test_a_selector_of_data_events_records_no_management_events(aws):
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ]
    (row,) = selectors_of(aws, {"AdvancedEventSelectors": [{"FieldSelectors": fields}]})

    assert row["management"] is False


def test_each_selector_is_a_row(aws):
    both = [
        {"FieldSelectors": [MANAGEMENT, {"Field": "readOnly", "Equals": ["true"]}]},
        {"FieldSelectors": [MANAGEMENT, {"Field": "readOnly", "Equals": ["false"]}]},
    ]
    rows = selectors_of(aws, {"AdvancedEventSelectors": both})

    assert [selected(row) for row in rows] == [(True, True, False, True), (True, False, True, True)]


def test_an_answer_without_any_kind_of_selector_is_none(aws):
    facts = trails_of(aws, {"TrailARN": TRAIL})
    aws.answers("cloudtrail:GetEventSelectors", {"TrailARN": TRAIL})

    assert aws.collect("event_selectors", facts).reason == "malformed answer"


# --- events from Event history ---------------------------------------------------------------------------------------------


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


# --- events from log files ---------------------------------------------------------------------------------------------------


def write(folder: Path, **files: Sequence[Any] | bytes) -> str:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else gzip.compress(json.dumps({"Records": content}).encode())
        (folder / f"{name}.json.gz").write_bytes(data)
    return str(folder)


def test_log_files_are_never_complete_without_their_digests(aws, tmp_path: Path):
    folder = write(tmp_path, a=[record(2, hours(2)), record(1, hours(5), readOnly=True)], b=[])
    events = aws.collect("events", events_from=folder)

    assert events.value["event_id"].tolist() == ["e-1", "e-2"]
    assert events.coverage.gaps == ("digest files were not checked, so nothing shows that no log file is missing",)
    assert events.coverage.remarks == ("2 files, 2 records, 2 of them in the period",)
    assert events.coverage.covered == "records from 2026-11-23 01:00 to 2026-11-23 04:00"
    assert events.coverage.period == Period(hours(5), hours(2) + timedelta(seconds=1))
    assert events.proof == ("E01",)


def test_every_kind_of_gap_in_log_files_is_stated(aws, tmp_path: Path):
    folder = write(
        tmp_path,
        a=[record(1, hours(1)), record(2, hours(2), eventVersion="2.0")],
        b=[record(1, hours(1)), record(3, hours(400))],
        c=b"\x1f\x8b",
        d=gzip.compress(b'{"logFiles": []}'),
    )
    period = Period(WEEK.start, AS_OF + timedelta(days=1))
    events = aws.collect("events", events_from=folder, period=period)
    gaps = events.coverage.gaps

    assert events.value["event_id"].tolist() == ["e-1"]
    assert gaps[1].startswith("c.json.gz: not whole gzip")
    assert gaps[2] == "d.json.gz: not a CloudTrail log file: no list of Records"
    assert gaps[3:] == ("2026-11-23 06:00 to 2026-11-24 06:00 had not happened yet", "1 records could not be read")
    assert "1 records stood in more than one file and count once" in events.coverage.remarks


def test_log_files_without_a_record_of_the_time_cover_nothing(aws, tmp_path: Path):
    assert aws.collect("events", events_from=write(tmp_path / "a", a=[])).coverage.covered == "no record"
    old = aws.collect("events", events_from=write(tmp_path / "b", a=[record(1, hours(4000))]))

    assert isinstance(old, Have)
    assert (old.coverage.period, old.coverage.records) == (None, 0)
