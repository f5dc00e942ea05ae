"""What a value of the backend's configuration says without knowing the machine it runs on."""

from __future__ import annotations

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.provision.files.backend_settings import LONGEST, BackendSettings, Setting, stated

ARN = "arn:aws:kms:us-east-1:111122223333:key/0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"


@pytest.mark.parametrize(
    ("written", "value", "reason"),
    [
        (ARN, ARN, ""),
        (f"  {ARN}\t", ARN, ""),
        (f"${{KMS_KEY:{ARN}}}", ARN, ""),
        (f"${{KMS_KEY:${{OTHER:{ARN}}}}}", ARN, ""),
        ("arn:aws:kms:${REGION:us-east-1}:111122223333:key/x", "arn:aws:kms:us-east-1:111122223333:key/x", ""),
        ("", "", "empty"),
        ("${KMS_KEY:}", "", "empty"),
        ("${KMS_KEY}", "", "an expression without a default"),
        ("${KMS_KEY:${OTHER}}", "", "an expression without a default"),
        ("${vault::fluo/kms}", "", "an expression without a default"),
        ("${KMS_KEY", "", "an expression without a default"),
        ("$KMS_KEY", "", "an expression without a default"),
        (None, "", "without a value"),
    ],
)
def test_an_expression_counts_with_its_default_alone(
    written: str | None, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KMS_KEY", "from this machine")

    assert stated({"name": written}, "name", ":") == Setting(value, "name", reason)


@pytest.mark.parametrize(
    ("written", "value"), [("${K:-alias/a}", "alias/a"), ("${K:alias/a}", ""), ("${K-alias/a}", ""), ("${K:-}", "")]
)
def test_environment_files_write_defaults_as_shells_do(written: str, value: str):
    assert stated({"name": written}, "name", ":-").value == value


def test_what_is_not_there_is_told_from_what_is_empty():
    assert stated({}, "name", ":").reason == "not there"


def test_a_long_value_is_not_searched_for_expressions():
    """Nobody's key name is that long, and taking it apart would take for ever."""
    text = "${a:" * LONGEST

    assert stated({"name": text}, "name", ":").value == text


def settings(key: str = ARN, region: str = "", provider: str = "") -> BackendSettings:
    return BackendSettings("f", Setting(key, "k", "" if key else "empty"), Setting(region, "r"), Setting(provider, "p"))


@pytest.mark.parametrize("provider", ["", "aws", "AWS"])
def test_the_key_of_an_aws_backend_is_named(provider: str):
    name = settings(region="us-east-1", provider=provider).key_name()

    assert (name.value, name.source, name.home) == (ARN, "f: k", "us-east-1")


def test_a_backend_with_a_local_key_names_no_kms_key():
    name = settings(provider="local").key_name()

    assert (name.value, name.source, name.reason) == ("", "f: p", "not aws: the backend uses no KMS key")


def test_a_key_that_is_not_stated_has_its_reason():
    name = settings(key="").key_name()

    assert (name.value, name.source, name.reason) == ("", "f: k", "empty")


def test_a_key_in_another_region_than_the_one_beside_it_is_a_mistake_of_the_file():
    with pytest.raises(UsageError, match="another Region than eu-west-1"):
        settings(region="eu-west-1").key_name()
