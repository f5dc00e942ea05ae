"""What the module refuses, it refuses with words: in a variable's own rule, or in one between two variables.

The same values are refused by `fluo-audit provision plan`, whose spec has the same rules.
"""

from __future__ import annotations

import json

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.provision.spec import spec_of

ROLE = "arn:aws:iam::123456789012:role/fluo-backend"
GOOD = {"environment": "production", "fluo_role_arns": [ROLE]}

OWN_RULES = {
    "environment": ["", "Production", "-x", "x" * 32],
    "fluo_role_arns": [["fluo-backend"], ["arn:aws:iam::123456789012:user/x"]],
    "fluo_service_principals": [["ec2"], ["ec2.example.com"]],
    "external_id": ["x", "a b", "x" * 1225],
    "trusted_principals": [["1234"]],
    "replica_regions": [["Oregon"]],
    "encryption_context_purposes": [[], ["pii_*"], [""]],
    "extra_context_purposes": [["?"]],
    "allowed_tenant_ids": [["${aws:PrincipalTag/tenant}"], [""]],
    "log_group_prefix": ["", "/aws/*"],
    "key_rotation_period_days": [89, 2561],
    "deletion_window_days": [6, 31],
    "key_admin_arns": [["arn:aws:iam::123456789012:root"]],
    "auditor_role_arns": [["*"]],
    "alarm_actions": [["page me"]],
    "trail_log_group": ["a b"],
    "tags": [{"ManagedBy": "me"}, {"aws:x": "y"}, {"long": "x" * 257}],
}
"""Variable -> values that its own rule refuses."""

RULES_BETWEEN = {
    "create_iam_role and attach_to_role exclude each other.": {
        "create_iam_role": True, "attach_to_role": True, "fluo_iam_role_name": "fluo-backend",
    },
    "attach_to_role needs fluo_iam_role_name, which has no effect without it.": {"fluo_iam_role_name": "fluo-backend"},
    "Nobody may use the key: name fluo_role_arns, or create_iam_role, or attach_to_role.": {"fluo_role_arns": []},
    "A FLUO role cannot be a key administrator: who uses the key does not administer it.": {"key_admin_arns": [ROLE]},
    "Nobody may assume the created role: name fluo_service_principals or trusted_principals.": {
        "create_iam_role": True, "fluo_service_principals": [],
    },
    "trusted_principals need an external_id.": {"create_iam_role": True, "trusted_principals": ["210987654321"]},
    "replica_regions need multi_region_enabled.": {"replica_regions": ["us-west-2"]},
    "enable_alarms needs trail_log_group (where a trail delivers), or enable_audit_trail.": {"enable_alarms": True},
    "trail_log_group and enable_audit_trail exclude each other: the created trail has a log group of its own.": {
        "trail_log_group": "/fluo/trail", "enable_audit_trail": True,
    },
    "alarm_actions have no effect without enable_alarms.": {"alarm_actions": ["arn:aws:sns:us-east-1:1:x"]},
}  # fmt: skip
"""What a rule between variables says -> values that break it."""


def test_each_variable_has_its_rule(new_workspace):
    """One run over a module for each bad value: Terraform tells all problems at once."""
    cases = {f"{name}_{number}": {name: bad} for name, values in OWN_RULES.items() for number, bad in enumerate(values)}
    workspace = new_workspace()
    workspace.write({case: GOOD | literal(bad) for case, bad in cases.items()})
    workspace.run("init")

    refused = json.loads(workspace.run("validate", "-json", code=1))["diagnostics"]

    told = {(problem["snippet"]["context"], problem["detail"].split(" ")[0]) for problem in refused}
    assert told == {(f"module.{case}", variable) for case, bad in cases.items() for variable in bad}


def test_each_rule_between_variables_says_what_to_do(new_workspace, new_account):
    _, endpoint = new_account()
    workspace = new_workspace(endpoint)
    own_region = {"multi_region_enabled": True, "replica_regions": ["us-east-1"]}
    cases = RULES_BETWEEN | {"replica_regions must leave out us-east-1: the primary key is there.": own_region}
    workspace.write({f"case_{number}": GOOD | bad for number, bad in enumerate(cases.values())})
    workspace.run("init")

    refused = [problem["detail"] for problem in workspace.problems()]

    assert sorted(refused) == sorted(cases)


@pytest.mark.parametrize("name", OWN_RULES)
def test_the_spec_refuses_the_same_values(name):
    for bad in OWN_RULES[name]:
        with pytest.raises(UsageError, match=name):
            spec_of(GOOD | {name: bad})


@pytest.mark.parametrize("bad", RULES_BETWEEN.values())
def test_the_spec_has_the_same_rules_between_variables(bad):
    with pytest.raises(UsageError):
        spec_of(GOOD | bad)


def literal(variables):
    """Return the values as Terraform's JSON has them: ${ begins an expression there."""
    return json.loads(json.dumps(variables).replace("${", "$${"))
