"""The operations that may be sent to AWS for evidence: reads only.

The list is closed. An operation that is not on it is refused before anything leaves the machine, so no bug in a
collector can change a key. None of these answers holds plaintext, ciphertext or key material.
"""

from __future__ import annotations

READS: frozenset[str] = frozenset(
    {
        "ce:GetCostAndUsage",
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetTrailStatus",
        "cloudtrail:LookupEvents",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "cloudwatch:ListMetrics",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        "kms:DescribeKey",
        "kms:GetKeyLastUsage",
        "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:ListAliases",
        "kms:ListGrants",
        "kms:ListKeyRotations",
        "kms:ListResourceTags",
        "sts:GetCallerIdentity",
    }
)
"""IAM actions, which here are also the names of service and operation."""
FIND_READS: frozenset[str] = frozenset({"kms:DescribeKey", "kms:ListAliases", "resourcegroupstaggingapi:GetResources"})
"""What finding the key may send, as service and operation."""
PROVISION_READS: frozenset[str] = READS | {
    "iam:GetInstanceProfile",
    "iam:ListPolicies",
    "iam:ListPolicyVersions",
    "logs:DescribeLogGroups",
    "logs:DescribeMetricFilters",
    "resourcegroupstaggingapi:GetResources",
    "s3:GetBucketEncryption",
    "s3:GetBucketPolicy",
    "s3:GetBucketVersioning",
    "s3:GetPublicAccessBlock",
}
"""What planning reads beside the evidence: service and operation, which for the new ones are not all IAM actions."""
_IAM_ACTIONS = {
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}


def iam_action(api: str) -> str:
    """Return the IAM action that allows an operation: mostly it is called the same."""
    return _IAM_ACTIONS.get(api, api)
