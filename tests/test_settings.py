"""What fluo-audit.toml may say, and how a mistake in it is told."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from fluo_audit.cli.options import Globals
from fluo_audit.errors import UsageError
from fluo_audit.model.baseline import Baseline
from fluo_audit.pipeline import sample_settings
from fluo_audit.settings import FILE_NAME, EventSettings, Settings, load_settings, settings_of

WHOLE = """
entity = "FLUO, Inc."
environment = "production"
key = "alias/fluo-production"
region = "eu-west-1"
profile = "audit"
terraform_output = "/srv/fluo/outputs.json"
tfstate = "/srv/fluo/terraform.tfstate"
properties = "/srv/fluo/application.properties"

[events]
source = "s3"
trail = "main-trail"
store = "/var/lib/events"
athena_table = "logs.cloudtrail"
athena_workgroup = "audit"
lake_store = "arn:aws:cloudtrail:us-east-1:111122223333:eventdatastore/one"
max_scan_gb = 7

[baseline]
cryptoperiod_days = 30
rotation_grace_days = 0
backend_roles = ["arn:aws:iam::111122223333:role/fluo-backend"]
key_administrators = ["arn:aws:iam::111122223333:role/admin"]
expected_principals = []
encryption_context_purposes = ["a", "b"]
grantees = ["rds.amazonaws.com"]
denied_calls_per_day = 0
monthly_budget_usd = "6.10"

[baseline.applies]
soc2 = true
pci-dss = false

[provision]
fluo_role_arns = ["arn:aws:iam::111122223333:role/fluo-backend"]
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "settings.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(folder: Path, text: str | bytes) -> UsageError:
    path = write(folder, text)
    with pytest.raises(UsageError) as error:
        load_settings(path)
    assert str(path) in error.value.message
    return error.value


# --- what is read --------------------------------------------------------------------------------------------------------


def test_every_setting_is_read(tmp_path: Path):
    settings = load_settings(write(tmp_path, WHOLE))
    document = tomllib.loads(WHOLE)

    assert {*document} == {f.name for f in fields(Settings)}
    assert {*document["baseline"]} == {f.name for f in fields(Baseline)}
    assert {*document["events"]} == {f.name for f in fields(EventSettings)}
    assert settings.events == EventSettings(**document["events"])
    plain = {name: value for name, value in document.items() if name not in {"baseline", "events"}}
    assert {name: getattr(settings, name) for name in plain} == plain
    assert settings.baseline == Baseline(
        cryptoperiod_days=30,
        rotation_grace_days=0,
        backend_roles=("arn:aws:iam::111122223333:role/fluo-backend",),
        key_administrators=("arn:aws:iam::111122223333:role/admin",),
        expected_principals=(),
        encryption_context_purposes=("a", "b"),
        grantees=("rds.amazonaws.com",),
        denied_calls_per_day=0,
        monthly_budget_usd=Decimal("6.10"),
        applies={"soc2": True, "pci-dss": False},
    )


@pytest.mark.parametrize(
    ("written", "amount"), [('"6.10"', "6.10"), ("6.10", "6.1"), ("6", "6"), ("0.1", "0.1"), ('"0"', "0")]
)
def test_the_budget_is_an_exact_amount(tmp_path: Path, written: str, amount: str):
    budget = load_settings(write(tmp_path, f"[baseline]\nmonthly_budget_usd = {written}")).baseline.monthly_budget_usd

    assert str(budget) == amount


@pytest.mark.parametrize("text", ["", "[baseline]\n", "# nothing\n"])
def test_what_is_not_said_has_its_default(tmp_path: Path, text: str):
    assert load_settings(write(tmp_path, text)) == Settings()


def test_the_file_in_the_folder_is_taken_and_need_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings(None) == Settings()

    Path(FILE_NAME).write_text('entity = "FLUO"')
    assert load_settings(None).entity == "FLUO"


def test_no_agreed_budget_is_not_a_budget_of_nothing():
    assert Settings().baseline.monthly_budget_usd is None


# --- mistakes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [f.name for f in fields(Settings) if f.name != "baseline"])
def test_a_misspelt_setting_names_itself_the_file_and_the_nearest_one(tmp_path: Path, name: str):
    error = refused(tmp_path, f'{name}x = "v"')

    assert f"unknown setting {name}x" in error.message
    assert error.hint == f"did you mean {name}?"


@pytest.mark.parametrize("name", [f.name for f in fields(Baseline)])
def test_a_misspelt_declaration_names_itself_the_file_and_the_nearest_one(tmp_path: Path, name: str):
    error = refused(tmp_path, f"[baseline]\n{name[:-1]} = 1")

    assert f"unknown setting baseline.{name[:-1]}" in error.message
    assert error.hint == f"did you mean baseline.{name}?"


