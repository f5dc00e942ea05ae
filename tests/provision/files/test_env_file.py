"""The key's name in files of environment variables."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.errors import UsageError
from fluo_audit.provision.files.env_file import is_env_file, read_env_file
from fluo_audit.provision.outputs import environment_variables

ARN = "arn:aws:kms:us-east-1:111122223333:key/0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"


def named(text: str) -> str:
    return read_env_file(text, "backend.env").key_name().value


@pytest.mark.parametrize(
    "text",
    [
        f"AWS_KMS_MASTER_KEY_ID={ARN}",
        f"FLUO_KMS_PROVIDER=aws\r\nAWS_KMS_MASTER_KEY_ID={ARN}\r\nAWS_KMS_REGION=us-east-1\r\n",
        f'export AWS_KMS_MASTER_KEY_ID="{ARN}"',
        f"export AWS_KMS_MASTER_KEY_ID='{ARN}'  # production",
        f"# AWS_KMS_MASTER_KEY_ID=alias/old\n\nAWS_KMS_MASTER_KEY_ID = {ARN}\n",
        f"AWS_KMS_MASTER_KEY_ID=alias/old\nAWS_KMS_MASTER_KEY_ID={ARN}\n",
        f"AWS_KMS_MASTER_KEY_ID=${{KMS_KEY:-{ARN}}}",
        f"DB_PASSWORD='not\nclosed\nAWS_KMS_MASTER_KEY_ID={ARN}",
    ],
)
def test_a_key_is_read_as_docker_and_shells_write_it(text: str):
    assert named(text) == ARN


@pytest.mark.parametrize(
    "text", ["", "AWS_KMS_MASTER_KEY_ID", "AWS_KMS_MASTER_KEY_ID=", "AWS_KMS_MASTER_KEY_ID=$KMS_KEY"]
)
def test_no_variable_of_this_machine_fills_in(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_KMS_MASTER_KEY_ID", ARN)
    monkeypatch.setenv("KMS_KEY", ARN)

    name = read_env_file(text, "backend.env").key_name()

    assert name.value == ""
    assert name.reason


def test_what_this_tool_prints_for_containers_is_read_back():
    text = "".join(f"{name}={value}\n" for name, value in environment_variables(ARN, "us-east-1", 90).items())

    settings = read_env_file(text, "backend.env")

    assert (settings.key_name().value, settings.region.value, settings.provider.value) == (ARN, "us-east-1", "aws")


def test_a_line_about_the_key_that_cannot_be_read_is_an_error_with_its_place(caplog: pytest.LogCaptureFixture):
    with pytest.raises(UsageError) as error:
        read_env_file('A=1\n\n\nexport AWS_KMS_MASTER_KEY_ID="hunter2\n', "backend.env")

    assert error.value.message == "backend.env:4: not NAME=value"
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("file", "text", "is_env"),
    [
        (".env", "", True),
        ("deploy/.env.production", "", True),
        ("backend.env", "aws.kms.region=x", True),
        ("application.properties", "AWS_KMS_REGION=us-east-1", False),
        ("application-prod.properties", "", False),
        ("variables", "A=1\n  export AWS_KMS_REGION = us-east-1", True),
        ("variables", "aws.kms.region=us-east-1\n# AWS_KMS_REGION=x", False),
        ("/dev/fd/63", "FLUO_KMS_PROVIDER=aws", True),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_name_or_else_its_text(file: str, text: str, is_env: bool):
    assert is_env_file(file, text) is is_env


@given(st.text())
def test_any_text_is_read_or_refused(text: str):
    with suppress(UsageError):
        read_env_file(text, "f").key_name()
