"""What should exist, from the spec alone: every resource in the order in which it is created."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fluo_audit.provision import documents
from fluo_audit.provision.resource import KEY_ARN, KEY_ID, TRAIL_KEY_ARN, TRAIL_KEY_ID, Place, Resource
from fluo_audit.provision.spec import Spec
from fluo_audit.provision.statements import PREFIX, statement_facts

PATH = "/fluo/"
PURPOSE, TRAIL_PURPOSE = "fluo-backend-encryption", "fluo-audit-trail"
NAMESPACE = "FLUO/KMS"
RETENTION_DAYS = 365
_NEW_KEY = "this needs a new key: nothing changes it on an existing one"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a plan is asked beside the spec."""

    key: str = ""
    """Id or ARN of the key to use; empty: the one of the alias or the tags."""
    made: str = ""
    """ARN of the key that an earlier, interrupted application created, from its journal."""
    made_for_trail: str = ""
    """The same for the key of the audit trail."""
    prune: tuple[str, ...] = ()
    """Sids of key policy statements of others to remove."""
    take_ownership: bool = False
    """Whether to write to what Terraform manages."""


def fluo_roles(spec: Spec, place: Place, attached_arn: str = "") -> tuple[str, ...]:
    """Return the ARNs of every FLUO role. `attached_arn` is the ARN of fluo_iam_role_name, which only IAM knows."""
    created = place.iam(f"role{PATH}{spec.role_name}") if spec.create_iam_role else attached_arn
    return tuple(sorted({*spec.fluo_role_arns, *filter(None, [created])}))


def policy_arn(spec: Spec, place: Place) -> str:
    """Return the ARN of the access policy."""
    return place.iam(f"policy{PATH}fluo-kms-access-{spec.environment}")


def desired_resources(spec: Spec, place: Place, attached_arn: str = "", choice: Choice | None = None) -> list[Resource]:
    """Return every wanted resource. Roles come first, because KMS refuses a policy that names one it cannot see."""
    choice = choice or Choice()
    roles = fluo_roles(spec, place, attached_arn)
    return [
        *_created_role(spec, place),
        _key(spec, place, roles, choice),
        Resource("alias", spec.alias, {"key": KEY_ID}, fixed={"key": f"move it by hand when sure: {_MOVE_ALIAS}"}),
        _access_policy(spec, place),
        *_attachment(spec, place),
        *_replicas(spec, place, roles, choice),
        *(_audit_trail(spec, place, Choice(made=choice.made_for_trail)) if spec.enable_audit_trail else ()),
        *(_alarms(spec) if spec.enable_alarms else ()),
    ]


_MOVE_ALIAS = "aws kms update-alias"


def tags_of(spec: Spec, name: str, purpose: str = PURPOSE) -> dict[str, str]:
    """Return the tags of what is created."""
    return {
        **spec.tags,
        "Name": name,
        "Environment": spec.environment,
        "ManagedBy": "fluo-audit",
        "Purpose": purpose,
    }


def _created_role(spec: Spec, place: Place) -> Iterator[Resource]:
    if not spec.create_iam_role:
        return
    statements = documents.trust_statements(spec, place)
    facts = {"session": 3600, "path": PATH, **_facts(statements, place)}
    yield Resource(
        "role", spec.role_name, facts,
        {"path": PATH, "statements": statements, "description": f"FLUO backend ({spec.environment})",
         "tags": tags_of(spec, spec.role_name)},
        variables={
            "statement AllowServices": "fluo_service_principals",
            "statement AllowTrustedAccounts": "trusted_principals, external_id",
        },
        fixed={"path": "IAM moves no role to another path: delete it by hand, or use attach_to_role"},
    )  # fmt: skip


def _key(spec: Spec, place: Place, roles: tuple[str, ...], choice: Choice) -> Resource:
    return _key_resource(
        spec, place, spec.alias, documents.key_statements(spec, place, roles, place.region), choice,
        name=f"fluo-kms-{spec.environment}", placeholders=(KEY_ARN, KEY_ID),
        description=f"FLUO backend encryption ({spec.environment})", multi_region=spec.multi_region_enabled,
    )  # fmt: skip


