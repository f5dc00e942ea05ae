"""The audit trail: the bucket for its log files, and the trail itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fluo_audit.errors import RefusedError
from fluo_audit.provision.documents import document
from fluo_audit.provision.look import Look
from fluo_audit.provision.resource import Resource, Seen, Step, pretty
from fluo_audit.provision.statements import PREFIX, statement_facts

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Bucket:
    """The bucket of the trail: closed to the public, versioned, encrypted. `details`: statements, region."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return the bucket's settings."""
        versioning = look.ask("s3", "GetBucketVersioning", absent=("NoSuchBucket",), Bucket=wanted.name)
        if versioning is None:
            return None
        none = {
            "GetPublicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
            "GetBucketEncryption": "ServerSideEncryptionConfigurationNotFoundError",
            "GetBucketPolicy": "NoSuchBucketPolicy",
        }
        block, encryption, policy = (
            look.ask("s3", ask, absent=(code,), Bucket=wanted.name) or {} for ask, code in none.items()
        )
        blocked = block.get("PublicAccessBlockConfiguration", {})
        facts = {
            "versioning": versioning.get("Status", "off"),
            "public access": "blocked" if all(blocked.get(one) for one in _BLOCKS) else "not wholly blocked",
            "encryption": _encryption(encryption),
        }
        if policy:
            facts |= statement_facts(policy["Policy"], f"policy of bucket {wanted.name}", look.place.partition)
        return Seen(facts)

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give CreateBucket, and the settings that differ."""
        if seen is None:
            # S3 takes no LocationConstraint for us-east-1 and needs one everywhere else.
            region = wanted.details["region"]
            elsewhere: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": region}}
            create = {"Bucket": wanted.name} | (elsewhere if region != "us-east-1" else {})
            yield Step(wanted.label, "created", "s3", "CreateBucket", "", create, {}, ("OperationAborted",))
        differs = set(wanted.facts) if seen is None else set(changed)
        if "public access" in differs:
            settings: dict[str, Any] = {"PublicAccessBlockConfiguration": dict.fromkeys(_BLOCKS, True)}
            yield self._put(wanted, "closed to the public", "PutPublicAccessBlock", settings)
        if "versioning" in differs:
            settings = {"VersioningConfiguration": {"Status": "Enabled"}}
            yield self._put(wanted, "versioning on", "PutBucketVersioning", settings)
        if "encryption" in differs:
            default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": wanted.facts["encryption"]}
            # No Bucket Key: with one, CloudTrail needs kms:Decrypt to create the trail, and log files are few.
            rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}
            settings = {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
            yield self._put(wanted, "encrypted", "PutBucketEncryption", settings)
        if any(fact.startswith(PREFIX) for fact in differs):
            settings = {"Policy": pretty(document(wanted.details["statements"]))}
            yield self._put(wanted, "policy set", "PutBucketPolicy", settings)

    def _put(self, wanted: Resource, done: str, operation: str, settings: dict[str, Any]) -> Step:
        parameters = {"Bucket": wanted.name, **settings}
        return Step(wanted.label, done, "s3", operation, "", parameters, {}, ("NoSuchBucket", "OperationAborted"))


def _encryption(answer: Mapping[str, Any]) -> str:
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
    default: Mapping[str, Any] = next((rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules), {})
    return str(default.get("KMSMasterKeyID") or default.get("SSEAlgorithm", "off"))


_TRAIL_FACTS = {
    "bucket": "S3BucketName",
    "key": "KmsKeyId",
    "multi-Region": "IsMultiRegionTrail",
    "global events": "IncludeGlobalServiceEvents",
    "log file validation": "LogFileValidationEnabled",
    "log group": "CloudWatchLogsLogGroupArn",
    "delivery role": "CloudWatchLogsRoleArn",
}
_ASKED_AS = {"LogFileValidationEnabled": "EnableLogFileValidation"}
NOT_VISIBLE_YET = (
    "InvalidCloudWatchLogsRoleArnException",
    "InvalidCloudWatchLogsLogGroupArnException",
    "CloudWatchLogsDeliveryUnavailableException",
    "InsufficientS3BucketPolicyException",
    "InsufficientEncryptionPolicyException",
)
"""What CloudTrail answers while a role, bucket policy or key policy made a moment ago is not visible to it."""


class Trail:
    """The trail. `details`: tags."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return the trail's settings, and whether it is logging."""
        answer = look.ask(
            "cloudtrail",
            "DescribeTrails",
            expect=("trailList",),
            trailNameList=[wanted.name],
            includeShadowTrails=True,
        )
        trail = next((one for one in answer["trailList"] if one.get("Name") == wanted.name), None)
        if trail is None:
            return None
        if (home := trail.get("HomeRegion", look.place.region)) != look.place.region:
            raise RefusedError(
                f"the trail {wanted.name} exists already, with its home in {home}, and covers every Region",
                "plan without enable_audit_trail here; an environment has one trail, bucket and delivery role",
            )
        status = look.ask("cloudtrail", "GetTrailStatus", expect=("IsLogging",), Name=trail["TrailARN"])
        facts = {fact: trail.get(member, "") for fact, member in _TRAIL_FACTS.items()}
        return Seen(facts | {"logging": status["IsLogging"]})

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give CreateTrail or UpdateTrail, and StartLogging."""
        settings = {_ASKED_AS.get(member, member): wanted.facts[fact] for fact, member in _TRAIL_FACTS.items()}
        parameters = {"Name": wanted.name, **settings}
        if seen is None:
            parameters["TagsList"] = [{"Key": k, "Value": v} for k, v in sorted(wanted.details["tags"].items())]
            yield Step(wanted.label, "created", "cloudtrail", "CreateTrail", "", parameters, {}, NOT_VISIBLE_YET)
        elif set(changed) - {"logging"}:
            yield Step(wanted.label, "updated", "cloudtrail", "UpdateTrail", "", parameters, {}, NOT_VISIBLE_YET)
        if seen is None or "logging" in changed:
            yield Step(wanted.label, "logging", "cloudtrail", "StartLogging", "", {"Name": wanted.name})
