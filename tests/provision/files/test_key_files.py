"""Files are opened with care, and only the key's names come out of them."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.provision.files.key_files import CONFIGURATION_LIMIT, LIMIT, read_names

ARN = "arn:aws:kms:us-east-1:111122223333:key/0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"
OUTPUTS = json.dumps({"kms_key_arn": {"value": ARN, "type": "string", "sensitive": False}})
PROPERTIES = f"aws.kms.master-key-id={ARN}\ndb.password=hunter2\n"


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_every_file_that_is_given_is_read_in_this_order(tmp_path: Path):
    state = {
        "version": 4,
        "lineage": "x",
        "outputs": {"kms_key_arn": {"value": ARN, "type": "string"}},
        "resources": [],
    }
    files = {
        "terraform_output": write(tmp_path, "outputs.json", OUTPUTS),
        "tfstate": write(tmp_path, "terraform.tfstate", json.dumps(state)),
        "properties": write(tmp_path, "application.properties", PROPERTIES),
    }

    names = read_names(**files)

    assert [name.value for name in names] == [ARN] * 3
    assert [name.file for name in names] == list(files.values())
    assert "hunter2" not in repr(names)
    assert read_names() == ()


def test_a_dash_is_standard_input_and_pipes_are_files():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(OUTPUTS.encode())

    (of_stdin,) = read_names(terraform_output="-", stdin=io.BytesIO(OUTPUTS.encode()))
    (of_pipe,) = read_names(terraform_output=f"/dev/fd/{reading}")
    os.close(reading)

    assert (of_stdin.value, of_stdin.file) == (ARN, "standard input")
    assert of_pipe.value == ARN


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("backend.env", f"AWS_KMS_MASTER_KEY_ID={ARN}"),
        ("variables", f"export AWS_KMS_MASTER_KEY_ID='{ARN}'"),
        ("application.properties", PROPERTIES),
        ("config", PROPERTIES),
    ],
)
def test_properties_and_environment_files_are_told_apart(tmp_path: Path, name: str, text: str):
    (found,) = read_names(properties=write(tmp_path, name, text))

    assert found.value == ARN


def test_the_environment_chooses_the_profile(tmp_path: Path):
    file = write(tmp_path, "application.properties", PROPERTIES + "%staging.aws.kms.master-key-id=alias/fluo-staging")

    assert [name.value for name in read_names(properties=file, environment="staging")] == ["alias/fluo-staging"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_powershell_writes_is_read(tmp_path: Path, encoding: str):
    (name,) = read_names(terraform_output=write(tmp_path, "o.json", OUTPUTS.encode(encoding)))

    assert name.value == ARN


def test_latin_1_is_read(tmp_path: Path):
    (name,) = read_names(properties=write(tmp_path, "a.properties", f"# f\u00fcr\n{PROPERTIES}".encode("latin-1")))

    assert name.value == ARN


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path):
    for file, reason in ((tmp_path / "nosuch", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(UsageError, match=reason) as error:
            read_names(tfstate=str(file))
        assert str(file) in error.value.message


@pytest.mark.parametrize(("option", "limit"), [("tfstate", LIMIT), ("properties", CONFIGURATION_LIMIT)])
def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, option: str, limit: int):
    huge = tmp_path / "huge"
    with huge.open("wb") as stream:
        stream.truncate(limit + 1)

    with pytest.raises(UsageError, match=f"larger than {limit >> 20} MiB"):
        read_names(**{option: str(huge)})


def test_a_pipe_that_never_ends_is_left():
    reading, writing = os.pipe()

    def pour() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            try:
                while True:
                    pipe.write(b" " * 2**20)
            except BrokenPipeError:
                return

    pouring = threading.Thread(target=pour)
    pouring.start()
    with pytest.raises(UsageError, match="larger than 64 MiB"), os.fdopen(reading, "rb") as stream:
        read_names(terraform_output="-", stdin=stream)
    pouring.join()