def _key_resource(
    spec: Spec, place: Place, alias: str, statements: list[documents.Statement], choice: Choice, *,
    name: str, placeholders: tuple[str, str], description: str, multi_region: bool = False, purpose: str = PURPOSE,
) -> Resource:  # fmt: skip
    tags = tags_of(spec, name, purpose)
    facts = {
        "state": "Enabled", "spec": "SYMMETRIC_DEFAULT", "usage": "ENCRYPT_DECRYPT", "origin": "AWS_KMS",
        "multi-Region": multi_region, "rotation": spec.key_rotation_period_days,
        **_facts(statements, place), **{f"tag {key}": value for key, value in tags.items()},
    }  # fmt: skip
    identity = {"Purpose": purpose, "Environment": spec.environment}
    details = _policy_details(spec, statements, tags, choice) | {
        "key": choice.key, "made": choice.made, "alias": alias, "identity": identity,
        "replicas": spec.replica_regions if multi_region else (), "placeholders": placeholders,
        "description": description,
    }  # fmt: skip
    by_hand = "enable it, or cancel its deletion, by hand once it is clear why it is so"
    other = "this key belongs to another environment: name the right one, or correct its tag by hand"
    fixed = {"state": by_hand, "tag Environment": other}
    fixed |= dict.fromkeys(("spec", "usage", "origin", "multi-Region"), _NEW_KEY)
    return Resource("KMS key", alias, facts, details, variables=_VARIABLES, fixed=fixed)


def _policy_details(
    spec: Spec, statements: list[documents.Statement], tags: Mapping[str, str], choice: Choice
) -> dict[str, Any]:
    return {"statements": statements, "policy id": f"fluo-{spec.environment}", "tags": tags, "prune": choice.prune}


_VARIABLES = {
    "rotation": "key_rotation_period_days",
    "multi-Region": "multi_region_enabled",
    "tag": "tags",
    "statement AllowFluoBackendDescribe": "fluo_role_arns",
    "statement AllowFluoBackendKeyUsage": "fluo_role_arns, encryption_context_purposes, allowed_tenant_ids",
    "statement DenyFluoBackendOtherPurpose": "enforce_encryption_context, encryption_context_purposes",
    "statement DenyFluoBackendOtherTenant": "allowed_tenant_ids",
    "statement DenyFluoBackendKeyAdministration": "deny_key_administration",
    "statement AllowKeyAdministration": "key_admin_arns",
    "statement AllowAuditorRead": "auditor_role_arns",
    "statement AllowCloudWatchLogs": "enable_cloudwatch_logs, log_group_prefix",
}


def _access_policy(spec: Spec, place: Place) -> Resource:
    name = f"fluo-kms-access-{spec.environment}"
    statements = documents.access_statements(spec, spec.replica_regions, place)
    details = {
        "arn": policy_arn(spec, place), "path": PATH, "statements": statements, "tags": tags_of(spec, name),
        "description": f"Use of the FLUO KMS key ({spec.environment})",
    }  # fmt: skip
    variables = {"statement": "encryption_context_purposes, allowed_tenant_ids"}
    return Resource("IAM policy", name, _facts(statements, place), details, variables=variables)


def _attachment(spec: Spec, place: Place) -> Iterator[Resource]:
    if not spec.role_name:
        return
    details = {"role": spec.role_name, "arn": policy_arn(spec, place)}
    name = f"fluo-kms-access-{spec.environment} on {spec.role_name}"
    yield Resource("policy attachment", name, {"attached": True}, details)
    if spec.create_iam_role:
        by_hand = "a profile holds one role, and it holds another one: change it by hand"
        yield Resource(
            "instance profile", spec.role_name, {"role": spec.role_name}, {"path": PATH}, fixed={"role": by_hand}
        )


def _replicas(spec: Spec, place: Place, roles: tuple[str, ...], choice: Choice) -> Iterator[Resource]:
    for region in spec.replica_regions:
        statements = documents.key_statements(spec, place, roles, region)
        tags = tags_of(spec, f"fluo-kms-{spec.environment}")
        facts = {
            "state": "Enabled",
            **_facts(statements, place),
            **{f"tag {key}": value for key, value in tags.items()},
        }
        details = _policy_details(spec, statements, tags, choice) | {
            "placeholders": (KEY_ARN, KEY_ID), "description": f"FLUO backend encryption ({spec.environment}), replica",
        }  # fmt: skip
        yield Resource("replica key", spec.alias, facts, details, region, _VARIABLES, {"state": "enable it by hand"})
        by_hand = f"move it by hand when sure: {_MOVE_ALIAS}"
        yield Resource("alias", spec.alias, {"key": KEY_ID}, region=region, fixed={"key": by_hand})


