"""What is known about a set-up is what AWS has and what files say; the rest is not known, with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluo_audit import provisioning
from fluo_audit.errors import UsageError
from fluo_audit.provision.defects.observe import Given, read_files
from fluo_audit.provision.defects.set_up import SetUp
from fluo_audit.provision.desired import Choice

ROLE = "arn:aws:iam::123456789012:role/fluo/fluo-backend-production"
CREATED = {"create_iam_role": True, "multi_region_enabled": True, "replica_regions": ["eu-west-1"]}


def seen(engineer: Any, given: Given | None = None, **variables: Any) -> SetUp:
    spec = provisioning.spec_for(engineer.account.settings, variables)
    return provisioning.set_up_for(engineer.account, spec, Choice(), given or Given())


def test_everything_that_was_made_is_seen(engineer):
    watched = {**CREATED, "enable_audit_trail": True, "enable_alarms": True, "allowed_tenant_ids": ["t-1"]}
    engineer.apply(**watched)

    set_up = seen(engineer, **watched)

    assert set_up.unknown == {}
    assert set_up.roles == (ROLE,)
    assert set_up.context == {"purpose": ("compliance_evidence", "pii_redaction"), "tenantId": ("t-1",)}
    assert set_up.key_policy == set_up.replica_policies["eu-west-1"]
    assert [each.name for each in set_up.role_policies[ROLE]] == ["policy fluo-kms-access-production"]
    assert set_up.attached == {ROLE: ("arn:aws:iam::123456789012:policy/fluo/fluo-kms-access-production",)}
    assert set_up.instance_profiles == {ROLE: ("fluo-backend-production",)}
    assert [(each.metric, each.filters) for each in set_up.alarms] == [
        ("FailedRequests-production", ("fluo-kms-errors-production",)),
        ("ThrottledRequests-production", ("fluo-kms-throttle-production",)),
    ]
    assert (set_up.rotation_days, set_up.wanted_rotation_days) == (90, 90)


def test_a_key_made_here_has_no_module_and_the_outputs_of_this_tool(engineer):
    engineer.apply(**CREATED)

    set_up = seen(engineer, **CREATED)

    assert set_up.module.blocks == ()
    assert {"kms_key_arn", "iam_role_name", "validation_commands"} <= set_up.outputs
    assert "aws kms describe-key" in set_up.validation_commands
    assert set_up.properties is None


def test_of_terraforms_key_the_module_is_known_only_when_it_is_given(engineer):
    engineer.apply(**CREATED)
    key = engineer.client("kms").list_keys()["Keys"][0]["KeyId"]
    engineer.client("kms").tag_resource(KeyId=key, Tags=[{"TagKey": "ManagedBy", "TagValue": "terraform"}])

    set_up = seen(engineer, **CREATED)

    assert (set_up.module, set_up.outputs, set_up.validation_commands) == (None, None, None)


def test_without_a_key_what_hangs_on_it_is_not_known(engineer):
    set_up = seen(engineer, fluo_role_arns=["arn:aws:iam::123456789012:role/fluo-backend"])

    assert (set_up.key_arn, set_up.key_policy) == (None, None)
    assert set_up.unknown["key_policy"].why == "there is no key alias/fluo-production"
    assert set_up.alarms == ()


def test_inline_policies_count_and_only_reads_are_sent(engineer):
    engineer.apply(**CREATED)
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}
    engineer.client("iam").put_role_policy(
        RoleName="fluo-backend-production", PolicyName="by-hand", PolicyDocument=json.dumps(document)
    )
    before = engineer.sim.writes

    set_up = seen(engineer, **CREATED)

    assert "policy by-hand" in [each.name for each in set_up.role_policies[ROLE]]
    assert engineer.sim.writes == before


@pytest.mark.parametrize(
    ("denied", "field"),
    [
        ("iam:ListRolePolicies", "role_policies"),
        ("iam:ListInstanceProfilesForRole", "instance_profiles"),
        ("cloudwatch:DescribeAlarms", "alarms"),
    ],
)
def test_what_could_not_be_read_says_what_to_grant(engineer, denied: str, field: str):
    engineer.apply(**CREATED)
    engineer.sim.deny(denied)

    unknown = seen(engineer, **CREATED).unknown

    assert set(unknown) == {field}
    assert unknown[field].remedy == f"grant {denied} to the collector"


def test_a_policy_that_is_not_understood_is_not_known_and_says_where(engineer):
    engineer.apply(**CREATED)
    strange = {"Effect": "Allow", "Principal": {"Robot": "x"}, "Action": "sts:AssumeRole"}
    engineer.client("iam").update_assume_role_policy(
        RoleName="fluo-backend-production",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": strange}),
    )
    spec = provisioning.spec_for(engineer.account.settings, {"fluo_role_arns": [ROLE]})

    unknown = provisioning.set_up_for(engineer.account, spec, Choice(), Given()).unknown

    assert set(unknown) == {"trust_policies"}
    assert "Principal: 'Robot' is not one of" in unknown["trust_policies"].why


def test_a_role_of_another_account_is_not_asked_for(engineer):
    elsewhere = "arn:aws:iam::210987654321:role/fluo-backend"

    set_up = seen(engineer, fluo_role_arns=["arn:aws:iam::123456789012:role/fluo-backend", elsewhere])

    assert elsewhere not in set_up.trust_policies
    assert elsewhere in set_up.unknown["trust_policies"].why


# --- files -------------------------------------------------------------------------------------------------------


def test_an_environment_file_gives_the_variables_about_the_key_alone(tmp_path: Path):
    file = tmp_path / "backend.env"
    file.write_text("export AWS_KMS_REGION=us-east-1\nKMS_CACHE_TTL='5'\nDATABASE_PASSWORD=secret\n")

    given = read_files(properties=str(file))

    assert given.environment_variables == {"AWS_KMS_REGION": "us-east-1", "KMS_CACHE_TTL": "5"}
    assert given.properties is None


def test_outputs_give_their_names_and_two_values(tmp_path: Path):
    file = tmp_path / "outputs.json"
    module = {"kms_key_arn": "x", "validation_commands": "aws kms", "fluo_backend_env_vars": {"AWS_KMS_REGION": "r"}}
    file.write_text(json.dumps({"fluo": {"value": module, "type": "object"}, "password": {"value": "secret"}}))

    given = read_files(terraform_output=str(file))

    assert set(given.outputs) == {"fluo", "password", *module}
    assert given.outputs["validation_commands"] == "aws kms"
    assert given.outputs["fluo_backend_env_vars"] == {"AWS_KMS_REGION": "r"}
    assert "secret" not in str(given.outputs)


def test_a_file_that_is_not_what_it_should_be_is_a_usage_error(tmp_path: Path):
    (tmp_path / "outputs.json").write_text("<html>")

    for files in ({"terraform_output": str(tmp_path / "outputs.json")}, {"properties": str(tmp_path / "gone")}):
        with pytest.raises(UsageError):
            read_files(**files)
