"""Planning only reads, names exactly what differs, and finds nothing left once it was applied."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from fluo_audit.errors import ExitCode, FluoAuditError, KeyNotFoundError, RefusedError
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.plan import ADD, CHANGE, REFUSED, SAME, UNREAD, Plan
from fluo_audit.sandbox.account import SimulatedAccount

BACKEND = "arn:aws:iam::123456789012:role/fluo-backend"
ADMIN = "arn:aws:iam::123456789012:role/platform-admin"
GROUP = "cloudtrail-events"
MOST_READS = 15
"""Calls of a plan in one Region, without replicas and without an audit trail of its own."""

OPTIONS: dict[str, dict[str, Any]] = {
    "logs": {"enable_cloudwatch_logs": True},
    "replica": {"multi_region_enabled": True, "replica_regions": ["eu-west-1"]},
    "tenants": {"allowed_tenant_ids": ["tenant-123", "tenant-456"]},
    "alarms": {"enable_alarms": True},
    "trail": {"enable_audit_trail": True},
}
ROLES: dict[str, dict[str, Any]] = {
    "created": {"create_iam_role": True},
    "existing": {"attach_to_role": True, "fluo_iam_role_name": "fluo-backend", "fluo_role_arns": [BACKEND]},
}
COMBINATIONS = [
    (role, chosen)
    for role in ROLES
    for size in range(len(OPTIONS) + 1)
    for chosen in itertools.combinations(OPTIONS, size)
]


def variables(role: str, chosen: tuple[str, ...]) -> dict[str, Any]:
    together = dict(ROLES[role])
    for option in chosen:
        together |= OPTIONS[option]
    if "alarms" in chosen and "trail" not in chosen:
        together["trail_log_group"] = GROUP
    return together


@pytest.mark.parametrize(
    ("role", "chosen"), COMBINATIONS, ids=lambda value: value if isinstance(value, str) else "+".join(value) or "plain"
)
def test_what_was_applied_leaves_nothing_to_plan_or_to_write(engineer, role, chosen):
    asked = variables(role, chosen)
    if GROUP in asked.values():
        engineer.client("logs").create_log_group(logGroupName=GROUP)

    left = engineer.apply(**asked)

    assert [(change.resource.label, change.differences) for change in left.pending] == []
    writes, calls = engineer.sim.writes, len(engineer.sim.calls)
    again = engineer.plan(**asked)
    assert {change.mark for change in again.changes} == {SAME}
    assert again.exit_code == ExitCode.OK
    if not {"replica", "trail"} & set(chosen):
        assert len(engineer.sim.calls) - calls <= MOST_READS
    assert engineer.carry_out(again).pending == ()
    assert engineer.sim.writes == writes


def test_a_plan_of_everything_sends_reads_alone(engineer):
    engineer.plan(**variables("created", tuple(OPTIONS)))

    assert engineer.sim.writes == ()
    assert engineer.sim.calls != ()


@pytest.mark.parametrize("stop", range(1, 28))
def test_a_run_that_was_killed_after_any_write_goes_on_to_one_key(settled, stop):
    engineer, asked = settled, variables("created", ("logs", "replica", "alarms", "trail"))
    engineer.sim.stop_after_writes(stop)
    with pytest.raises(FluoAuditError):
        engineer.apply(engineer.choice(), **asked)
    engineer.sim.repair()

    left = engineer.apply(engineer.choice(), **asked)

    assert left.pending == ()
    kms = engineer.client("kms")
    names = sorted(
        tag["TagValue"]
        for key in kms.list_keys()["Keys"]
        for tag in kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
        if tag["TagKey"] == "Name"
    )
    assert names == ["fluo-cloudtrail-production", "fluo-kms-production"]


def test_the_whole_set_up_takes_as_many_writes_as_are_tried_in_the_test_above(engineer):
    plan = engineer.plan(**variables("created", ("logs", "replica", "alarms", "trail")))

    assert len(plan.steps) == 28


# --- drift: one fact changed by hand is named, and nothing else ------------------------------------------------

Drift = Callable[[Any, Plan], None]


def _statement(sid: str, **changes: Any) -> Drift:
    def drift(engineer: Any, plan: Plan) -> None:
        policy = engineer.key_policy(key_of(plan))
        for statement in policy["Statement"]:
            if statement["Sid"] == sid:
                statement.update(changes)
        put_policy(engineer, plan, policy)

    return drift


def _without(sid: str) -> Drift:
    def drift(engineer: Any, plan: Plan) -> None:
        policy = engineer.key_policy(key_of(plan))
        policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != sid]
        put_policy(engineer, plan, policy)

    return drift


def key_of(plan: Plan) -> str:
    return str(plan.known["${fluo.key_id}"])


def put_policy(engineer: Any, plan: Plan, policy: dict[str, Any]) -> None:
    engineer.client("kms").put_key_policy(KeyId=key_of(plan), PolicyName="default", Policy=json.dumps(policy))


def _rotation(engineer: Any, plan: Plan) -> None:
    engineer.client("kms").enable_key_rotation(KeyId=key_of(plan), RotationPeriodInDays=365)


def _rotation_off(engineer: Any, plan: Plan) -> None:
    engineer.client("kms").disable_key_rotation(KeyId=key_of(plan))


def _tag(engineer: Any, plan: Plan) -> None:
    engineer.client("kms").tag_resource(KeyId=key_of(plan), Tags=[{"TagKey": "Name", "TagValue": "other"}])


def _access_policy(engineer: Any, plan: Plan) -> None:
    arn = "arn:aws:iam::123456789012:policy/fluo/fluo-kms-access-production"
    iam = engineer.client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    document["Statement"][1]["Action"] = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)


def _detached(engineer: Any, plan: Plan) -> None:
    arn = "arn:aws:iam::123456789012:policy/fluo/fluo-kms-access-production"
    engineer.client("iam").detach_role_policy(RoleName="fluo-backend-production", PolicyArn=arn)


def _trust(engineer: Any, plan: Plan) -> None:
    statement = {
        "Sid": "AllowServices",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    engineer.client("iam").update_assume_role_policy(RoleName="fluo-backend-production", PolicyDocument=document)


def _session(engineer: Any, plan: Plan) -> None:
    engineer.client("iam").update_role(RoleName="fluo-backend-production", MaxSessionDuration=7200)


def _profile_emptied(engineer: Any, plan: Plan) -> None:
    engineer.client("iam").remove_role_from_instance_profile(
        InstanceProfileName="fluo-backend-production", RoleName="fluo-backend-production"
    )


def _alias_gone(engineer: Any, plan: Plan) -> None:
    engineer.client("kms").delete_alias(AliasName="alias/fluo-production")


def _threshold(engineer: Any, plan: Plan) -> None:
    cloudwatch = engineer.client("cloudwatch")
    alarm = cloudwatch.describe_alarms(AlarmNames=["fluo-kms-errors-production"])["MetricAlarms"][0]
    kept = (
        "AlarmName",
        "Namespace",
        "MetricName",
        "Statistic",
        "Period",
        "EvaluationPeriods",
        "ComparisonOperator",
        "TreatMissingData",
    )
    cloudwatch.put_metric_alarm(**{name: alarm[name] for name in kept}, Threshold=5000.0)


def _pattern(engineer: Any, plan: Plan) -> None:
    transformation = {
        "metricName": "ThrottledRequests-production", "metricNamespace": "FLUO/KMS", "metricValue": "1",
        "defaultValue": 0.0,
    }  # fmt: skip
    engineer.client("logs").put_metric_filter(
        logGroupName="/fluo/cloudtrail-production", filterName="fluo-kms-throttle-production",
        filterPattern='{ $.errorCode = "Nothing" }', metricTransformations=[transformation],
    )  # fmt: skip


def _retention(engineer: Any, plan: Plan) -> None:
    engineer.client("logs").put_retention_policy(logGroupName="/fluo/cloudtrail-production", retentionInDays=7)


def _trail_stopped(engineer: Any, plan: Plan) -> None:
    engineer.client("cloudtrail").stop_logging(Name="fluo-audit-production")


def _trail_validation(engineer: Any, plan: Plan) -> None:
    engineer.client("cloudtrail").update_trail(Name="fluo-audit-production", EnableLogFileValidation=False)


def _versioning(engineer: Any, plan: Plan) -> None:
    engineer.client("s3").put_bucket_versioning(
        Bucket="fluo-cloudtrail-production-123456789012", VersioningConfiguration={"Status": "Suspended"}
    )


def _public(engineer: Any, plan: Plan) -> None:
    engineer.client("s3").delete_public_access_block(Bucket="fluo-cloudtrail-production-123456789012")


def _replica_policy(engineer: Any, plan: Plan) -> None:
    policy = engineer.key_policy(key_of(plan), "eu-west-1")
    policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != "DenyFluoBackendOtherPurpose"]
    engineer.client("kms", "eu-west-1").put_key_policy(
        KeyId=key_of(plan), PolicyName="default", Policy=json.dumps(policy)
    )


DRIFTS: dict[str, tuple[Drift, str, str]] = {
    "rotation period": (_rotation, "KMS key alias/fluo-production", "rotation"),
    "rotation off": (_rotation_off, "KMS key alias/fluo-production", "rotation"),
    "tag": (_tag, "KMS key alias/fluo-production", "tag Name"),
    "condition removed": (
        _statement("AllowFluoBackendKeyUsage", Condition={}),
        "KMS key alias/fluo-production", "statement AllowFluoBackendKeyUsage",
    ),
    "deny removed": (
        _without("DenyFluoBackendOtherPurpose"), "KMS key alias/fluo-production",
        "statement DenyFluoBackendOtherPurpose",
    ),
    "wider action": (
        _statement("AllowFluoBackendDescribe", Action=["kms:DescribeKey", "kms:CreateGrant"]),
        "KMS key alias/fluo-production", "statement AllowFluoBackendDescribe",
    ),
    "other principal": (
        _statement("DenyFluoBackendKeyAdministration", Principal={"AWS": BACKEND}),
        "KMS key alias/fluo-production", "statement DenyFluoBackendKeyAdministration",
    ),
    "access policy": (_access_policy, "IAM policy fluo-kms-access-production", "statement FluoKmsUse"),
    "detached": (_detached, "policy attachment fluo-kms-access-production on fluo-backend-production", ""),
    "trust": (_trust, "role fluo-backend-production", "statement AllowServices"),
    "session": (_session, "role fluo-backend-production", "session"),
    "profile without role": (_profile_emptied, "instance profile fluo-backend-production", "role"),
    "alias gone": (_alias_gone, "alias alias/fluo-production", ""),
    "alarm threshold": (_threshold, "alarm fluo-kms-errors-production", "threshold"),
    "metric filter": (_pattern, "metric filter fluo-kms-throttle-production", "pattern"),
    "retention": (_retention, "log group /fluo/cloudtrail-production", "retention"),
    "trail stopped": (_trail_stopped, "trail fluo-audit-production", "logging"),
    "trail validation": (_trail_validation, "trail fluo-audit-production", "log file validation"),
    "bucket versioning": (_versioning, "bucket fluo-cloudtrail-production-123456789012", "versioning"),
    "bucket public": (_public, "bucket fluo-cloudtrail-production-123456789012", "public access"),
    "replica policy": (
        _replica_policy, "replica key alias/fluo-production in eu-west-1", "statement DenyFluoBackendOtherPurpose",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def applied(engineer_in, tmp_path_factory):
    """Give an account with everything in it; each test leaves it as it found it."""
    with SimulatedAccount(empty=True) as account:
        engineer = engineer_in(account, tmp_path_factory.mktemp("plans"))
        engineer.apply(**variables("created", tuple(OPTIONS)))
        yield engineer


@pytest.mark.parametrize("drift", DRIFTS)
def test_one_fact_changed_by_hand_is_named_alone_and_mended(applied, drift):
    asked, engineer = variables("created", tuple(OPTIONS)), applied
    change_by_hand, resource, fact = DRIFTS[drift]

    change_by_hand(engineer, engineer.plan(**asked))
    plan = engineer.plan(**asked)

    assert plan.exit_code == ExitCode.EXCEPTIONS

    assert [(change.resource.label, [each.fact for each in change.differences]) for change in plan.pending] == [
        (resource, [fact] if fact else [])
    ]
    assert engineer.apply(**asked).pending == ()


# --- adoption, refusals and what could not be read -------------------------------------------------------------


def key_made_by_hand(engineer: Any, **changes: Any) -> str:
    key = engineer.make_key(**changes)
    engineer.client("kms").create_alias(AliasName="alias/fluo-production", TargetKeyId=key)
    return key


def test_a_key_made_by_hand_is_adopted_and_its_own_statements_stay(engineer):
    key = key_made_by_hand(engineer)
    policy = engineer.key_policy(key)
    policy["Statement"].append(
        {"Sid": "Partner", "Effect": "Allow", "Principal": {"AWS": ADMIN}, "Action": "kms:ListGrants", "Resource": "*"}
    )
    engineer.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))

    left = engineer.apply(fluo_role_arns=[BACKEND])

    assert left.pending == ()
    assert "Partner" in [statement.get("Sid") for statement in engineer.key_policy(key)["Statement"]]
    change = left.change("KMS key")
    assert any("Partner is not ours: kept" in note for note in change.notes)


def test_a_statement_of_others_goes_only_when_named(engineer):
    key = key_made_by_hand(engineer)
    engineer.apply(fluo_role_arns=[BACKEND])
    policy = engineer.key_policy(key)
    for sid in ("Partner", "Other"):
        policy["Statement"].append(
            {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": ADMIN}, "Action": "kms:ListGrants", "Resource": "*"}
        )
    engineer.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    choice = Choice(prune=("Partner",))

    plan = engineer.plan(choice, fluo_role_arns=[BACKEND])
    left = engineer.apply(choice, fluo_role_arns=[BACKEND])

    assert [each.fact for each in plan.change("KMS key").differences] == ["statement Partner"]
    assert left.pending == ()
    sids = [statement.get("Sid") for statement in engineer.key_policy(key)["Statement"]]
    assert "Partner" not in sids
    assert "Other" in sids


OPTIONAL: dict[str, tuple[dict[str, Any], str]] = {
    "administrators": ({"key_admin_arns": [ADMIN]}, "AllowKeyAdministration"),
    "auditors": ({"auditor_role_arns": [ADMIN]}, "AllowAuditorRead"),
    "tenants": ({"allowed_tenant_ids": ["t"]}, "DenyFluoBackendOtherTenant"),
    "logs": ({"enable_cloudwatch_logs": True}, "AllowCloudWatchLogs"),
}
DEFAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "context": ({"enforce_encryption_context": False}, "DenyFluoBackendOtherPurpose"),
    "administration": ({"deny_key_administration": False}, "DenyFluoBackendKeyAdministration"),
}


@pytest.mark.parametrize(
    ("before", "after", "sid"),
    [*((on, {}, sid) for on, sid in OPTIONAL.values()), *(({}, off, sid) for off, sid in DEFAULTS.values())],
    ids=[*OPTIONAL, *DEFAULTS],
)
def test_what_is_no_longer_asked_for_goes(engineer, before, after, sid):
    """A dismissed administrator must not keep the key because nobody asks for him any more."""
    left = engineer.apply(fluo_role_arns=[BACKEND], **before)
    key = key_of(left)
    assert sid in [one["Sid"] for one in engineer.key_policy(key)["Statement"]]

    plan = engineer.plan(fluo_role_arns=[BACKEND], **after)
    assert f"statement {sid}" in [each.fact for each in plan.change("KMS key").differences]
    assert engineer.carry_out(plan).pending == ()

    assert sid not in [one["Sid"] for one in engineer.key_policy(key)["Statement"]]


def test_a_second_statement_does_not_hide_behind_a_sid_of_ours(engineer):
    left = engineer.apply(fluo_role_arns=[BACKEND])
    policy = engineer.key_policy(key_of(left))
    policy["Statement"].insert(
        0,
        {"Sid": "AllowFluoBackendDescribe", "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"},
    )
    put_policy(engineer, left, policy)

    plan = engineer.plan(fluo_role_arns=[BACKEND])

    assert {each.fact for each in plan.change("KMS key").differences} == {
        "statement AllowFluoBackendDescribe",
        "statement AllowFluoBackendDescribe (again)",
    }
    assert engineer.apply(fluo_role_arns=[BACKEND]).pending == ()


def test_the_hint_to_prune_is_safe_to_paste(engineer):
    left = engineer.apply(fluo_role_arns=[BACKEND])
    policy = engineer.key_policy(key_of(left))
    sid = "it's $(touch x)"
    policy["Statement"].append(
        {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": ADMIN}, "Action": "kms:ListGrants", "Resource": "*"}
    )
    put_policy(engineer, left, policy)

    (note,) = engineer.plan(fluo_role_arns=[BACKEND]).change("KMS key").notes

    assert shlex.split(note.split("remove it with ")[1]) == ["--prune", sid]


def test_a_sid_that_is_not_there_cannot_be_pruned(engineer):
    engineer.apply(fluo_role_arns=[BACKEND])

    with pytest.raises(RefusedError, match="no statement Partnr to prune"):
        engineer.plan(Choice(prune=("Partnr",)), fluo_role_arns=[BACKEND])


def test_an_environment_has_one_access_policy_and_one_trail_whatever_the_region(engineer):
    asked = {"fluo_role_arns": [BACKEND], "enable_audit_trail": True}
    engineer.apply(**asked)
    engineer.region = "eu-west-1"
    before = engineer.sim.writes

    with pytest.raises(RefusedError, match="belongs to a key in us-east-1"):
        engineer.plan(**asked)

    assert engineer.sim.writes == before


def test_a_trail_of_another_region_is_not_made_twice(engineer):
    engineer.apply(environment="other", fluo_role_arns=[BACKEND], enable_audit_trail=True)
    engineer.region, engineer.environment = "eu-west-1", "other"
    engineer.client("iam").delete_policy(PolicyArn="arn:aws:iam::123456789012:policy/fluo/fluo-kms-access-other")

    with pytest.raises(RefusedError, match="home in us-east-1"):
        engineer.plan(environment="other", fluo_role_arns=[BACKEND], enable_audit_trail=True)


def test_a_policy_of_the_same_name_under_another_path_is_noticed_before_anything_is_made(engineer):
    document = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
    engineer.client("iam").create_policy(PolicyName="fluo-kms-access-production", PolicyDocument=document)

    with pytest.raises(RefusedError, match="under another path"):
        engineer.plan(fluo_role_arns=[BACKEND])


def test_a_replica_is_not_taken_for_the_key(engineer):
    engineer.apply(**variables("existing", ("replica",)))
    engineer.region = "eu-west-1"

    with pytest.raises(RefusedError, match="is a replica: its primary key lives in us-east-1"):
        engineer.plan(fluo_role_arns=[BACKEND], multi_region_enabled=True)


def test_a_replica_that_nobody_asked_for_is_pointed_out(engineer):
    engineer.apply(**variables("existing", ("replica",)))

    notes = engineer.plan(**variables("existing", ()), multi_region_enabled=True).change("KMS key").notes

    assert any("a replica in eu-west-1 is not in replica_regions" in note for note in notes)


def test_a_key_of_another_environment_is_not_taken_over(engineer):
    other = engineer.apply(environment="other", fluo_role_arns=[BACKEND])

    plan = engineer.plan(Choice(key=other.known["${fluo.key_arn}"]), fluo_role_arns=[BACKEND])

    assert [each.fact for each in plan.change("KMS key").differences if each.instead] == ["tag Environment"]


def test_who_uses_the_key_does_not_administer_it(engineer):
    with pytest.raises(RefusedError, match="would use the key and administer it"):
        engineer.plan(attach_to_role=True, fluo_iam_role_name="fluo-backend", key_admin_arns=[BACKEND])


def test_an_alarm_keeps_what_others_set_on_it_and_may_not_be_silenced(applied):
    asked, cloudwatch = variables("created", tuple(OPTIONS)), applied.client("cloudwatch")
    alarm = cloudwatch.describe_alarms(AlarmNames=["fluo-kms-errors-production"])["MetricAlarms"][0]
    topic = "arn:aws:sns:us-east-1:123456789012:recovered"
    kept = (
        "AlarmName",
        "Namespace",
        "MetricName",
        "Statistic",
        "Period",
        "EvaluationPeriods",
        "ComparisonOperator",
        "TreatMissingData",
        "Threshold",
    )
    cloudwatch.put_metric_alarm(
        **{name: alarm[name] for name in kept}, OKActions=[topic], AlarmActions=[topic], ActionsEnabled=False
    )

    plan = applied.plan(**asked)
    assert [each.fact for change in plan.pending for each in change.differences] == ["actions enabled"]
    assert applied.apply(**asked).pending == ()

    alarm = cloudwatch.describe_alarms(AlarmNames=["fluo-kms-errors-production"])["MetricAlarms"][0]
    assert (alarm["OKActions"], alarm["AlarmActions"], alarm["ActionsEnabled"]) == ([topic], [topic], True)


def test_a_policy_that_names_a_deleted_role_is_not_sent(engineer):
    """KMS keeps the unique id of a deleted role in the policy, and takes no policy that names one."""
    left = engineer.apply(fluo_role_arns=[BACKEND])
    policy = engineer.key_policy(key_of(left))
    developer = "arn:aws:iam::123456789012:role/developer"
    policy["Statement"].append(
        {"Sid": "Old", "Effect": "Allow", "Principal": {"AWS": developer}, "Action": "kms:Decrypt", "Resource": "*"}
    )
    put_policy(engineer, left, policy)
    engineer.sim.orphan("developer")
    asked = {"fluo_role_arns": [BACKEND], "enable_cloudwatch_logs": True}

    plan = engineer.plan(**asked)
    assert any("AROA" in note and "no longer exists" in note for note in plan.change("KMS key").notes)
    with pytest.raises(RefusedError, match="names deleted roles") as refused:
        engineer.carry_out(plan)

    assert refused.value.hint == "plan again with --prune Old"
    assert engineer.apply(Choice(prune=("Old",)), **asked).pending == ()


def test_what_a_key_is_for_ever_needs_a_new_key(engineer):
    key_made_by_hand(engineer)

    plan = engineer.plan(fluo_role_arns=[BACKEND], multi_region_enabled=True)
    change = plan.change("KMS key")

    assert change.mark == REFUSED
    assert [each.fact for each in change.differences if each.instead] == ["multi-Region"]
    with pytest.raises(RefusedError, match="multi-Region is False"):
        engineer.carry_out(plan)
    assert engineer.sim.writes[-1] == "kms:CreateAlias"


def test_a_disabled_key_is_not_enabled_here(engineer):
    key = key_made_by_hand(engineer)
    engineer.apply(fluo_role_arns=[BACKEND])
    engineer.client("kms").disable_key(KeyId=key)

    change = engineer.plan(fluo_role_arns=[BACKEND]).change("KMS key")

    assert (change.mark, change.steps, [each.fact for each in change.differences]) == (REFUSED, (), ["state"])


def test_an_alias_that_points_elsewhere_is_never_moved(engineer):
    key_made_by_hand(engineer)
    other = engineer.make_key()

    plan = engineer.plan(Choice(key=other), fluo_role_arns=[BACKEND])

    assert (plan.change("alias").mark, plan.change("alias").steps) == (REFUSED, ())


def test_two_keys_with_the_same_tags_and_no_alias_are_not_chosen_between(engineer):
    tags = [
        {"TagKey": "Purpose", "TagValue": "fluo-backend-encryption"},
        {"TagKey": "Environment", "TagValue": "production"},
    ]
    keys = [engineer.make_key(Tags=tags) for _ in range(2)]

    with pytest.raises(KeyNotFoundError) as refused:
        engineer.plan(fluo_role_arns=[BACKEND])

    assert all(key in refused.value.message for key in keys)


def test_a_second_key_with_the_tags_is_pointed_out_because_it_costs(engineer):
    engineer.apply(fluo_role_arns=[BACKEND])
    tags = [
        {"TagKey": "Purpose", "TagValue": "fluo-backend-encryption"},
        {"TagKey": "Environment", "TagValue": "production"},
    ]
    orphan = engineer.make_key(Tags=tags)

    notes = engineer.plan(fluo_role_arns=[BACKEND]).change("KMS key").notes

    assert any(orphan in note and "$1 a month" in note for note in notes)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"fluo_role_arns": [BACKEND + "-missing"]}, "does not exist"),
        ({"fluo_role_arns": ["arn:aws:iam::123456789012:role/team/fluo-backend"]}, "another path"),
        ({"attach_to_role": True, "fluo_iam_role_name": "nobody"}, "does not exist"),
        ({"fluo_role_arns": [BACKEND], "multi_region_enabled": True, "replica_regions": ["us-east-1"]}, "primary"),
        ({"fluo_role_arns": [BACKEND], "enable_alarms": True, "trail_log_group": "none"}, "log group none does not"),
    ],
)
def test_a_spec_that_cannot_hold_in_this_account_is_refused(engineer, asked, said):
    with pytest.raises(RefusedError, match=said):
        engineer.plan(**asked)


def test_a_role_of_another_account_is_taken_and_what_it_also_needs_is_said(engineer):
    plan = engineer.plan(fluo_role_arns=["arn:aws:iam::111122223333:role/fluo-backend"])

    assert any("identity policy there" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("denied", "unread"),
    [
        ("kms:ListAliases", {"KMS key", "alias", "IAM policy"}),
        ("kms:GetKeyPolicy", {"KMS key", "alias", "IAM policy"}),
        ("kms:GetKeyRotationStatus", {"KMS key", "alias", "IAM policy"}),
        ("kms:ListResourceTags", {"KMS key", "alias", "IAM policy"}),
        ("iam:ListPolicyVersions", {"IAM policy"}),
        ("iam:GetPolicyVersion", {"IAM policy"}),
        ("iam:ListAttachedRolePolicies", {"policy attachment"}),
    ],
)
def test_what_could_not_be_read_is_neither_right_nor_wrong_and_stops_the_application(engineer, denied, unread):
    asked = variables("existing", ())
    engineer.apply(**asked)
    engineer.sim.deny(denied)

    plan = engineer.plan(**asked)

    assert {change.resource.kind for change in plan.changes if change.mark == UNREAD} == unread
    assert not plan.complete
    assert plan.exit_code == ExitCode.INCOMPLETE
    assert all(change.steps == () for change in plan.changes if change.mark == UNREAD)
    with pytest.raises(RefusedError, match="could not be read"):
        engineer.carry_out(plan)


def test_a_first_plan_adds_everything(engineer):
    plan = engineer.plan(create_iam_role=True)

    assert {change.mark for change in plan.changes} == {ADD}
    assert plan.known == {}


def test_the_hash_of_what_was_found_follows_the_account_and_nothing_else(engineer):
    asked = variables("existing", ())
    engineer.apply(**asked)
    before = engineer.plan(**asked).observed_sha256
    engineer.sim.clock.sleep(3600)

    assert engineer.plan(**asked).observed_sha256 == before
    _rotation(engineer, engineer.plan(**asked))
    assert engineer.plan(**asked).observed_sha256 != before
    assert engineer.plan(**asked).change("KMS key").mark == CHANGE