@pytest.mark.parametrize("text", ["zzz = 1", "[baseline]\nzzz = 1"])
def test_a_setting_like_no_other_lists_those_that_exist(tmp_path: Path, text: str):
    hint = refused(tmp_path, text).hint

    assert hint.startswith("known here: ")
    assert ("cryptoperiod_days" if "baseline" in text else "environment") in hint


def test_a_declaration_outside_its_table_is_not_ignored(tmp_path: Path):
    assert "cryptoperiod_days" in refused(tmp_path, "cryptoperiod_days = 30").message


@pytest.mark.parametrize(
    ("text", "place", "wanted"),
    [
        ("entity = 5", "entity", "text"),
        ("key = ['a']", "key", "text"),
        ("region = true", "region", "text"),
        ("baseline = 5", "baseline", "a table"),
        ("[[baseline]]\ncryptoperiod_days = 5", "baseline", "a table"),
        ("[baseline]\ncryptoperiod_days = '90'", "baseline.cryptoperiod_days", "a whole number"),
        ("[baseline]\ncryptoperiod_days = 90.0", "baseline.cryptoperiod_days", "a whole number"),
        ("[baseline]\ncryptoperiod_days = true", "baseline.cryptoperiod_days", "a whole number"),
        ("[baseline]\ndenied_calls_per_day = -1", "baseline.denied_calls_per_day", "a whole number"),
        ("[baseline]\nbackend_roles = 'arn'", "baseline.backend_roles", "a list of texts"),
        ("[baseline]\nbackend_roles = [5]", "baseline.backend_roles", "a list of texts"),
        ("[baseline]\nmonthly_budget_usd = true", "baseline.monthly_budget_usd", "an amount"),
        ("[baseline]\nmonthly_budget_usd = [6]", "baseline.monthly_budget_usd", "an amount"),
        ("[baseline]\nmonthly_budget_usd = '6,00'", "baseline.monthly_budget_usd", "an amount such as 6.00"),
        ("[baseline]\nmonthly_budget_usd = ''", "baseline.monthly_budget_usd", "an amount such as 6.00"),
        ("[baseline]\nmonthly_budget_usd = nan", "baseline.monthly_budget_usd", "an amount such as 6.00"),
        ("[baseline]\nmonthly_budget_usd = inf", "baseline.monthly_budget_usd", "an amount such as 6.00"),
        ("[baseline]\nmonthly_budget_usd = -1", "baseline.monthly_budget_usd", "an amount such as 6.00"),
        ("[baseline]\napplies = true", "baseline.applies", "a table of framework = true or false"),
        ("[baseline.applies]\nsoc2 = 'yes'", "baseline.applies", "a table of framework = true or false"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_with_its_place(tmp_path: Path, text: str, place: str, wanted: str):
    assert refused(tmp_path, text).message.endswith(f": {place} must be {wanted}")


@pytest.mark.parametrize("text", ["not toml", 'entity = "a"\nentity = "b"', "[baseline"])
def test_what_is_no_toml_says_so_and_where(tmp_path: Path, text: str):
    error = refused(tmp_path, text)

    assert "not TOML" in error.message
    assert "(at " in error.message


def test_what_is_no_text_says_so(tmp_path: Path):
    assert "cannot be read" in refused(tmp_path, b"\xff\xfe").message


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path, name: str):
    with pytest.raises(UsageError, match="cannot be read") as error:
        load_settings(tmp_path / name)
    assert "--config" in error.value.hint


def test_where_settings_come_from_is_named_when_it_is_no_file():
    with pytest.raises(UsageError, match="the sample settings: unknown setting colour"):
        settings_of({"colour": "red"}, "the sample settings")


# --- precedence ----------------------------------------------------------------------------------------------------------


def test_what_is_given_on_the_command_line_wins_over_the_file(tmp_path: Path):
    path = write(tmp_path, WHOLE.replace('key = "alias/fluo-production"\n', ""))
    settings = Globals(config=path, region="us-east-2", profile="other", environment="staging").settings()

    assert (settings.region, settings.profile, settings.environment) == ("us-east-2", "other", "staging")
    assert (settings.entity, settings.baseline.cryptoperiod_days) == ("FLUO, Inc.", 30)


def test_what_is_not_given_comes_from_the_file(tmp_path: Path):
    path = write(tmp_path, WHOLE)

    assert Globals(config=path).settings() == load_settings(path)


def test_a_key_that_is_given_replaces_the_environment_of_the_file(tmp_path: Path):
    settings = Globals(config=write(tmp_path, WHOLE), key="alias/other").settings()

    assert (settings.key, settings.environment) == ("alias/other", "")


def test_the_simulated_account_does_not_read_the_file_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path(FILE_NAME).write_text('entity = "somebody"')

    assert Globals(demo=True).settings() == sample_settings()
    assert Globals(demo=True, config=Path(FILE_NAME)).settings().entity == "somebody"
