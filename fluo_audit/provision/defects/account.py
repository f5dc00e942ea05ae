"""What stands around the key in the account: who may become a FLUO role, its instance profile, and the alarms."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fluo_audit.model.kms_metrics import KMS_METRICS
from fluo_audit.policy import Caller, Effect, PolicyDocument, Statement
from fluo_audit.policy.conditions import ContextValue, Unstated, holds
from fluo_audit.policy.principals import names_caller
from fluo_audit.policy.truth import Truth, all_of, any_of
from fluo_audit.policy.wildcard import lower
from fluo_audit.provision.defects.check import MODULE, Answer, check, defect, listed, number_of, ok, short, unclear
from fluo_audit.provision.defects.set_up import Alarm

ASSUME = "sts:AssumeRole"
_EC2 = re.compile(r"ec2\.amazonaws\.com(\.cn)?")


@check(
    "external-id-not-of-services",
    "No AWS service is asked for an external id",
    needs=("trust_policies",),
    means="AWS services send no external id: the service never assumes the role, and the backend has no credentials.",
    fix="fluo-audit provision apply --create-iam-role --trusted-principal ACCOUNT --external-id ID, or the variables "
    f"trusted_principals and external_id in {MODULE}",
)
def external_id_not_of_services(trust_policies: Mapping[str, PolicyDocument]) -> Answer:
    """Ask the trust policies whether the services they name may assume the role without an external id.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    """
    refused = [
        f"{short(role)}: refused to {listed(services)} without one"
        for role, trust in trust_policies.items()
        if (services := [service for service in _services(trust) if _is_refused(trust, service)])
    ]
    return defect("; ".join(refused)) if refused else ok("no trust policy asks a service for one")


def _services(trust: PolicyDocument) -> list[str]:
    """Return the services that a trust policy lets in, on whatever condition."""
    named = {
        name
        for statement in trust.statements
        if statement.effect is Effect.ALLOW and statement.covers_action(ASSUME) and statement.principals is not None
        for kind, name in statement.principals.values
        if kind == "Service" and name and not statement.principals.excluded and not name.startswith("arn:")
    }
    return sorted(named)


def _is_refused(trust: PolicyDocument, service: str) -> bool:
    """Return whether a service can certainly not assume the role without an external id, whatever else it sends."""

    def applies(statement: Statement) -> Truth:
        conditions = (
            holds(condition, _without_external_id, resolves_variables=trust.resolves_variables)
            for condition in statement.conditions
        )
        return all_of([names_caller(statement.principals, Caller(service)), *conditions])

    about = [each for each in trust.statements if each.covers_action(ASSUME)]
    allowed = any_of(applies(each) for each in about if each.effect is Effect.ALLOW)
    denied = any_of(applies(each) for each in about if each.effect is Effect.DENY)
    return allowed.value is False or denied.value is True


def _without_external_id(key: str) -> ContextValue:
    return None if lower(key) == "sts:externalid" else Unstated(f"the request does not state {key}")


@check(
    "instance-profile-exists",
    "A role for EC2 has an instance profile",
    needs=("trust_policies", "instance_profiles"),
    means="EC2 takes an instance profile, never a role: associate-iam-instance-profile finds none.",
    fix="aws iam create-instance-profile and add-role-to-instance-profile for a role that exists; a created one "
    f"(fluo-audit provision apply --create-iam-role, or create_iam_role in {MODULE}) brings its own",
)
def instance_profile_exists(
    trust_policies: Mapping[str, PolicyDocument], instance_profiles: Mapping[str, tuple[str, ...]]
) -> Answer:
    """Look at the roles that EC2 is meant to assume."""
    for_ec2 = [role for role, trust in trust_policies.items() if any(map(_EC2.fullmatch, _services(trust)))]
    if lacks := [role for role in for_ec2 if instance_profiles.get(role) == ()]:
        return defect(f"none holds {listed(map(short, lacks))}")
    return ok(f"{listed(map(short, for_ec2))} has one" if for_ec2 else "no FLUO role is for EC2")


@check(
    "alarms-have-metric",
    "Every alarm watches a metric that somebody publishes",
    needs=("alarms",),
    means="The alarm stays in INSUFFICIENT_DATA for ever, and looks like one that watches.",
    fix="fluo-audit provision apply --enable-alarms --trail-log-group GROUP, or enable_alarms and trail_log_group in "
    f"{MODULE}",
)
def alarms_have_metric(alarms: tuple[Alarm, ...]) -> Answer:
    """Go by the metrics that AWS documents, by metric filters, and by data of the last two weeks."""
    silent = [each for each in alarms if not (each.filters or each.has_data)]
    dead = [each for each in silent if each.namespace == "AWS/KMS" and each.metric not in KMS_METRICS]
    if dead:
        watched = listed(f"{each.metric} ({each.name})" for each in dead)
        return defect(f"AWS/KMS has no such metric: {watched}")
    if doubtful := [each.name for each in silent if each.namespace != "AWS/KMS"]:
        return unclear(f"{listed(doubtful)}: no metric filter makes the metric, and no data came in the last two weeks")
    return ok(f"{number_of(len(alarms), 'alarm')} can fire" if alarms else "no alarm watches the key")
