"""Every policy document, from the spec alone: key policy, access policy, trust policy, and those of the audit trail.

Two rules make the encryption context count. The Allow in the key policy carries the condition, because a key policy
statement suffices by itself in the key's account. And a Deny repeats it, because the root statement lets identity
policies allow the same calls without it; StringNotEquals also matches when the context lacks the key. Two keys in one
Deny would both have to be wrong, so each key has a Deny of its own:
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-encryption-context
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluo_audit.provision.resource import KEY_ARN, KEY_ID, Place
from fluo_audit.provision.spec import Spec

USE = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
"""What the backend does with the key, beside kms:DescribeKey."""
CRYPTOGRAPHIC = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
ADMINISTRATION = (
    "kms:CancelKeyDeletion", "kms:CreateGrant", "kms:DeleteAlias", "kms:DeleteImportedKeyMaterial", "kms:DisableKey",
    "kms:DisableKeyRotation", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:ScheduleKeyDeletion", "kms:UpdateAlias",
    "kms:UpdatePrimaryRegion",
)  # fmt: skip
"""What is denied to the FLUO roles."""
ADMINISTER = (
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DescribeKey", "kms:EnableKey", "kms:EnableKeyRotation",
    "kms:GetKeyLastUsage", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies",
    "kms:ListKeyRotations", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RevokeGrant",
    "kms:RotateKeyOnDemand", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription",
)  # fmt: skip
"""What key administrators may do: nothing that uses, disables or deletes the key."""
READ = (
    "kms:DescribeKey", "kms:GetKeyLastUsage", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants",
    "kms:ListKeyPolicies", "kms:ListKeyRotations", "kms:ListResourceTags",
)  # fmt: skip
"""What auditors may do."""
ROOT_SID = "EnableIAMUserPermissions"
KEY_SIDS = frozenset(
    {
        ROOT_SID, "AllowFluoBackendDescribe", "AllowFluoBackendKeyUsage", "DenyFluoBackendOtherPurpose",
        "DenyFluoBackendOtherTenant", "DenyFluoBackendKeyAdministration", "AllowKeyAdministration", "AllowAuditorRead",
        "AllowCloudWatchLogs",
    }
)  # fmt: skip
"""Sids of every statement that a spec may ask for: one that it does not ask for any more goes."""

Statement = Mapping[str, Any]


def document(statements: list[Statement], policy_id: str = "") -> dict[str, Any]:
    """Return a policy document of statements."""
    return {"Version": "2012-10-17"} | ({"Id": policy_id} if policy_id else {}) | {"Statement": statements}


def key_statements(spec: Spec, place: Place, roles: tuple[str, ...], region: str) -> list[Statement]:
    """Return the statements of the key policy in a Region, for the FLUO roles given."""
    backend = {"AWS": list(roles)}
    statements = [
        _root(place),
        _allow("AllowFluoBackendDescribe", backend, ["kms:DescribeKey"]),
        _allow("AllowFluoBackendKeyUsage", backend, list(USE)) | _required_context(spec),
    ]
    if spec.enforce_encryption_context:
        statements.append(_deny_other("DenyFluoBackendOtherPurpose", backend, "purpose", spec.purposes))
        if spec.tenants:
            statements.append(_deny_other("DenyFluoBackendOtherTenant", backend, "tenantId", spec.tenants))
    if spec.deny_key_administration:
        statements.append(_statement("Deny", "DenyFluoBackendKeyAdministration", backend, list(ADMINISTRATION)))
    if spec.key_admin_arns:
        statements.append(_allow("AllowKeyAdministration", {"AWS": sorted(spec.key_admin_arns)}, list(ADMINISTER)))
    if spec.auditor_role_arns:
        statements.append(_allow("AllowAuditorRead", {"AWS": sorted(spec.auditor_role_arns)}, list(READ)))
    if spec.enable_cloudwatch_logs:
        statements.append(_logs(place, region, f"{spec.log_group_prefix}*", "AllowCloudWatchLogs"))
    return statements


def access_statements(spec: Spec, regions: tuple[str, ...], place: Place) -> list[Statement]:
    """Return the statements of the access policy: four actions, on the key and its replicas."""
    arns = [KEY_ARN, *(place.arn("kms", f"key/{KEY_ID}", region) for region in regions)]
    resource: Any = arns if len(arns) > 1 else arns[0]
    describe = {"Sid": "FluoKmsDescribe", "Effect": "Allow", "Action": "kms:DescribeKey", "Resource": resource}
    use = {"Sid": "FluoKmsUse", "Effect": "Allow", "Action": list(USE), "Resource": resource}
    return [describe, use | _required_context(spec)]


def trust_statements(spec: Spec, place: Place) -> list[Statement]:
    """Return who may assume the created role. Services send no external id, so only trusted accounts are asked for it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    """
    statements: list[Statement] = []
    if spec.fluo_service_principals:
        services = {"Service": sorted(spec.fluo_service_principals)}
        statements.append({"Sid": "AllowServices", **_trust(services)})
    if spec.trusted_principals:
        names = [place.iam("root").replace(place.account, p) if p.isdigit() else p for p in spec.trusted_principals]
        asked = {"Condition": {"StringEquals": {"sts:ExternalId": spec.external_id}}}
        statements.append({"Sid": "AllowTrustedAccounts", **_trust({"AWS": sorted(names)}), **asked})
    return statements


def trail_key_statements(spec: Spec, place: Place) -> list[Statement]:
    """Return the key policy of the trail's own key: CloudTrail encrypts log files, CloudWatch Logs its log group.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
    """
    cloudtrail = {"Service": f"cloudtrail.{_ANY_PARTITION}"}
    from_trail = {"Condition": {"StringEquals": {"aws:SourceArn": trail_arn(spec, place)}}}
    context = {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": place.arn("cloudtrail", "trail/*", "*")}}
    encrypt = {"Condition": {**from_trail["Condition"], **context}}
    return [
        _root(place),
        _allow("AllowCloudTrailEncrypt", cloudtrail, ["kms:GenerateDataKey*"]) | encrypt,
        _allow("AllowCloudTrailDescribe", cloudtrail, ["kms:DescribeKey"]) | from_trail,
        _logs(place, place.region, spec.log_group, "AllowCloudWatchLogs"),
    ]


def trail_bucket_statements(spec: Spec, place: Place, bucket: str) -> list[Statement]:
    """Return the bucket policy that lets this one trail, and nobody without TLS, in.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    arn = f"arn:{place.partition}:s3:::{bucket}"
    principal = {"Service": f"cloudtrail.{_ANY_PARTITION}"}
    source = {"aws:SourceArn": trail_arn(spec, place)}
    return [
        {
            "Sid": "AllowCloudTrailAcl", "Effect": "Allow", "Principal": principal, "Action": "s3:GetBucketAcl",
            "Resource": arn, "Condition": {"StringEquals": source},
        },
        {
            "Sid": "AllowCloudTrailWrite", "Effect": "Allow", "Principal": principal, "Action": "s3:PutObject",
            "Resource": f"{arn}/AWSLogs/{place.account}/*",
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"} | source},
        },
        {
            "Sid": "DenyWithoutTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]  # fmt: skip


def delivery_trust_statements() -> list[Statement]:
    """Return who may assume the role that delivers events to the log group: CloudTrail."""
    return [{"Sid": "AllowCloudTrail", **_trust({"Service": f"cloudtrail.{_ANY_PARTITION}"})}]


def delivery_statements(spec: Spec, place: Place) -> list[Statement]:
    """Return what that role may do: write log streams of the one log group."""
    streams = place.arn("logs", f"log-group:{spec.log_group}:log-stream:*")
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    return [{"Sid": "DeliverEvents", "Effect": "Allow", "Action": actions, "Resource": streams}]


def trail_arn(spec: Spec, place: Place) -> str:
    """Return the ARN of the audit trail."""
    return place.arn("cloudtrail", f"trail/fluo-audit-{spec.environment}")


_ANY_PARTITION = "amazonaws.com"  # CloudTrail's service name ends like this in every partition


def _root(place: Place) -> Statement:
    return _allow(ROOT_SID, {"AWS": place.iam("root")}, ["kms:*"])


def _allow(sid: str, principal: Mapping[str, Any], actions: list[str]) -> dict[str, Any]:
    return _statement("Allow", sid, principal, actions)


def _statement(effect: str, sid: str, principal: Mapping[str, Any], actions: list[str]) -> dict[str, Any]:
    action: Any = actions if len(actions) > 1 else actions[0]
    return {"Sid": sid, "Effect": effect, "Principal": dict(principal), "Action": action, "Resource": "*"}


def _trust(principal: Mapping[str, Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": dict(principal), "Action": "sts:AssumeRole"}


def _required_context(spec: Spec) -> dict[str, Any]:
    if not spec.enforce_encryption_context:
        return {}
    required = {"kms:EncryptionContext:purpose": list(spec.purposes)}
    if spec.tenants:
        required["kms:EncryptionContext:tenantId"] = list(spec.tenants)
    return {"Condition": {"StringEquals": required}}


def _deny_other(sid: str, principal: Mapping[str, Any], key: str, values: tuple[str, ...]) -> dict[str, Any]:
    condition = {"Condition": {"StringNotEquals": {f"kms:EncryptionContext:{key}": list(values)}}}
    return _statement("Deny", sid, principal, list(CRYPTOGRAPHIC)) | condition


def _logs(place: Place, region: str, log_group: str, sid: str) -> dict[str, Any]:
    """Return the statement AWS documents for encrypted log groups, narrowed to some of them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    groups = place.arn("logs", f"log-group:{log_group}", region)
    actions = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    condition = {"Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}}
    return _allow(sid, {"Service": f"logs.{region}.{place.dns_suffix}"}, actions) | condition
