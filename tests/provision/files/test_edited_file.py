"""A file of the user's is changed whole or not at all, and what it was is kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fluo_audit.errors import OutputError, UsageError
from fluo_audit.provision.files.edited_file import LIMIT, edit_file


def to(content: bytes) -> Callable[[bytes], bytes]:
    return lambda _: content


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_kept_as_a_backup(tmp_path: Path):
    path = tmp_path / "a.properties"
    path.write_bytes(b"old")

    edited = edit_file(path, lambda before: before + b" new")

    assert path.read_bytes() == b"old new"
    assert edited.changed
    assert edited.backup == tmp_path / "a.properties.backup"
    assert edited.backup.read_bytes() == b"old"
    assert names(tmp_path) == ["a.properties", "a.properties.backup"]


def test_nothing_is_written_when_nothing_changes(tmp_path: Path):
    path = tmp_path / "a.properties"
    path.write_bytes(b"same")
    before = path.stat()

    edited = edit_file(path, lambda content: content)

    assert (edited.changed, edited.backup) == (False, None)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert names(tmp_path) == ["a.properties"]


def test_a_backup_is_never_overwritten_and_one_with_the_same_bytes_serves_again(tmp_path: Path):
    path = tmp_path / "a"
    (tmp_path / "a.backup").write_bytes(b"of somebody else")
    path.write_bytes(b"1")
    backups = [edit_file(path, to(content)).backup for content in (b"2", b"3", b"1", b"2")]

    assert [backup.name for backup in backups if backup] == ["a.backup.1", "a.backup.2", "a.backup.3", "a.backup.1"]
    assert (tmp_path / "a.backup").read_bytes() == b"of somebody else"


def test_a_missing_file_is_made_but_not_its_folder(tmp_path: Path):
    edited = edit_file(tmp_path / "new", to(b"x"))

    assert (edited.changed, edited.backup, names(tmp_path)) == (True, None, ["new"])
    with pytest.raises(OutputError, match="No such file or directory"):
        edit_file(tmp_path / "nosuch" / "new", to(b"x"))
    assert names(tmp_path) == ["new"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_mode_and_owner_stay_and_the_backup_is_no_wider_open(tmp_path: Path, mode: int):
    path = tmp_path / "a"
    path.write_bytes(b"secret")
    path.chmod(mode)
    before = path.stat()

    backup = edit_file(path, to(b"x")).backup

    assert backup is not None
    for made in (path.stat(), backup.stat()):
        assert (stat.S_IMODE(made.st_mode), made.st_uid, made.st_gid) == (mode, before.st_uid, before.st_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to somebody else")
def test_root_does_not_take_a_file_from_its_owner(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"x")
    os.chown(path, 12345, 12346)

    edit_file(path, to(b"y"))

    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)


def test_a_read_only_file_is_left_alone_by_root_too(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"x")
    path.chmod(0o444)

    with pytest.raises(OutputError, match="read-only"):
        edit_file(path, to(b"y"))
    assert (path.read_bytes(), names(tmp_path)) == (b"x", ["a"])


def test_a_link_stays_and_the_file_it_leads_to_changes(tmp_path: Path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"x")
    link.symlink_to(real)

    backup = edit_file(link, to(b"y")).backup

    assert link.is_symlink()
    assert (real.read_bytes(), backup) == (b"y", tmp_path / "real.backup")


def test_a_link_that_leads_nowhere_or_in_a_circle_is_an_error(tmp_path: Path):
    (tmp_path / "lost").symlink_to(tmp_path / "nosuch")
    (tmp_path / "round").symlink_to(tmp_path / "round")

    for name in ("lost", "round"):
        with pytest.raises(OutputError, match=name):
            edit_file(tmp_path / name, to(b"y"))
    assert names(tmp_path) == ["lost", "round"]


def test_what_is_no_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UsageError, match="not a regular file"):
            edit_file(path, to(b"y"))


def test_a_huge_file_is_refused_unread(tmp_path: Path):
    path = tmp_path / "a"
    with path.open("wb") as stream:
        stream.truncate(LIMIT + 1)

    with pytest.raises(UsageError, match="1 MiB"):
        edit_file(path, to(b"y"))


def test_a_change_by_somebody_else_meanwhile_is_not_lost(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"x")

    def edit(before: bytes) -> bytes:
        path.write_bytes(b"of somebody else")
        return before + b"y"

    with pytest.raises(OutputError, match="meanwhile"):
        edit_file(path, edit)
    assert path.read_bytes() == b"of somebody else"
    assert names(tmp_path) == ["a", "a.backup"]


def test_a_refused_edit_leaves_nothing_behind(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"x")

    def edit(_: bytes) -> bytes:
        raise UsageError("no")

    with pytest.raises(UsageError):
        edit_file(path, edit)
    assert (path.read_bytes(), names(tmp_path)) == (b"x", ["a"])
