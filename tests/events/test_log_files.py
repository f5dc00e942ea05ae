"""A folder of CloudTrail log files: what is in it is counted, what cannot be read is named, the rest is read."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.events.log_files import MAX_UNPACKED, read_folder
from fluo_audit.model.scope import Period

REAL_KEY = "arn:aws:kms:us-east-1:123837392027:key/0e5d0ab6-097e-49d8-99ef-747ce3e5f8f4"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DAY = Period.of_days(date(2026, 11, 22), date(2026, 11, 23))


def record(event_id: str = "e-1", at: str = "2026-11-22T10:00:00Z", **members: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "eventID": event_id,
        "eventTime": at,
        "eventSource": "kms.amazonaws.com",
        "eventName": "Decrypt",
        "resources": [{"ARN": KEY}],
        **members,
    }


def packed(*records: Any) -> bytes:
    return gzip.compress(json.dumps({"Records": records}).encode())


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read(folder: Path, period: Period = DAY, **more: Any) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the files by name, and the ids of the records."""
    found = json.loads(read_folder(folder, KEY, period, **more))
    return {f["name"]: f for f in found["files"]}, [r["eventID"] for r in found["records"]]


# --- real log files --------------------------------------------------------------------------------------------------


def independent_count(folder: Path) -> tuple[int, Counter[str]]:
    """Count with nothing but gzip and text: every record, and the operations of those that hold the ARN of the key."""
    total, operations = 0, Counter[str]()
    for path in folder.glob("*.json.gz"):
        for entry in json.loads(gzip.decompress(path.read_bytes()))["Records"]:
            total += 1
            if REAL_KEY in json.dumps(entry):
                operations[entry["eventName"]] += 1
    return total, operations


def test_real_log_files_are_read_whole(real_logs: Path):
    period = Period.of_days(date(2023, 7, 10), date(2023, 7, 11))
    found = json.loads(read_folder(real_logs, REAL_KEY, period))
    total, operations = independent_count(real_logs)

    assert len(found["files"]) == len(list(real_logs.glob("*.json.gz"))) == 41
    assert sum(f["records"] for f in found["files"]) == total == 1984
    assert Counter(r["eventName"] for r in found["records"]) == operations
    assert operations == {"Decrypt": 73, "Encrypt": 22}
    assert {f["problem"] for f in found["files"]} == {""}
    assert sum(f["unreadable_records"] for f in found["files"]) == 0


def test_real_records_outside_the_period_are_left_out(real_logs: Path):
    noon = datetime(2023, 7, 10, 12, tzinfo=UTC)
    halves = (Period(datetime(2023, 7, 10, tzinfo=UTC), noon), Period(noon, datetime(2023, 7, 11, tzinfo=UTC)))
    before, after = ([r["eventID"] for r in json.loads(read_folder(real_logs, REAL_KEY, h))["records"]] for h in halves)

    assert len(before) > 0
    assert len(after) > 0
    assert len(set(before) | set(after)) == len(before) + len(after) == 95


# --- what a file says about itself -------------------------------------------------------------------------------------


def test_a_file_is_described_by_its_bytes_and_its_counts(tmp_path: Path):
    content = packed(
        record("e-1", "2026-11-22T00:00:00Z"),
        record("e-2", "2026-11-21T23:59:59Z"),
        record("e-3", "2026-11-22T23:59:59Z", resources=[]),
        record("e-4", "2026-11-23T00:00:00Z"),
        {"eventVersion": "2.0"},
        "no object",
    )
    files, ids = read(write(tmp_path, {"2026/11/22/a.json.gz": content}))

    assert files["2026/11/22/a.json.gz"] == {
        "name": "2026/11/22/a.json.gz",
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
        "records": 6,
        "in_period": 2,
        "of_key": 1,
        "unreadable_records": 2,
        "first_at": "2026-11-21T23:59:59Z",
        "last_at": "2026-11-23T00:00:00Z",
        "problem": "",
    }
    assert ids == ["e-1"]


def test_plain_json_is_read_like_gzip(tmp_path: Path):
    write(tmp_path, {"a.json": gzip.decompress(packed(record("e-1"))), "b.json.gz": packed(record("e-2"))})

    assert read(tmp_path)[1] == ["e-1", "e-2"]


def test_the_answer_does_not_depend_on_the_order_on_disk(tmp_path: Path):
    one, two = (tmp_path / "1"), (tmp_path / "2")
    content = {f"{n}.json.gz": packed(record(f"e-{n}")) for n in range(9)}
    write(one, content)
    write(two, dict(reversed(content.items())))

    assert read_folder(one, KEY, DAY) == read_folder(two, KEY, DAY)


DIGEST = {"awsAccountId": "111122223333", "digestStartTime": "2026-11-22T09:00:00Z", "logFiles": []}
DAMAGED = {
    "truncated gzip": (packed(record(), record("e-2"))[:-12], "not whole gzip"),
    "gzip with a broken check sum": (packed(record())[:-8] + bytes(8), "not whole gzip"),
    "gzip with a tail": (packed(record()) + b"tail", "not whole gzip"),
    "truncated JSON": (gzip.compress(b'{"Records": [{"eventID": "e-9"'), "not JSON"),
    "empty file": (b"", "not JSON"),
    "empty gzip": (gzip.compress(b""), "not JSON"),
    "no UTF-8": (b'{"Records": "\xff"}', "not JSON"),
    "JSON without end": (b"[" * 100_000, "not JSON"),
    "a number without end": (b'{"Records": [' + b"9" * 10_000 + b"]}", "not JSON"),
    "JSON that is no log": (b'{"hello": "world"}', "no list of Records"),
    "a list": (b"[]", "no list of Records"),
    "Records that are none": (b'{"Records": {"a": 1}}', "no list of Records"),
    "digest file": (gzip.compress(json.dumps(DIGEST).encode()), "no list of Records"),
}


