"""Applying writes what the plan showed, once, and refuses what would do harm."""

from __future__ import annotations

import json

import pytest

from fluo_audit import provisioning
from fluo_audit.errors import FluoAuditError, OutputError, RefusedError, UsageError
from fluo_audit.provision.apply import check_lockout
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.documents import document, key_statements
from fluo_audit.provision.resource import Place
from fluo_audit.provision.spec import spec_of

BACKEND = "arn:aws:iam::123456789012:role/fluo-backend"
ADMIN = "arn:aws:sts::123456789012:assumed-role/platform-admin/me"
PLACE = Place("123456789012", "aws", "us-east-1", ADMIN)


def policy(place: Place = PLACE) -> dict:
    spec = spec_of({"environment": "production", "fluo_role_arns": [BACKEND]})
    return document(key_statements(spec, place, (BACKEND,), "us-east-1"))


def test_every_write_is_told_once_it_is_done(settled):
    engineer = settled
    plan = engineer.plan(fluo_role_arns=[BACKEND])

    engineer.carry_out(plan)

    assert tuple(engineer.told) == plan.steps
    assert tuple(step.api for step in engineer.told) == engineer.sim.writes


def test_a_role_made_a_moment_ago_is_waited_for(engineer):
    """KMS refuses a policy that names a role it does not see yet."""
    before = engineer.sim.clock.now()

    left = engineer.apply(create_iam_role=True)

    assert left.pending == ()
    assert engineer.sim.calls.count("kms:CreateKey") > 1
    assert (engineer.sim.clock.now() - before).total_seconds() <= 60


def test_waiting_for_a_role_ends(engineer):
    engineer.sim.deny("kms:CreateKey", "MalformedPolicyDocumentException", "invalid principals")
    before = engineer.sim.clock.now()

    with pytest.raises(FluoAuditError, match="MalformedPolicyDocumentException") as failed:
        engineer.apply(create_iam_role=True)

    assert "1 of" in failed.value.hint
    assert (engineer.sim.clock.now() - before).total_seconds() < 90


def test_a_lost_answer_to_create_key_makes_no_second_key(engineer):
    engineer.sim.lose_answer("kms:CreateKey")

    left = engineer.apply(fluo_role_arns=[BACKEND])

    assert left.pending == ()
    assert len(engineer.client("kms").list_keys()["Keys"]) == 1
    assert engineer.sim.calls.count("kms:CreateKey") == 1


def test_a_key_that_was_never_made_is_not_waited_for_for_ever(engineer):
    engineer.sim.fail("kms:CreateKey", "timeout")

    with pytest.raises(FluoAuditError, match="the answer to kms:CreateKey was lost") as failed:
        engineer.apply(fluo_role_arns=[BACKEND])

    assert "plan again" in failed.value.hint


def test_the_journal_remembers_both_keys_while_the_tags_are_not_indexed_yet(settled):
    """The index of tags follows within minutes: until then only the journal knows the keys."""
    engineer = settled
    asked = {"fluo_role_arns": [BACKEND], "enable_audit_trail": True}
    for stop in (1, 4):  # after the key, and after the trail's key, each before its alias
        engineer.sim.stop_after_writes(stop)
        with pytest.raises(FluoAuditError):
            engineer.apply(engineer.choice(), **asked)
        engineer.sim.repair()

    left = engineer.apply(engineer.choice(), **asked)

    assert left.pending == ()
    assert len(engineer.client("kms").list_keys()["Keys"]) == 2


def test_tags_that_cannot_be_read_are_said_beside_a_known_key_and_stop_the_making_of_one(engineer):
    engineer.sim.deny("resourcegroupstaggingapi:GetResources")
    first = engineer.plan(fluo_role_arns=[BACKEND])
    engineer.sim.repair()
    engineer.apply(fluo_role_arns=[BACKEND])
    engineer.sim.deny("resourcegroupstaggingapi:GetResources")

    again = engineer.plan(fluo_role_arns=[BACKEND])

    assert first.change("KMS key").missing.operation == "resourcegroupstaggingapi:GetResources"
    assert again.pending == ()
    assert any("was not read" in note for note in again.change("KMS key").notes)


def test_the_journal_is_found_whatever_the_plan_is_called(engineer):
    engineer.sim.stop_after_writes(1)
    with pytest.raises(FluoAuditError):
        engineer.apply(fluo_role_arns=[BACKEND])
    engineer.sim.repair()

    engineer.plan_name = "another.json"

    assert engineer.choice().made == engineer.client("kms").list_keys()["Keys"][0]["KeyArn"]


def test_a_key_that_was_retired_since_is_not_taken_from_the_journal(engineer):
    engineer.apply(fluo_role_arns=[BACKEND])
    kms = engineer.client("kms")
    old = kms.list_keys()["Keys"][0]["KeyId"]
    kms.delete_alias(AliasName="alias/fluo-production")
    kms.schedule_key_deletion(KeyId=old, PendingWindowInDays=7)

    left = engineer.apply(engineer.choice(), fluo_role_arns=[BACKEND])

    assert left.pending == ()
    assert left.known["${fluo.key_id}"] != old


