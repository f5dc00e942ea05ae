"""A folder answers as a bucket does, and nothing outside it is ever read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fluo_audit.aws.folder import FolderObjects
from fluo_audit.aws.objects import LARGEST, ObjectError

FILES = {
    "AWSLogs/1/CloudTrail/eu-west-1/a.json": b"a",
    "AWSLogs/1/CloudTrail/us-east-1/b.json": b"bb",
    "AWSLogs/1/CloudTrail-Digest/us-east-1/d.json": b"d",
    "AWSLogs/12/CloudTrail/us-east-1/c.json": b"",
    "readme": b"r",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "logs"


def keys(folder: Path, prefix: str = "", start_after: str = "") -> list[str]:
    return [info.key for info in FolderObjects(folder).list(prefix, start_after)]


@pytest.mark.parametrize(
    "prefix", ["", "AWS", "AWSLogs/", "AWSLogs/1", "AWSLogs/1/", "AWSLogs/1/CloudTrail", "read", "no/", "readme/"]
)
def test_files_are_listed_as_a_bucket_lists_them(folder: Path, prefix: str):
    """In the order of whole keys: "CloudTrail-Digest/" comes before "CloudTrail/"."""
    assert keys(folder, prefix) == sorted(name for name in FILES if name.startswith(prefix))


def test_a_listing_goes_on_behind_a_key(folder: Path):
    assert keys(folder, "AWSLogs/1/", "AWSLogs/1/CloudTrail/eu-west-1/a.json") == [
        "AWSLogs/1/CloudTrail/us-east-1/b.json"
    ]


def test_the_etag_changes_with_the_file(folder: Path):
    def etag() -> str:
        return next(FolderObjects(folder).list("readme")).etag

    first = etag()
    assert etag() == first
    os.utime(folder / "readme", ns=(0, 1))
    second = etag()
    (folder / "readme").write_bytes(b"other")
    os.utime(folder / "readme", ns=(0, 1))

    assert len({first, second, etag()}) == 3


def test_folders_are_named_and_files_are_not(folder: Path):
    objects = FolderObjects(folder)

    assert objects.folders("AWSLogs/") == ("1", "12")
    assert objects.folders("AWSLogs/1/CloudTrail/") == ("eu-west-1", "us-east-1")
    assert objects.folders("") == ("AWSLogs",)
    assert objects.folders("AWSLogs/13/") == objects.folders("readme/") == ()


def test_a_file_is_given_whole(folder: Path):
    objects = FolderObjects(folder)

    assert {info.key: objects.get(info.key).body for info in objects.list("")} == FILES
    assert objects.get("readme").metadata == {}
    assert objects.bucket == str(folder)


@pytest.mark.parametrize("key", ["no", "AWSLogs/no", "readme/below", "a\0b", "x" * 5000])
def test_what_is_not_there_is_gone(folder: Path, key: str):
    with pytest.raises(ObjectError) as caught:
        FolderObjects(folder).get(key)
    assert caught.value.is_gone or "too long" in caught.value.message


@pytest.mark.parametrize("key", ["../secret", "AWSLogs/../../secret", "/../secret", "link", "linked/secret"])
def test_nothing_outside_the_folder_is_read(folder: Path, key: str):
    (folder.parent / "secret").write_text("s")
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "linked").symlink_to(folder.parent)

    with pytest.raises(ObjectError) as caught:
        FolderObjects(folder).get(key)
    assert caught.value.code == "link"


def test_an_absolute_key_is_below_the_folder(folder: Path):
    assert FolderObjects(folder).get("/readme").body == b"r"
    with pytest.raises(ObjectError) as caught:
        FolderObjects(folder).get(str(folder / "readme"))
    assert caught.value.is_gone


def test_a_link_is_listed_and_refused_so_that_nothing_is_left_out_in_silence(folder: Path):
    (folder / "AWSLogs/1/CloudTrail/eu-west-2").symlink_to(folder / "AWSLogs/1/CloudTrail/eu-west-1")
    objects = FolderObjects(folder)

    assert "AWSLogs/1/CloudTrail/eu-west-2" in keys(folder, "AWSLogs/1/")
    for read in (
        lambda: objects.folders("AWSLogs/1/CloudTrail/"),
        lambda: keys(folder, "AWSLogs/1/CloudTrail/eu-west-2/"),
        lambda: objects.get("AWSLogs/1/CloudTrail/eu-west-2"),
    ):
        with pytest.raises(ObjectError) as caught:
            read()
        assert caught.value.code == "link"


def test_a_folder_that_is_itself_a_link_is_the_users_choice(folder: Path):
    (folder.parent / "here").symlink_to(folder)

    assert keys(folder.parent / "here") == sorted(FILES)


def test_a_pipe_is_listed_and_refused(folder: Path):
    os.mkfifo(folder / "pipe")

    assert "pipe" in keys(folder)
    with pytest.raises(ObjectError, match="not a regular file"):
        FolderObjects(folder).get("pipe")


def test_a_directory_is_no_object(folder: Path):
    with pytest.raises(ObjectError, match="not a regular file"):
        FolderObjects(folder).get("AWSLogs")


def test_what_is_too_large_for_a_log_file_is_refused(folder: Path):
    os.truncate(folder / "readme", LARGEST + 1)

    with pytest.raises(ObjectError, match="too large"):
        FolderObjects(folder).get("readme")


def test_a_name_that_is_not_utf_8_is_listed_in_words_and_cannot_be_read(folder: Path):
    Path(os.fsdecode(os.fsencode(folder) + b"/a\xff")).write_bytes(b"x")

    assert "a\\xff" in keys(folder)
    with pytest.raises(ObjectError) as caught:
        FolderObjects(folder).get("a\\xff")
    assert caught.value.is_gone


def test_a_folder_that_is_not_there_is_no_empty_bucket(tmp_path: Path):
    with pytest.raises(ObjectError) as caught:
        keys(tmp_path / "no")
    assert (caught.value.api, caught.value.is_gone) == ("folder:List", True)
    with pytest.raises(ObjectError):
        FolderObjects(tmp_path / "no").folders("")
