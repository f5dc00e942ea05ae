"""Every output of the module, by its name, in a form that scripts and the backend read."""

from __future__ import annotations

import json
import re
import shlex

import javaproperties
import pytest

from fluo_audit import provisioning
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.outputs import PROPERTIES, environment_variables, outputs_of, properties_text
from fluo_audit.sandbox.account import SimulatedAccount

BACKEND = "arn:aws:iam::123456789012:role/fluo-backend"
SEED_OUTPUTS = (
    "kms_key_id", "kms_key_arn", "kms_key_alias", "kms_key_alias_arn", "aws_region", "iam_policy_arn",
    "iam_policy_name", "iam_role_name", "iam_role_arn", "instance_profile_name", "replica_key_arns",
    "fluo_backend_config", "fluo_backend_env_vars", "validation_commands", "estimated_monthly_cost_usd",
    "security_checklist",
)  # fmt: skip
ASKED = {"create_iam_role": True, "multi_region_enabled": True, "replica_regions": ["eu-west-1"]}
MORE_OUTPUTS = ("docker_run", "kubernetes_config_map", "retire_steps", "auditor_iam_policy", "iam_policy_document")


@pytest.fixture(scope="module")
def author(engineer_in, tmp_path_factory):
    with SimulatedAccount(empty=True) as account:
        engineer = engineer_in(account, tmp_path_factory.mktemp("plans"))
        engineer.apply(**ASKED)
        yield engineer


@pytest.fixture(scope="module")
def applied(author):
    spec = provisioning.spec_for(author.account.settings, ASKED)
    return provisioning.outputs_for(author.account, spec, Choice())


def test_every_name_of_the_contract_is_there_and_no_unknown_one(applied):
    assert set(applied) == {*SEED_OUTPUTS, *MORE_OUTPUTS}


@pytest.mark.parametrize("name", SEED_OUTPUTS)
def test_an_output_is_the_same_read_raw_and_as_json(applied, name):
    value = applied[name]

    read = json.loads(json.dumps(value.value))
    assert value.value not in (None, "", [], {})
    if isinstance(read, str):
        assert value.raw() == read
    elif isinstance(read, float):
        assert float(value.raw()) == read
    else:
        assert json.loads(value.raw()) == read


def test_the_names_agree_with_what_aws_has(author, applied):
    engineer = author
    kms, iam = engineer.client("kms"), engineer.client("iam")
    key = kms.describe_key(KeyId=applied["kms_key_alias"].value)["KeyMetadata"]
    role = iam.get_role(RoleName=applied["iam_role_name"].value)["Role"]
    profile = iam.get_instance_profile(InstanceProfileName=applied["instance_profile_name"].value)["InstanceProfile"]
    replica = engineer.client("kms", "eu-west-1").describe_key(KeyId=applied["kms_key_id"].value)["KeyMetadata"]

    assert (applied["kms_key_arn"].value, applied["kms_key_id"].value) == (key["Arn"], key["KeyId"])
    assert applied["iam_role_arn"].value == role["Arn"]
    assert [one["RoleName"] for one in profile["Roles"]] == [role["RoleName"]]
    assert applied["replica_key_arns"].value == [replica["Arn"]]
    assert (
        iam.get_policy(PolicyArn=applied["iam_policy_arn"].value)["Policy"]["PolicyName"]
        == applied["iam_policy_name"].value
    )
    alias = next(one for one in kms.list_aliases()["Aliases"] if one["AliasName"] == applied["kms_key_alias"].value)
    assert applied["kms_key_alias_arn"].value == alias["AliasArn"]


def test_the_backend_configuration_parses_as_properties(applied):
    read = javaproperties.loads(applied["fluo_backend_config"].raw())

    assert list(read) == list(PROPERTIES)
    assert read["aws.kms.master-key-id"] == applied["kms_key_arn"].value
    assert read["aws.kms.region"] == "us-east-1"
    assert "EOT" not in applied["fluo_backend_config"].raw()


def test_environment_variables_are_the_properties_under_the_rules_of_quarkus():
    """a.b-c is read from A_B_C, so that each property has one variable with the same unit."""
    properties = javaproperties.loads(properties_text("arn", "us-east-1", 90))
    variables = environment_variables("arn", "us-east-1", 90)

    assert {re.sub(r"[^A-Za-z0-9]", "_", name).upper(): value for name, value in properties.items()} == variables
    assert {"FLUO_KMS_PROVIDER", "AWS_KMS_MASTER_KEY_ID", "AWS_KMS_REGION"} < set(variables)


def test_commands_continue_over_lines_as_a_shell_does(applied):
    commands = applied["validation_commands"].raw()

    assert "\\\\" not in commands
    joined = shlex.split(commands.replace("\\\n", " "), comments=True)
    assert joined.count("aws") == 3
    assert joined[joined.index("--encryption-context") + 1] == "purpose=compliance_evidence"
    assert shlex.split(applied["docker_run"].raw().replace("\\\n", " "))[:2] == ["docker", "run"]


def test_the_price_is_that_of_two_keys_after_two_rotations(applied):
    assert applied["estimated_monthly_cost_usd"].value == 6.0
    assert "$1 each a month" in applied["estimated_monthly_cost_usd"].about


def test_what_does_not_exist_is_null_and_raw_is_empty(engineer):
    plan = engineer.plan(fluo_role_arns=[BACKEND])
    outputs = outputs_of(plan, {})

    for name in ("kms_key_id", "kms_key_arn", "iam_role_arn", "iam_policy_arn", "fluo_backend_config", "docker_run"):
        assert (outputs[name].value, outputs[name].raw()) == (None, "")
    assert outputs["replica_key_arns"].value == []
    assert all("does not exist yet" in claim for claim in outputs["security_checklist"].value.values())


def test_the_checklist_claims_nothing_that_is_not_in_force(author):
    spec = provisioning.spec_for(author.account.settings, {**ASKED, "key_rotation_period_days": 120})
    checklist = provisioning.outputs_for(author.account, spec, Choice())["security_checklist"].value

    assert checklist["rotation"].startswith("NOT IN FORCE")
    assert checklist["encryption_context"].startswith("enforced")
    unnamed = provisioning.spec_for(author.account.settings, {}, roles_needed=False)
    claims = provisioning.outputs_for(author.account, unnamed, Choice())["security_checklist"].value
    assert {claim.split(":")[0] for claim in claims.values()} == {"not compared"}


def test_the_auditor_gets_reads_and_nothing_else(applied):
    (statement,) = json.loads(applied["auditor_iam_policy"].raw())["Statement"]

    assert statement["Effect"] == "Allow"
    assert "kms:GetKeyPolicy" in statement["Action"]
    assert [a for a in statement["Action"] if not re.search(":(Get|List|Describe|Lookup)", a)] == []


def test_retiring_is_described_and_never_done(applied):
    steps = applied["retire_steps"].raw()

    assert steps.index("disable-key") < steps.index("schedule-key-deletion --")
    assert "--pending-window-in-days 30" in steps


def test_types_are_stated_as_terraform_states_them(applied):
    assert applied["kms_key_arn"].type == "string"
    assert applied["estimated_monthly_cost_usd"].type == "number"
    assert applied["replica_key_arns"].type == ["list", "string"]
    assert applied["fluo_backend_env_vars"].type == ["map", "string"]
