"""A desired state that cannot hold is refused before anything is asked of AWS."""

from __future__ import annotations

import json

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.provision.spec import Spec, read_spec, spec_of

ROLE = "arn:aws:iam::123456789012:role/fluo-backend"
GOOD = {"environment": "production", "fluo_role_arns": [ROLE]}


def test_the_smallest_spec_takes_the_defaults_of_the_contract():
    spec = spec_of(GOOD)

    assert (spec.key_rotation_period_days, spec.deletion_window_days) == (90, 30)
    assert spec.purposes == ("compliance_evidence", "pii_redaction")
    assert spec.enforce_encryption_context
    assert spec.deny_key_administration
    assert not spec.warnings()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"environment": "Production"}, "environment must be"),
        ({"environment": ""}, "environment must be"),
        ({"environment": "x" * 32}, "environment must be"),
        ({"fluo_role_arns": []}, "nobody may use the key"),
        ({"fluo_role_arns": ["arn:aws:iam::123456789012:user/fluo"]}, "not the ARN of a role"),
        ({"fluo_role_arns": ROLE}, "must be a list of texts"),
        ({"create_iam_role": True, "attach_to_role": True, "fluo_iam_role_name": "x"}, "exclude each other"),
        ({"create_iam_role": "yes"}, "create_iam_role must be true or false"),
        ({"attach_to_role": True}, "attach_to_role needs fluo_iam_role_name"),
        ({"fluo_iam_role_name": "fluo-backend"}, "no effect without attach_to_role"),
        ({"create_iam_role": True, "fluo_service_principals": ["ec2"]}, "is not an AWS service"),
        ({"create_iam_role": True, "fluo_service_principals": []}, "nobody may assume"),
        ({"create_iam_role": True, "trusted_principals": ["111122223333"]}, "need an external_id"),
        ({"trusted_principals": ["somebody"], "external_id": "fluo-1"}, "neither an account id nor"),
        ({"external_id": "x"}, "external_id must be 2 to 1224"),
        ({"replica_regions": ["eu-west-1"]}, "need multi_region_enabled"),
        ({"multi_region_enabled": True, "replica_regions": ["Ireland"]}, "is not a Region"),
        ({"multi_region_enabled": True, "replica_regions": ["eu-west-1", "eu-west-1"]}, "names a Region twice"),
        ({"encryption_context_purposes": []}, "must name at least one"),
        ({"encryption_context_purposes": ["pii_*"]}, "plain value"),
        ({"allowed_tenant_ids": ["${aws:userid}"]}, "plain value"),
        ({"allowed_tenant_ids": ["t"], "enforce_encryption_context": False}, "no effect without enforce"),
        ({"key_rotation_period_days": 89}, "90 to 2560, is 89"),
        ({"key_rotation_period_days": 2561}, "90 to 2560, is 2561"),
        ({"key_rotation_period_days": True}, "must be a whole number"),
        ({"deletion_window_days": 6}, "7 to 30"),
        ({"key_admin_arns": [ROLE]}, "both a FLUO role and a key administrator"),
        ({"enable_alarms": True}, "needs trail_log_group"),
        ({"alarm_actions": ["arn:aws:sns:us-east-1:123456789012:x"]}, "no effect without enable_alarms"),
        ({"trail_log_group": "a", "enable_audit_trail": True}, "exclude each other"),
        ({"environment": "eu--prod", "enable_audit_trail": True}, "CloudTrail takes no such name"),
        ({"environment": "prod-", "enable_audit_trail": True}, "CloudTrail takes no such name"),
        ({"log_group_prefix": ""}, "log_group_prefix must be"),
        ({"tags": {"ManagedBy": "me"}}, "tags.ManagedBy is set by the tool"),
        ({"tags": {"aws:x": "y"}}, "not a tag that AWS takes"),
        ({"tags": ["Owner"]}, "must be a table of texts"),
        ({"key_rotation_days": 90}, "did you mean key_rotation_period_days?"),
    ],
)
def test_each_rule_of_the_contract_refuses_with_its_reason(changes, problem):
    with pytest.raises(UsageError, match="the file") as refused:
        spec_of({**GOOD, **changes}, "the file")

    assert problem in refused.value.message


def test_every_problem_is_named_at_once():
    with pytest.raises(UsageError) as refused:
        spec_of({"environment": "?", "key_rotation_period_days": 1, "deletion_window_days": 1})

    assert refused.value.message.count(";") == 2


def test_an_external_id_without_accounts_is_taken_with_a_warning_as_in_the_original_example():
    spec = spec_of({"environment": "production", "create_iam_role": True, "external_id": "fluo-prod-12345"})

    assert any("AWS services send no external id" in warning for warning in spec.warnings())


def test_long_rotation_and_missing_enforcement_are_pointed_out():
    spec = spec_of({**GOOD, "key_rotation_period_days": 365, "enforce_encryption_context": False})

    assert len(spec.warnings()) == 2


def test_the_external_id_does_not_show_in_messages():
    spec = spec_of({**GOOD, "external_id": "s3cret-id", "trusted_principals": ["111122223333"]})

    assert "s3cret-id" not in repr(spec)


def test_the_hash_follows_every_variable():
    hashes = {
        spec_of(GOOD).sha256,
        spec_of({**GOOD, "key_rotation_period_days": 91}).sha256,
        spec_of({**GOOD, "tags": {"Owner": "Platform"}}).sha256,
    }

    assert len(hashes) == 3


def test_a_document_makes_the_same_spec_again():
    spec = spec_of({**GOOD, "tags": {"Owner": "Platform"}, "allowed_tenant_ids": ["b", "a"]})

    assert spec_of(json.loads(json.dumps(spec.document()))) == spec


@pytest.mark.parametrize(
    ("name", "text"), [("spec.toml", 'environment = "dev"'), ("spec.json", '{"environment": "dev"}')]
)
def test_a_file_of_variables_is_toml_or_json(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)

    assert read_spec(path) == {"environment": "dev"}


@pytest.mark.parametrize("text", ["environment = ", "[1]\nx", "{"])
def test_a_broken_file_is_named(tmp_path, text):
    path = tmp_path / "spec.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=r"spec\.toml"):
        read_spec(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_spec(tmp_path / "none.toml")


def test_a_json_list_is_no_spec(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text("[]")

    with pytest.raises(UsageError, match="table of variables"):
        read_spec(path)


def test_every_variable_explains_itself():
    import dataclasses

    assert [each.name for each in dataclasses.fields(Spec) if not each.metadata.get("help")] == []