def test_without_a_journal_nothing_is_written(engineer):
    engineer.plan_name = "missing/plan.json"

    with pytest.raises(OutputError, match="without a journal"):
        engineer.apply(fluo_role_arns=[BACKEND])

    assert engineer.sim.writes == ()


def test_a_file_that_is_no_journal_is_named(engineer):
    engineer.apply(fluo_role_arns=[BACKEND])
    (journal,) = engineer.folder.glob("*.journal")
    journal.write_text("not json\n")

    with pytest.raises(UsageError, match=journal.name):
        engineer.choice()


def test_an_interruption_says_how_far_it_came(engineer):
    def interrupt(_):
        raise KeyboardInterrupt

    plan = engineer.plan(fluo_role_arns=[BACKEND])

    with pytest.raises(FluoAuditError, match="1 of 4 writes are done"):
        provisioning.carry_out(engineer.account, plan, engineer.plan_file, interrupt)


def test_what_changed_while_somebody_was_asked_stops_the_application(engineer):
    key = engineer.make_key()
    engineer.client("kms").create_alias(AliasName="alias/fluo-production", TargetKeyId=key)
    plan = engineer.plan(fluo_role_arns=[BACKEND])
    provisioning.require_unchanged(engineer.account, plan)
    policy = engineer.key_policy(key)
    policy["Statement"].append(
        {"Sid": "Late", "Effect": "Deny", "Principal": {"AWS": BACKEND}, "Action": "kms:Decrypt", "Resource": "*"}
    )
    engineer.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))

    with pytest.raises(RefusedError, match="something changed"):
        provisioning.require_unchanged(engineer.account, plan)


@pytest.mark.parametrize("spelling", ["terraform", "Terraform", "OpenTofu"])
def test_a_key_that_terraform_manages_is_compared_and_left_alone(engineer, spelling):
    engineer.apply(fluo_role_arns=[BACKEND])
    key = engineer.client("kms").list_keys()["Keys"][0]["KeyId"]
    engineer.client("kms").tag_resource(KeyId=key, Tags=[{"TagKey": "ManagedBy", "TagValue": spelling}])
    assert engineer.plan(fluo_role_arns=[BACKEND]).pending == ()
    before = engineer.sim.writes

    with pytest.raises(RefusedError) as refused:
        engineer.apply(fluo_role_arns=[BACKEND], key_rotation_period_days=180)

    assert "key_rotation_period_days" in refused.value.hint
    assert engineer.sim.writes == before
    left = engineer.apply(Choice(take_ownership=True), fluo_role_arns=[BACKEND], key_rotation_period_days=180)
    assert left.pending == ()
    assert {"TagKey": "ManagedBy", "TagValue": "fluo-audit"} in engineer.client("kms").list_resource_tags(KeyId=key)[
        "Tags"
    ]


def test_a_fifth_policy_version_makes_room_by_removing_the_oldest(engineer):
    arn = "arn:aws:iam::123456789012:policy/fluo/fluo-kms-access-production"
    engineer.apply(fluo_role_arns=[BACKEND])
    iam = engineer.client("iam")
    other = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}})
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=other, SetAsDefault=True)

    assert engineer.apply(fluo_role_arns=[BACKEND]).pending == ()

    assert sorted(v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]) == [
        "v2",
        "v3",
        "v4",
        "v5",
        "v6",
    ]


def test_a_policy_may_not_lock_its_author_out():
    denies = {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "kms:PutKeyPolicy", "Resource": "*"}
    locked = policy()
    locked["Statement"].append(denies)

    check_lockout(json.dumps(policy()), PLACE, (BACKEND,))
    with pytest.raises(RefusedError, match="from changing it again"):
        check_lockout(json.dumps(locked), PLACE, (BACKEND,))


def test_a_policy_without_the_root_statement_is_refused():
    without = {**policy(), "Statement": policy()["Statement"][1:]}

    with pytest.raises(RefusedError, match="EnableIAMUserPermissions"):
        check_lockout(json.dumps(without), PLACE, (BACKEND,))


def test_a_fluo_role_does_not_administer_its_own_key(engineer):
    engineer.role = "fluo-backend"

    with pytest.raises(RefusedError, match="is a FLUO role"):
        engineer.apply(fluo_role_arns=[BACKEND])

    assert engineer.sim.writes == ()


def test_a_policy_too_large_for_aws_is_noticed_before_the_first_write(engineer):
    purposes = [f"purpose-{number:04}" for number in range(600)]

    with pytest.raises(RefusedError, match="are accepted"):
        engineer.apply(fluo_role_arns=[BACKEND], encryption_context_purposes=purposes)

    assert engineer.sim.writes == ()


def test_a_denied_write_says_what_is_done_already(engineer):
    engineer.sim.deny("kms:CreateAlias")

    with pytest.raises(FluoAuditError, match="kms:CreateAlias answered AccessDenied") as failed:
        engineer.apply(fluo_role_arns=[BACKEND])

    assert "2 of 4 writes are done" in failed.value.hint


def test_a_role_of_the_same_name_in_another_account_is_another_role():
    foreign = "arn:aws:iam::111122223333:role/platform-admin"

    check_lockout(json.dumps(policy()), PLACE, (foreign,))
