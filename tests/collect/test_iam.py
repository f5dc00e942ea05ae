"""The roles the backend runs as, with every policy on them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest

from fluo_audit.model.evidence import Missing

ROLE = "arn:aws:iam::111122223333:role/fluo-backend"
PATHED = "arn:aws:iam::111122223333:role/service/fluo/fluo-batch"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]}
SOURCES = [
    ("roles", "iam:GetRole"),
    ("role_policies", "iam:ListAttachedRolePolicies"),
    ("instance_profiles", "iam:ListInstanceProfilesForRole"),
]


def role(name: str, **more: Any) -> dict[str, Any]:
    return {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROAEXAMPLEEXAMPLE12",
        "Arn": f"arn:aws:iam::111122223333:role/{name}",
        "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
        **more,
    }


def policy(name: str, version: str) -> dict[str, Any]:
    return {"PolicyName": name, "Arn": f"arn:aws:iam::aws:policy/{name}", "DefaultVersionId": version}


def test_the_collector_is_who_sts_says(aws):
    aws.answers(
        "sts:GetCallerIdentity", {"Account": "111122223333", "Arn": "arn:aws:sts::111122223333:assumed-role/a/s"}
    )
    caller = aws.collect("caller").value

    assert (caller.account, caller.arn, caller.user_id) == (
        "111122223333",
        "arn:aws:sts::111122223333:assumed-role/a/s",
        "",
    )


def test_a_role_is_read_with_its_trust_policy_as_botocore_decodes_it(aws):
    """IAM sends documents as URL-encoded JSON."""
    used = datetime(2026, 11, 1, tzinfo=UTC)
    aws.answers(
        "iam:GetRole",
        {
            "Role": role(
                "fluo-backend",
                AssumeRolePolicyDocument=quote(json.dumps(TRUST)),
                RoleLastUsed={"LastUsedDate": used, "Region": "us-east-1"},
            )
        },
        {"RoleName": "fluo-backend"},
    )
    row = aws.collect("roles", backend_roles=(ROLE,)).value.iloc[0]

    assert json.loads(row["trust_policy"]) == TRUST
    assert (row["role_arn"], row["role_name"], row["last_used_at"]) == (ROLE, "fluo-backend", pd.Timestamp(used))


def test_what_aws_leaves_out_of_a_role_is_missing(aws):
    aws.answers("iam:GetRole", {"Role": role("fluo-backend")})
    row = aws.collect("roles", backend_roles=(ROLE,)).value.iloc[0]

    assert pd.isna(row["trust_policy"])
    assert pd.isna(row["last_used_at"])


def test_a_document_that_is_no_json_is_kept_as_text(aws):
    aws.answers("iam:GetRole", {"Role": role("fluo-backend", AssumeRolePolicyDocument="not%20json")})

    trust = aws.collect("roles", backend_roles=(ROLE,)).value["trust_policy"][0]
    assert json.loads(trust) == "not%20json"


def test_managed_and_inline_policies_of_every_role_and_page(aws):
    for name, expected in (("fluo-backend", {}), ("fluo-backend", {"Marker": "m"})):
        more = {} if expected else {"IsTruncated": True, "Marker": "m"}
        attached = "second" if expected else "first"
        aws.answers(
            "iam:ListAttachedRolePolicies",
            {
                "AttachedPolicies": [{"PolicyName": attached, "PolicyArn": f"arn:aws:iam::aws:policy/{attached}"}],
                **more,
            },
            {"RoleName": name, **expected},
        )
        aws.answers("iam:GetPolicy", {"Policy": policy(attached, "v7")})
        aws.answers(
            "iam:GetPolicyVersion",
            {"PolicyVersion": {"Document": quote(json.dumps(ALLOW)), "VersionId": "v7"}},
            {"PolicyArn": f"arn:aws:iam::aws:policy/{attached}", "VersionId": "v7"},
        )
    aws.answers("iam:ListRolePolicies", {"PolicyNames": ["in"], "IsTruncated": True, "Marker": "m"})
    aws.answers(
        "iam:GetRolePolicy",
        {"RoleName": "fluo-backend", "PolicyName": "in", "PolicyDocument": quote(json.dumps(ALLOW))},
        {"RoleName": "fluo-backend", "PolicyName": "in"},
    )
    aws.answers("iam:ListRolePolicies", {"PolicyNames": []}, {"RoleName": "fluo-backend", "Marker": "m"})
    aws.answers("iam:ListAttachedRolePolicies", {"AttachedPolicies": []}, {"RoleName": "fluo-batch"})
    aws.answers("iam:ListRolePolicies", {"PolicyNames": []}, {"RoleName": "fluo-batch"})

    policies = aws.collect("role_policies", backend_roles=(ROLE, PATHED)).value

    assert policies[["role_arn", "policy_name", "kind"]].to_numpy().tolist() == [
        [ROLE, "first", "managed"],
        [ROLE, "second", "managed"],
        [ROLE, "in", "inline"],
    ]
    assert policies["policy_arn"].isna().tolist() == [False, False, True]
    assert {json.dumps(json.loads(document), sort_keys=True) for document in policies["document"]} == {
        json.dumps(ALLOW, sort_keys=True)
    }


@pytest.mark.parametrize(
    "answers",
    [
        [("iam:ListAttachedRolePolicies", {"AttachedPolicies": [{"PolicyName": "p"}]})],
        [
            (
                "iam:ListAttachedRolePolicies",
                {"AttachedPolicies": [{"PolicyName": "p", "PolicyArn": "arn:aws:iam::aws:policy/p"}]},
            ),
            ("iam:GetPolicy", {"Policy": {"PolicyName": "p"}}),
        ],
        [
            (
                "iam:ListAttachedRolePolicies",
                {"AttachedPolicies": [{"PolicyName": "p", "PolicyArn": "arn:aws:iam::aws:policy/p"}]},
            ),
            ("iam:GetPolicy", {"Policy": policy("p", "v1")}),
            ("iam:GetPolicyVersion", {"PolicyVersion": {"VersionId": "v1"}}),
        ],
    ],
)
def test_a_policy_that_cannot_be_followed_makes_the_source_missing(aws, answers: list[tuple[str, dict[str, Any]]]):
    """A role with one policy too few would look least-privileged."""
    for api, answer in answers:
        aws.answers(api, answer)

    missing = aws.collect("role_policies", backend_roles=(ROLE,))
    assert isinstance(missing, Missing)
    assert (missing.operation, missing.reason) == (answers[-1][0], "malformed answer")


def test_instance_profiles_of_every_page(aws):
    profile = {
        "Path": "/",
        "InstanceProfileId": "AIPAEXAMPLEEXAMPLE12",
        "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
        "Roles": [],
    }
    for name, more in (("one", {"IsTruncated": True, "Marker": "m"}), ("two", {})):
        arn = f"arn:aws:iam::111122223333:instance-profile/{name}"
        aws.answers(
            "iam:ListInstanceProfilesForRole",
            {"InstanceProfiles": [{**profile, "InstanceProfileName": name, "Arn": arn}], **more},
        )
    profiles = aws.collect("instance_profiles", backend_roles=(ROLE,)).value

    assert profiles["profile_name"].tolist() == ["one", "two"]
    assert set(profiles["role_arn"]) == {ROLE}


@pytest.mark.parametrize(("source", "api"), SOURCES)
def test_undeclared_roles_are_not_asked_about(aws, source: str, api: str):
    missing = aws.collect(source)

    assert isinstance(missing, Missing)
    assert (missing.operation, missing.reason) == (api, "not declared")
    assert "backend_roles" in missing.remedy
    assert aws.door.exchanges == []


@pytest.mark.parametrize(("source", "api"), SOURCES)
def test_a_role_of_another_account_is_out_of_reach(aws, source: str, api: str):
    missing = aws.collect(source, backend_roles=("arn:aws:iam::999999999999:role/fluo-backend",))

    assert (missing.operation, missing.reason) == (api, "another account")
    assert "999999999999" in missing.message
    assert aws.door.exchanges == []


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:user/fluo-backend",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:root",
        "arn:aws:sts::111122223333:assumed-role/fluo-backend/s",
    ],
)
def test_what_is_no_role_is_not_asked_about_as_one(aws, arn: str):
    missing = aws.collect("roles", backend_roles=(arn,))

    assert missing.reason == "not a role"
    assert arn in missing.message
    assert aws.door.exchanges == []


def test_a_role_that_does_not_exist_makes_the_source_missing(aws):
    aws.answers("iam:GetRole", {"Role": role("fluo-backend")})
    aws.refuses("iam:GetRole", "NoSuchEntity")
    missing = aws.collect("roles", backend_roles=(ROLE, PATHED))

    assert (missing.operation, missing.reason, missing.proof) == ("iam:GetRole", "NoSuchEntity", ("E01", "E02"))
