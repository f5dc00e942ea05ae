"""Events out of log files: what was read is counted, what could not be read is named, and the rest is read."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fluo_audit.collect.trail_events import NAMED
from fluo_audit.collect.trail_logs import TrailLogs
from fluo_audit.errors import UsageError
from fluo_audit.model.evidence import NOT_ASKED, Completeness, Coverage, Have
from fluo_audit.model.scope import Period
from fluo_audit.model.sources import EVENTS

REAL_KEY = "arn:aws:kms:us-east-1:123837392027:key/0e5d0ab6-097e-49d8-99ef-747ce3e5f8f4"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
AS_OF = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
UNVALIDATED = "digest files were not checked, so nothing shows that no log file is missing"

Read = Callable[..., Have[Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.fixture
def read(aws, folder: Path, tmp_path: Path) -> Read:
    """Give a function that collects the events of the folder, without credentials."""

    def collect(of: Path = folder, **job: Any) -> Have[Any]:
        logs = TrailLogs(None, tmp_path / "store", processes=1)
        found: Have[Any] = aws.collect("events", events_from=str(of), logs=logs, **job)
        return found

    return collect


def hours(number: int) -> datetime:
    return AS_OF - timedelta(hours=number)


LATELY = hours(1)


def record(number: int = 1, at: datetime | str = LATELY, **members: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "eventID": f"e-{number}",
        "eventTime": at if isinstance(at, str) else f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Decrypt",
        "resources": [{"ARN": KEY}],
        **members,
    }


def packed(*records: Any) -> bytes:
    return gzip.compress(json.dumps({"Records": records}).encode(), mtime=0)


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def ids(events: Have[Any]) -> list[str]:
    found: list[str] = events.value["event_id"].tolist()
    return found


def document(aws) -> dict[str, Any]:
    """Return the evidence that the last collection kept."""
    found: dict[str, Any] = json.loads(aws.door.exchanges[-1].body)
    return found


# --- real log files ----------------------------------------------------------------------------------------------------


def independent_count(folder: Path) -> tuple[int, Counter[str]]:
    """Count with nothing but gzip and text: every record, and the operations of those that hold the ARN of the key."""
    total, operations = 0, Counter[str]()
    for path in folder.glob("*.json.gz"):
        for entry in json.loads(gzip.decompress(path.read_bytes()))["Records"]:
            total += 1
            if REAL_KEY in json.dumps(entry):
                operations[entry["eventName"]] += 1
    return total, operations


def test_real_log_files_are_read_whole(aws, read: Read, real_logs: Path):
    events = read(real_logs, key=REAL_KEY, period=Period.of_days(date(2023, 7, 10), date(2023, 7, 11)))
    total, operations = independent_count(real_logs)
    logs = document(aws)["log_files"]

    assert len(logs) == len(list(real_logs.glob("*.json.gz"))) == 41
    assert sum(count for _, _, _, count, _, _ in logs) == total == 1984
    assert Counter(events.value["event_name"]) == operations == {"Decrypt": 73, "Encrypt": 22}
    assert events.coverage.gaps == (UNVALIDATED,)


def test_real_records_outside_the_period_are_left_out(read: Read, real_logs: Path):
    noon = datetime(2023, 7, 10, 12, tzinfo=UTC)
    halves = (Period(datetime(2023, 7, 10, tzinfo=UTC), noon), Period(noon, datetime(2023, 7, 11, tzinfo=UTC)))
    before, after = (ids(read(real_logs, key=REAL_KEY, period=half)) for half in halves)

    assert len(before) > 0
    assert len(after) > 0
    assert len(set(before) | set(after)) == len(before) + len(after) == 95


# --- what is said of a folder ------------------------------------------------------------------------------------------


def test_a_folder_is_never_complete_because_nobody_validates_it(folder: Path, read: Read):
    write(folder, {"a.json.gz": packed(record(2, hours(2)), record(1, hours(5), readOnly=True)), "b.json.gz": packed()})
    events = read()

    assert ids(events) == ["e-1", "e-2"]
    assert events.coverage == Coverage(
        asked="2026-11-16 06:00 to 2026-11-23 06:00",
        covered="2026-11-23 01:00 to 2026-11-23 04:00",
        records=2,
        gaps=(UNVALIDATED,),
        remarks=("2 log files, 2 records, 2 of them of KMS and CloudTrail",),
        period=Period(hours(5), hours(2) + timedelta(seconds=1)),
    )
    assert events.coverage.completeness is Completeness.PARTIAL
    assert events.proof == ("E01",)


def test_the_time_covered_reaches_from_the_first_to_the_last_record_of_any_service(folder: Path, read: Read):
    other = record(9, hours(3), eventSource="s3.amazonaws.com")
    write(folder, {"a.json.gz": packed(record(1, hours(5))), "b.json.gz": packed(other, record(2, hours(400)))})
    events = read()

    assert events.coverage.covered == f"{hours(400):%Y-%m-%d %H:%M} to 2026-11-23 03:00"
    assert events.coverage.period == Period(AS_OF - timedelta(days=7), hours(3) + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("records", "covered"), [([], "no record"), ([record(1, hours(4000))], "2026-06-09 14:00 to 2026-06-09 14:00")]
)
def test_a_folder_without_a_record_of_the_period_covers_none_of_it(
    folder: Path, read: Read, records: list[Any], covered: str
):
    write(folder, {"a.json.gz": packed(*records)})
    events = read()

    assert (events.coverage.covered, events.coverage.period, events.coverage.records) == (covered, None, 0)


def test_every_kind_of_gap_is_stated(folder: Path, read: Read):
    write(
        folder,
        {
            "a.json.gz": packed(record(1), record(2, hours(2), eventVersion="2.0")),
            "b.json.gz": packed(record(1), record(3, hours(400))),
            "c.json.gz": b"\x1f\x8b",
            "d.json.gz": gzip.compress(b'{"logFiles": []}'),
        },
    )
    events = read(period=Period(AS_OF - timedelta(days=7), AS_OF + timedelta(days=1)))

    assert ids(events) == ["e-1"]
    assert events.coverage.gaps == (
        UNVALIDATED,
        "c.json.gz: cut off",
        "d.json.gz: not a CloudTrail log file: no list of Records",
        "2026-11-23 06:00 to 2026-11-24 06:00 had not happened yet",
        "1 records could not be read",
    )
    assert events.coverage.remarks == (
        "4 log files, 4 records, 3 of them of KMS and CloudTrail",
        "1 events were delivered more than once and count once",
    )


def test_each_log_file_is_evidence_by_the_hash_of_its_content(aws, folder: Path, read: Read):
    content = packed(record(1), record(2, resources=[]), {"eventVersion": "2.0"}, "no object", record(3, hours(9000)))
    write(folder, {"2026/11/22/a.json.gz": content})
    events = read()

    assert document(aws)["log_files"] == [
        ["2026/11/22/a.json.gz", sha256(gzip.decompress(content)).hexdigest(), len(content), 5, 3, 2]
    ]
    assert aws.door.exchanges[-1].call.parameters == {
        "folder": str(folder),
        "key": KEY,
        "period": "2026-11-16 06:00 to 2026-11-23 06:00",
    }
    assert ids(events) == ["e-1"]


def test_the_same_folder_gives_the_same_events_in_any_order_and_from_the_store(
    aws, folder: Path, tmp_path: Path, read: Read
):
    content = {f"{number}.json.gz": packed(record(number)) for number in range(9)}
    write(folder, content)
    first, body = read(), aws.door.exchanges[-1].body
    again, body_again = read(), aws.door.exchanges[-1].body
    (tmp_path / "other").mkdir()
    write(tmp_path / "other", dict(reversed(content.items())))
    other = read(tmp_path / "other")

    assert ids(first) == ids(again) == ids(other) == [f"e-{number}" for number in range(9)]
    assert body == body_again == aws.door.exchanges[-1].body


def test_plain_json_and_names_of_cloudtrail_are_read_and_its_digests_are_not(aws, folder: Path, read: Read):
    below = "AWSLogs/111122223333"
    log = "111122223333_CloudTrail_us-east-1_20261122T1005Z_abc.json.gz"
    write(
        folder,
        {
            "a.json": gzip.decompress(packed(record(1))),
            f"{below}/CloudTrail/us-east-1/2026/11/22/{log}": packed(record(2)),
            f"{below}/CloudTrail-Digest/us-east-1/2026/11/22/digest.json.gz": gzip.compress(b'{"logFiles": []}'),
            log.replace("20261122", "20269922"): packed(record(3)),
        },
    )

    assert ids(read()) == ["e-1", "e-2", "e-3"]
    assert len(document(aws)["log_files"]) == 3


# --- what cannot be read -----------------------------------------------------------------------------------------------

DIGEST = {"awsAccountId": "111122223333", "digestStartTime": "2026-11-22T09:00:00Z", "logFiles": []}
DAMAGED = {
    "truncated gzip": (packed(record(8), record(9))[:-12], "cut off"),
    "gzip with a broken check sum": (packed(record(8))[:-8] + bytes(8), "damaged gzip"),
    "gzip with a tail": (packed(record(8)) + b"tail", "trailing data"),
    "a second gzip member": (packed(record(8)) * 2, "trailing data"),
    "no gzip": (b'{"Records": []}', "not gzip"),
    "empty file": (b"", "not gzip"),
    "truncated JSON": (gzip.compress(b'{"Records": [{"eventID": "e-9"'), "not JSON"),
    "empty gzip": (gzip.compress(b""), "not JSON"),
    "no UTF-8": (gzip.compress(b'{"Records": "\xff"}'), "not JSON"),
    "JSON without end": (gzip.compress(b"[" * 100_000), "not JSON"),
    "JSON that is no log": (gzip.compress(b'{"hello": "world"}'), "no list of Records"),
    "a list": (gzip.compress(b"[]"), "no list of Records"),
    "Records that are none": (gzip.compress(b'{"Records": {"a": 1}}'), "no list of Records"),
    "digest file": (gzip.compress(json.dumps(DIGEST).encode()), "no list of Records"),
}


@pytest.mark.parametrize(("content", "problem"), DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(
    aws, folder: Path, read: Read, content: bytes, problem: str
):
    write(folder, {"a.json.gz": packed(record(1)), "b.json.gz": content, "c.json.gz": packed(record(2))})
    events = read()

    assert ids(events) == ["e-1", "e-2"]
    (gap,) = events.coverage.gaps[1:]
    assert gap.startswith("b.json.gz: ")
    assert problem in gap
    assert [log[2:] for log in document(aws)["log_files"]][1] == [len(content), 0, 0, 0]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.symlink_to("nowhere"), "link"),
        (lambda path: path.symlink_to("a.json.gz"), "link"),
        (os.mkfifo, "not a regular file"),
    ],
    ids=["link to nothing", "link to a file", "pipe"],
)
def test_what_is_no_file_is_named_and_not_opened(folder: Path, read: Read, make: Callable[[Path], None], why: str):
    write(folder, {"a.json.gz": packed(record(1))})
    make(folder / "b.json.gz")
    events = read()

    assert ids(events) == ["e-1"]
    assert events.coverage.gaps[1].startswith(f"b.json.gz: folder:Read: {why}")


def test_a_file_name_that_is_no_text_is_named_and_the_others_are_read(folder: Path, read: Read):
    write(folder, {"a.json.gz": packed(record(1))})
    (folder / os.fsdecode(b"log-\xff.json.gz")).write_bytes(packed(record(2)))
    events = read()

    assert ids(events) == ["e-1"]
    assert events.coverage.gaps[1].startswith(r"log-\xff.json.gz: folder:Read: ")


def test_many_files_with_a_problem_are_counted_and_the_first_are_named(folder: Path, read: Read):
    write(folder, {f"{number:02}.json.gz": b"" for number in range(NAMED + 3)})
    gaps = read().coverage.gaps[1:]

    assert len(gaps) == NAMED + 1
    assert gaps[0] == "00.json.gz: not gzip"
    assert gaps[-1] == "3 more log files like these"


def test_half_a_surrogate_pair_comes_back_as_it_was(aws, folder: Path, read: Read):
    text = "\ud800 é \U0001f600"
    write(folder, {"a.json": json.dumps({"Records": [record(1, userAgent=text), record(2)]}).encode()})
    events = read()

    assert "e-2" in ids(events)
    assert aws.door.exchanges[-1].body.decode("utf-8")
    lost = 2 - len(ids(events))
    assert lost == sum(log[5] for log in document(aws)["log_files"])


@pytest.mark.parametrize("at", ["2026-02-30T10:00:00Z", "9999-12-31T23:59:59Z", "yesterday"])
def test_a_record_of_a_time_that_is_none_is_unreadable(folder: Path, read: Read, at: str):
    write(folder, {"a.json.gz": packed(record(1, at), record(2))})
    events = read()

    assert ids(events) == ["e-2"]
    assert events.coverage.gaps[1:] == ("1 records could not be read",)


# --- a folder that changes ---------------------------------------------------------------------------------------------


def test_a_file_that_was_read_before_and_is_gone_or_another_now_is_a_gap(folder: Path, read: Read):
    write(folder, {"a.json.gz": packed(record(1)), "b.json.gz": packed(record(2)), "c.json.gz": packed(record(3))})
    assert read().coverage.gaps == (UNVALIDATED,)
    (folder / "a.json.gz").unlink()
    write(folder, {"b.json.gz": packed(record(2), record(4))})

    events = read()

    assert "e-4" in ids(events)
    assert [gap.partition(":")[0] for gap in events.coverage.gaps[1:]] == ["a.json.gz", "b.json.gz"]


# --- no folder ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [{}, {"readme.txt": b"x", "logs.zip": b"PK"}])
def test_a_folder_without_log_files_is_a_usage_error(folder: Path, read: Read, files: Mapping[str, bytes]):
    write(folder, files)

    with pytest.raises(UsageError, match=r"holds no \.json or \.json\.gz file"):
        read()


@pytest.mark.parametrize("name", ["absent", "a.json.gz", "lokup"])
def test_a_source_that_is_no_folder_is_a_usage_error_that_names_the_others(folder: Path, read: Read, name: str):
    write(folder, {"a.json.gz": packed(record())})

    with pytest.raises(UsageError, match="not a folder") as error:
        read(folder / name)
    assert str(folder / name) in error.value.message
    assert "s3, athena, lake" in error.value.hint


# --- events one by one -------------------------------------------------------------------------------------------------


def test_events_that_stand_one_by_one_are_not_listed_a_second_time(aws, folder: Path, read: Read):
    write(folder, {"a.json.gz": packed(record(1))})
    events = read()
    history = Have(events.value, (), Coverage("", "", 0, period=Period(hours(9), AS_OF)))
    missing = aws.collect("event_ids", {EVENTS.name: events, "event_history": history}, events_from=str(folder))

    assert missing.reason == NOT_ASKED


def test_events_counted_together_are_listed_one_by_one_where_they_are_compared(
    aws, folder: Path, tmp_path: Path, read: Read
):
    write(folder, {"a.json.gz": packed(*(record(number, hours(number)) for number in range(1, 6)))})
    logs = TrailLogs(None, tmp_path / "store", processes=1)
    events = aws.collect("events", events_from=str(folder), logs=logs)
    counted = Have(events.value.head(1).assign(calls=5), events.proof, events.coverage)
    history = Have(events.value, (), Coverage("", "", 0, period=Period(hours(3), AS_OF)))

    listed = aws.collect(
        "event_ids", {EVENTS.name: counted, "event_history": history}, events_from=str(folder), logs=logs
    )

    assert ids(listed) == ["e-3", "e-2", "e-1"]
    assert listed.coverage.period == history.coverage.period