@pytest.mark.parametrize(("content", "problem"), DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(tmp_path: Path, content: bytes, problem: str):
    write(tmp_path, {"a.json.gz": packed(record("e-1")), "b.json.gz": content, "c.json.gz": packed(record("e-2"))})

    files, ids = read(tmp_path)

    assert ids == ["e-1", "e-2"]
    assert problem in files["b.json.gz"]["problem"]
    assert (files["b.json.gz"]["size"], files["b.json.gz"]["records"]) == (len(content), 0)
    assert files["a.json.gz"]["problem"] == files["c.json.gz"]["problem"] == ""


def test_a_compression_bomb_is_not_unpacked(tmp_path: Path):
    bomb = gzip.compress(b" " * 50_000_000)
    write(tmp_path, {"bomb.json.gz": bomb, "log.json.gz": packed(record("e-1"))})

    files, ids = read(tmp_path, max_unpacked=2_000_000)

    assert len(bomb) < 100_000
    assert files["bomb.json.gz"]["problem"] == "unpacks to more than 2,000,000 bytes"
    assert ids == ["e-1"]
    assert MAX_UNPACKED <= 2**30


@pytest.mark.parametrize("make", [lambda p: p.symlink_to("nowhere"), os.mkfifo], ids=["link to nothing", "pipe"])
def test_what_is_no_file_is_named(tmp_path: Path, make: Any):
    write(tmp_path, {"a.json.gz": packed(record("e-1"))})
    make(tmp_path / "b.json.gz")

    files, ids = read(tmp_path)

    assert (files["b.json.gz"]["problem"], ids) == ("not a regular file", ["e-1"])


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_file_that_the_disk_does_not_give_is_named(tmp_path: Path):
    write(tmp_path, {"a.json.gz": packed(record("e-1"))})
    (tmp_path / "b.json.gz").symlink_to("/proc/self/mem")

    files, ids = read(tmp_path)

    assert files["b.json.gz"]["problem"].startswith("not readable: ")
    assert ids == ["e-1"]


def test_a_file_name_that_is_no_text_does_not_stop_the_reader(tmp_path: Path):
    (tmp_path / os.fsdecode(b"log-\xff.json.gz")).write_bytes(packed(record("e-1")))

    files, ids = read(tmp_path)

    assert (list(files), ids) == ([r"log-\xff.json.gz"], ["e-1"])


# --- hostile records -----------------------------------------------------------------------------------------------------


def test_a_record_that_could_not_be_written_again_is_counted_as_unreadable(tmp_path: Path):
    """Python reads deeper JSON than it writes, and how deep depends on who calls: the limit is ours."""
    for depth in (30, 100, 400, 960, 985):
        nested = '{"a":' * depth + "1" + "}" * depth
        text = json.dumps({"Records": [record("e-1"), record("e-2", extra="NEST")]}).replace('"NEST"', nested)
        files, ids = read(write(tmp_path, {"a.json": text.encode()}))

        assert (ids, files["a.json"]["unreadable_records"], files["a.json"]["problem"]) in [
            (["e-1", "e-2"], 0, ""),
            (["e-1"], 1, ""),
            ([], 0, files["a.json"]["problem"]),
        ]
        assert (depth > 40) == (ids != ["e-1", "e-2"])


def test_half_a_surrogate_pair_comes_back_as_it_was(tmp_path: Path):
    write(tmp_path, {"a.json": json.dumps({"Records": [record("e-1", userAgent="\ud800 é \U0001f600")]}).encode()})

    body = read_folder(tmp_path, KEY, DAY)

    assert json.loads(body)["records"][0]["userAgent"] == "\ud800 é \U0001f600"
    assert body.decode("utf-8")


def test_a_record_of_a_time_that_is_none_is_unreadable(tmp_path: Path):
    write(tmp_path, {"a.json.gz": packed(record("e-1", "2026-02-30T10:00:00Z"), record("e-2", "9999-12-31T23:59:59Z"))})

    files, ids = read(tmp_path)

    assert (ids, files["a.json.gz"]["unreadable_records"], files["a.json.gz"]["last_at"]) == ([], 2, "")


# --- no folder -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [{}, {"readme.txt": b"x", "logs.zip": b"PK"}])
def test_a_folder_without_log_files_is_a_usage_error(tmp_path: Path, files: Mapping[str, bytes]):
    with pytest.raises(UsageError, match=r"holds no \.json or \.json\.gz file"):
        read_folder(write(tmp_path, files), KEY, DAY)


def test_a_folder_that_is_none_is_a_usage_error(tmp_path: Path):
    write(tmp_path, {"a.json.gz": packed(record())})

    for path in (tmp_path / "absent", tmp_path / "a.json.gz"):
        with pytest.raises(UsageError, match="not a folder") as error:
            read_folder(path, KEY, DAY)
        assert str(path) in error.value.message
