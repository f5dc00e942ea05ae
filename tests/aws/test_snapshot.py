"""A snapshot comes back from disk as it was written, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fluo_audit import storage
from fluo_audit.aws.door import Failure, Request, unanswered
from fluo_audit.aws.snapshot import (
    CALLS_FILE,
    MANIFEST_FILE,
    SCOPE_FILE,
    Snapshot,
    baseline_document,
    baseline_of,
    load,
    record,
)
from fluo_audit.errors import IntegrityError, UsageError
from fluo_audit.model.baseline import Baseline
from fluo_audit.settings import EventSettings


@pytest.fixture(scope="module")
def snapshot(collection) -> Snapshot:
    return collection.snapshot


@pytest.fixture
def folder(snapshot: Snapshot, tmp_path: Path) -> Path:
    target = tmp_path / "snapshot"
    snapshot.save(target)
    return target


def vouch(folder: Path) -> None:
    """Write the manifest again, as somebody would who covers up an edit."""
    files = storage.read_tree(folder).files
    lines = {path: fact.sha256 for path, fact in files.items() if path != MANIFEST_FILE}
    (folder / MANIFEST_FILE).write_text(storage.manifest_lines(lines))


# --- round trip --------------------------------------------------------------------------------------------------


def test_a_snapshot_comes_back_as_it_was(snapshot: Snapshot, folder: Path):
    back = load(folder)

    assert back == snapshot
    assert back.sha256 == snapshot.sha256 == sha256((folder / MANIFEST_FILE).read_bytes()).hexdigest()


def test_the_files_on_disk_are_the_files_of_the_snapshot(snapshot: Snapshot, folder: Path):
    on_disk = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    assert on_disk == snapshot.files()


def test_the_manifest_is_one_that_coreutils_reads(folder: Path):
    """Checked here by hand: hash, two spaces, path, for every file but itself."""
    lines = (folder / MANIFEST_FILE).read_text().splitlines()
    listed = {line[66:]: line[:64] for line in lines}
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST_FILE}

    assert {line[64:66] for line in lines} == {"  "}
    assert listed == {path: sha256((folder / path).read_bytes()).hexdigest() for path in files}


def test_a_bundle_holds_its_snapshot_under_data(snapshot: Snapshot, tmp_path: Path):
    snapshot.save(tmp_path / "bundle" / "data")
    (tmp_path / "bundle" / "data" / "report").mkdir()
    (tmp_path / "bundle" / "data" / "report" / "report.html").write_text("<p>beside it</p>")

    assert load(tmp_path / "bundle") == snapshot


def test_the_declared_baseline_comes_back_in_every_field():
    declared = Baseline(
        cryptoperiod_days=30,
        rotation_grace_days=0,
        backend_roles=("arn:aws:iam::111122223333:role/b",),
        key_administrators=("a",),
        expected_principals=("e", "f"),
        encryption_context_purposes=(),
        grantees=("g",),
        denied_calls_per_day=0,
        monthly_budget_usd=Decimal("6.10"),
        applies={"soc2": True, "hipaa": False},
    )
    default = Baseline()
    assert all(getattr(declared, name) != getattr(default, name) for name in Baseline.__slots__)

    assert baseline_of(json.loads(json.dumps(baseline_document(declared)))) == declared
    assert baseline_of(json.loads(json.dumps(baseline_document(default)))) == default


@pytest.mark.parametrize("text", ["\ud800", "\\\ud83d", "é\u202e\x00\n", '"}{'])
def test_hostile_words_of_aws_come_back_as_they_were(snapshot: Snapshot, tmp_path: Path, text: str):
    """Half a surrogate pair is legal in the JSON of an error message and has no UTF-8 form."""
    request = Request("key", "kms", "DescribeKey", "us-east-1", {"KeyId": "k"})
    saved = record(snapshot.scope, snapshot.baseline, EventSettings(), [unanswered(request, Failure("Strange", text))])
    saved.save(tmp_path / "s")

    assert load(tmp_path / "s") == saved
    assert (tmp_path / "s" / CALLS_FILE).read_text(encoding="utf-8").count("\n") == 1


def test_the_pages_of_a_read_are_files_of_one_number(snapshot: Snapshot):
    events = [s.call for s in snapshot.stored if s.call.source == "events"]
    id_ = events[0].id

    assert len(events) > 1
    assert [c.file for c in events] == [
        f"evidence/cloudtrail/LookupEvents/{id_}-{page:04d}.json" for page in range(1, len(events) + 1)
    ]
    role = next(s.call for s in snapshot.stored if s.call.operation == "GetRole")
    assert role.file == f"evidence/iam/GetRole/{role.id}.xml"


def test_a_read_without_answer_has_no_file(account, collect_all):
    account.fail("kms:GetKeyPolicy", "timeout")
    account.deny("kms:ListGrants")
    stored = {s.call.operation: s for s in collect_all(account).snapshot.stored}

    assert stored["GetKeyPolicy"].call.file == ""
    assert stored["ListGrants"].call.file.endswith(".json")
    assert b"AccessDenied" in stored["ListGrants"].body


# --- every kind of damage ----------------------------------------------------------------------------------------


def test_a_change_to_any_file_is_named(folder: Path):
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name, content = path.relative_to(folder).as_posix(), path.read_bytes()
        path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        with pytest.raises(IntegrityError) as error:
            load(folder)
        assert name in error.value.message or name == MANIFEST_FILE
        assert str(folder) in error.value.message
        path.write_bytes(content)
    load(folder)


def test_a_removed_file_is_named(folder: Path):
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name, content = path.relative_to(folder).as_posix(), path.read_bytes()
        path.unlink()
        with pytest.raises(IntegrityError) as error:
            load(folder)
        assert name in error.value.message
        path.write_bytes(content)
    load(folder)


@pytest.mark.parametrize(
    "name", ["evidence/kms/DescribeKey/E99.json", "collection/notes.txt", "evidence/x", "evidence/kms/.hidden"]
)
def test_an_added_file_is_named(folder: Path, name: str):
    (folder / name).write_text("{}")

    with pytest.raises(IntegrityError, match="added") as error:
        load(folder)
    assert name in error.value.message


def test_a_link_in_place_of_a_file_is_named(folder: Path, tmp_path: Path):
    shutil.move(folder / CALLS_FILE, tmp_path / "calls.jsonl")
    (folder / CALLS_FILE).symlink_to(tmp_path / "calls.jsonl")

    with pytest.raises(IntegrityError, match="symbolic link"):
        load(folder)


@pytest.mark.parametrize("text", [b"", b"cut", b"\xff\xfe", b"0" * 64 + b"  ../outside\n"])
def test_a_manifest_that_is_none_is_an_integrity_error(folder: Path, text: bytes):
    (folder / MANIFEST_FILE).write_bytes(text)

    with pytest.raises(IntegrityError):
        load(folder)


def edit_scope(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        document = json.loads((folder / SCOPE_FILE).read_text())
        document = change(document) or document
        (folder / SCOPE_FILE).write_text(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")

    return edit


def edit_calls(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        lines = [json.loads(line) for line in (folder / CALLS_FILE).read_text().splitlines()]
        lines[0] = change(lines[0]) or lines[0]
        (folder / CALLS_FILE).write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        edit_scope(lambda d: d.update(schema="fluo-audit/snapshot/v9")),
        edit_scope(lambda d: d.pop("schema")),
        edit_scope(lambda d: d["scope"].pop("account")),
        edit_scope(lambda d: d["scope"].update(as_of="yesterday")),
        edit_scope(lambda d: d["scope"].update(to=d["scope"]["from"])),
        edit_scope(lambda d: d["scope"].update(as_of=5)),
        edit_scope(lambda d: d["baseline"].update(monthly_budget_usd="six")),
        edit_scope(lambda d: d["baseline"].update(colour="red")),
        edit_scope(lambda d: d.update(baseline=[])),
        edit_scope(lambda _: ["not", "an", "object"]),
        edit_scope(lambda d: d.update(remark="a member that nobody reads")),
        edit_calls(lambda c: c.update(sha256="0" * 64)),
        edit_calls(lambda c: c.update(file="evidence/absent.json")),
        edit_calls(lambda c: c.update(extra=1)),
        edit_calls(lambda c: c.pop("headers")),
        edit_calls(lambda c: c.update(headers=5)),
        edit_calls(lambda _: "text"),
        lambda folder: (folder / SCOPE_FILE).write_text("[" * 100_000),
        lambda folder: (folder / CALLS_FILE).write_text("not json\n"),
        lambda folder: (folder / CALLS_FILE).unlink(),
        lambda folder: (folder / "evidence" / "kms" / "unclaimed.json").write_text("{}"),
    ],
)
def test_an_edit_with_a_manifest_to_match_is_still_seen(folder: Path, edit: Callable[[Path], None]):
    """Where it breaks the form. What keeps to the form is found by the signature over the bundle, not here."""
    edit(folder)
    vouch(folder)

    with pytest.raises(IntegrityError) as error:
        load(folder)
    assert str(folder) in error.value.message


def test_a_snapshot_of_another_schema_says_which(folder: Path):
    edit_scope(lambda d: d.update(schema="fluo-audit/snapshot/v9"))(folder)
    vouch(folder)

    with pytest.raises(IntegrityError, match=r"schema 'fluo-audit/snapshot/v9', not"):
        load(folder)


# --- no snapshot -------------------------------------------------------------------------------------------------


def test_a_folder_without_a_snapshot_is_a_usage_error(tmp_path: Path):
    (tmp_path / "evidence").mkdir()

    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UsageError, match="no snapshot here") as error:
            load(path)
        assert "collect" in error.value.hint


@pytest.mark.parametrize("inside", ["", "data"])
@pytest.mark.parametrize("given", ["run.partial", "run.partial/run"])
def test_what_an_unfinished_run_left_is_not_read(snapshot: Snapshot, tmp_path: Path, given: str, inside: str):
    snapshot.save(tmp_path / "run.partial" / "run" / inside)
    (tmp_path / "run.partial" / storage.MARKER).touch()

    with pytest.raises(UsageError, match="did not finish"):
        load(tmp_path / given)


def test_a_snapshot_is_never_written_over(snapshot: Snapshot, folder: Path):
    with pytest.raises(UsageError, match="exists already"):
        replace(snapshot, tool="other").save(folder)
    assert load(folder) == snapshot
