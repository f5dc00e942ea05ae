"""The user's AWS configuration opens the session; what is wrong with it is said in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluo_audit.aws.session import has_credentials, open_session, region_of_session, sealed_session
from fluo_audit.errors import CredentialsError, UsageError

VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of an AWS configuration that is empty, and no other one."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


@pytest.mark.usefixtures("home")
def test_without_configuration_there_are_no_credentials_and_the_region_is_asked_for():
    session = open_session("", "")

    assert not has_credentials(session)
    with pytest.raises(UsageError) as error:
        region_of_session(session)
    assert "--region" in error.value.hint


@pytest.mark.usefixtures("home")
def test_the_region_that_is_given_wins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    assert region_of_session(open_session("", "")) == "eu-west-1"
    assert region_of_session(open_session("", "us-east-2")) == "us-east-2"


def test_the_profile_brings_its_keys_and_region(home: Path):
    (home / "config").write_text("[profile audit]\nregion = eu-central-1\n")
    (home / "credentials").write_text("[audit]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n")
    session = open_session("audit", "")

    assert has_credentials(session)
    assert region_of_session(session) == "eu-central-1"


@pytest.mark.usefixtures("home")
def test_an_unknown_profile_is_named():
    with pytest.raises(CredentialsError, match="nobody"):
        open_session("nobody", "us-east-1")


def test_half_a_key_pair_is_an_error_in_words(home: Path):
    (home / "credentials").write_text("[default]\naws_access_key_id = AKIAEXAMPLE\n")

    with pytest.raises(CredentialsError, match="aws_secret_access_key"):
        has_credentials(open_session("", "us-east-1"))


def test_a_configuration_that_is_no_configuration_is_named(home: Path):
    (home / "config").write_text("not [ a file of settings\n")

    with pytest.raises(UsageError, match=str(home / "config")):
        open_session("", "us-east-1")


def test_nothing_of_the_user_reaches_a_sealed_session(home: Path, monkeypatch: pytest.MonkeyPatch):
    (home / "config").write_text("not [ a file of settings\n")
    for name, value in {
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_KMS": "not a url",
        "AWS_RETRY_MODE": "never",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_CA_BUNDLE": str(home / "absent.pem"),
        "AWS_DEFAULTS_MODE": "whatever",
    }.items():
        monkeypatch.setenv(name, value)
    client = sealed_session().client("kms", region_name="us-east-1")

    assert client.meta.endpoint_url == "https://kms.us-east-1.amazonaws.com"