def _audit_trail(spec: Spec, place: Place, choice: Choice) -> Iterator[Resource]:
    base, name = f"fluo-cloudtrail-{spec.environment}", f"fluo-audit-{spec.environment}"
    bucket, tags = f"{base}-{place.account}", tags_of(spec, base, TRAIL_PURPOSE)
    yield _key_resource(
        spec, place, f"alias/{base}", documents.trail_key_statements(spec, place), choice, name=base,
        placeholders=(TRAIL_KEY_ARN, TRAIL_KEY_ID), description=f"FLUO audit trail ({spec.environment})",
        purpose=TRAIL_PURPOSE,
    )  # fmt: skip
    yield Resource("alias", f"alias/{base}", {"key": TRAIL_KEY_ID}, fixed={"key": f"by hand: {_MOVE_ALIAS}"})
    in_bucket = documents.trail_bucket_statements(spec, place, bucket)
    settings = {"public access": "blocked", "versioning": "Enabled", "encryption": TRAIL_KEY_ARN}
    yield Resource(
        "bucket", bucket, {**settings, **_facts(in_bucket, place)}, {"statements": in_bucket, "region": place.region}
    )
    yield Resource(
        "log group", spec.log_group, {"retention": RETENTION_DAYS, "key": TRAIL_KEY_ARN}, {"tags": tags},
        fixed={"key": "by hand: aws logs associate-kms-key"},
    )  # fmt: skip
    trust = documents.delivery_trust_statements()
    yield Resource(
        "role", base, {"session": 3600, "path": PATH, **_facts(trust, place)},
        {"path": PATH, "statements": trust, "description": "CloudTrail to CloudWatch Logs", "tags": tags},
        fixed={"path": "IAM moves no role to another path"},
    )  # fmt: skip
    delivery = documents.delivery_statements(spec, place)
    yield Resource("role policy", "deliver-events", _facts(delivery, place), {"role": base, "statements": delivery})
    group_arn = place.arn("logs", f"log-group:{spec.log_group}:*")
    facts: dict[str, Any] = {
        "bucket": bucket, "key": TRAIL_KEY_ARN, "multi-Region": True, "global events": True,
        "log file validation": True,
        "log group": group_arn, "delivery role": place.iam(f"role{PATH}{base}"), "logging": True,
    }  # fmt: skip
    yield Resource("trail", name, facts, {"tags": tags})


def _alarms(spec: Spec) -> Iterator[Resource]:
    names = [f"fluo-kms-throttle-{spec.environment}", f"fluo-kms-errors-{spec.environment}"]
    metrics = [f"ThrottledRequests-{spec.environment}", f"FailedRequests-{spec.environment}"]
    for name, metric, pattern in zip(names, metrics, error_patterns(spec.alias), strict=True):
        facts = {"pattern": pattern, "metric": metric, "namespace": NAMESPACE, "value": "1", "default": 0.0}
        details = {"log group": spec.log_group, "made here": spec.enable_audit_trail}
        yield Resource("metric filter", name, facts, details, variables={"pattern": "environment"})
    thresholds = (
        (10, 2, 300, "AWS KMS throttled requests for the FLUO key"),
        (5, 1, 60, "Requests for the FLUO key failed"),
    )
    for name, metric, (threshold, periods, seconds, text) in zip(names, metrics, thresholds, strict=True):
        watched: dict[str, Any] = {
            "namespace": NAMESPACE, "metric": metric, "dimensions": {}, "statistic": "Sum", "period": seconds,
            "evaluation periods": periods, "threshold": float(threshold), "comparison": "GreaterThanThreshold",
            "missing data": "notBreaching", "actions enabled": True,
        }  # fmt: skip
        if spec.alarm_actions:
            watched["actions"] = sorted(spec.alarm_actions)
        details = {"description": text, "tags": tags_of(spec, name), "names": names}
        yield Resource("alarm", name, watched, details, variables={"actions": "alarm_actions"})


def error_patterns(alias: str) -> tuple[str, str]:
    """Return the patterns of throttled and of otherwise failed requests for the key.

    A failed record may lack resources, and names the key as the caller did: by id, ARN or alias.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    key = (
        f'(($.resources[0].ARN = "{KEY_ARN}") || ($.requestParameters.keyId = "*{KEY_ID}*")'
        f' || ($.requestParameters.keyId = "*{alias}") || ($.errorMessage = "*{KEY_ID}*"))'
    )
    throttled = '($.errorCode = "ThrottlingException")'
    failed = '($.errorCode = "*") && ($.errorCode != "ThrottlingException")'
    source = '($.eventSource = "kms.amazonaws.com")'
    return f"{{ {source} && {throttled} && {key} }}", f"{{ {source} && {failed} && {key} }}"


def _facts(statements: list[documents.Statement], place: Place) -> dict[str, Any]:
    facts = statement_facts(documents.document(statements), "wanted policy", place.partition)
    return {fact: value for fact, value in facts.items() if fact.startswith(PREFIX)}
