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
