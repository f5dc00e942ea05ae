"""Who makes a call: by its access key, in answers and in the ledger."""

from __future__ import annotations

import json

import pytest

from fluo_audit.sandbox.identities import Callers

ROLES = ("fluo-backend", "platform-admin", "fluo-audit-reader", "developer")


@pytest.mark.parametrize("role", ROLES)
def test_a_session_is_that_of_its_role(account, role):
    identity = account.session_as(role).client("sts").get_caller_identity()

    assert identity["Arn"].startswith(f"arn:aws:sts::123456789012:assumed-role/{role}/")
    assert identity["UserId"].startswith(account.session.client("iam").get_role(RoleName=role)["Role"]["RoleId"] + ":")


def test_calls_are_recorded_as_made_by_the_role(account):
    account.session_as("developer", "eu-west-1").client("kms").list_keys()
    account.clock.sleep(600)

    found = account.session_in("eu-west-1").client("cloudtrail").lookup_events()["Events"]

    record = json.loads(next(one["CloudTrailEvent"] for one in found if one["EventName"] == "ListKeys"))
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "developer"
    assert record["awsRegion"] == "eu-west-1"


def test_a_refusal_names_the_role_that_asked(account, refused):
    account.deny("kms:ListKeys")
    with refused("AccessDeniedException", "assumed-role/developer/"):
        account.session_as("developer").client("kms").list_keys()


def test_a_new_role_with_a_path_acts_under_its_whole_arn(blank, aws, trust):
    created = aws("iam").create_role(RoleName="fluo-backend-test", Path="/fluo/", AssumeRolePolicyDocument=trust)[
        "Role"
    ]
    aws("kms", "fluo-backend-test").list_keys()
    blank.clock.sleep(600)

    (event,) = aws("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ListKeys"}]
    )["Events"]

    issuer = json.loads(event["CloudTrailEvent"])["userIdentity"]["sessionContext"]["sessionIssuer"]
    assert (issuer["arn"], issuer["principalId"]) == (created["Arn"], created["RoleId"])


def test_there_is_no_session_of_an_unknown_role(account):
    with pytest.raises(ValueError, match="no role 'nobody': it has fluo-backend"):
        account.session_as("nobody")


def test_an_unknown_access_key_stands_for_the_usual_role():
    callers = Callers("platform-admin")
    developer = callers.session_of("developer")

    assert callers.of(developer.access_key) == developer
    assert callers.of("AKIA0000000000000000") == callers.usual
