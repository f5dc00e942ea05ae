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
        "cloudtrail:ListPublicKeys",
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
OBJECT_READS: frozenset[str] = frozenset({"s3:GetObject", "s3:HeadBucket", "s3:ListObjectsV2"})
"""What reading a trail's bucket sends, as service and operation; HeadBucket only to learn the Region of the bucket."""
ATHENA_CALLS: frozenset[str] = frozenset(
    {
        "athena:GetQueryExecution",
        "athena:GetQueryResults",
        "athena:GetWorkGroup",
        "athena:StartQueryExecution",
        "athena:StopQueryExecution",
    }
)
"""What a query in Athena sends, only where the user chose Athena as the source of events.

It is not a pure read: it costs money, and Athena writes the result to the output location of the workgroup.
"""
ATHENA_ACTIONS: dict[str, str] = {
    **dict.fromkeys(sorted(ATHENA_CALLS), "workgroup"),
    "glue:GetDatabase": "catalog, database and table",
    "glue:GetPartitions": "catalog, database and table",
    "glue:GetTable": "catalog, database and table",
    "s3:GetBucketLocation": "bucket of the trail and bucket of the results",
    "s3:GetObject": "log files, and results",
    "s3:ListBucket": "bucket of the trail and bucket of the results",
    "s3:AbortMultipartUpload": "results",
    "s3:ListMultipartUploadParts": "results",
    "s3:PutObject": "results",
    "kms:Decrypt": "key of the log files, where the trail has one; key of the results, where they have one",
    "kms:GenerateDataKey": "key of the results, where they have one",
}
"""IAM action -> what it has to be allowed on. Athena uses the permissions of the caller for all of it, and creating the
table takes glue:CreateTable once: https://docs.aws.amazon.com/athena/latest/ug/security-iam-athena.html"""
LAKE_CALLS: frozenset[str] = frozenset(
    {
        "cloudtrail:CancelQuery",
        "cloudtrail:DescribeQuery",
        "cloudtrail:GetEventDataStore",
        "cloudtrail:GetQueryResults",
        "cloudtrail:ListEventDataStores",
        "cloudtrail:StartQuery",
    }
)
"""What a query in CloudTrail Lake sends, only where the user chose Lake as the source of events: it costs money."""
LAKE_ACTIONS: dict[str, str] = {
    **dict.fromkeys(sorted(LAKE_CALLS), "event data store"),
    "kms:Decrypt": "key of the event data store, where it has one",
    "kms:GenerateDataKey": "key of the event data store, where it has one",
}
"""IAM action -> what it has to be allowed on:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-event-data-store.html"""
SENT_ONCE: frozenset[str] = frozenset({"cloudtrail:StartQuery"})
"""What would be done, and paid for, twice if it was sent twice. Athena tells a repeated request by its token."""
_IAM_ACTIONS = {
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
}


def iam_action(api: str) -> str:
    """Return the IAM action that allows an operation: mostly it is called the same."""
    return _IAM_ACTIONS.get(api, api)
