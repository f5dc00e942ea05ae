"""S3: a bucket, and the settings that are resources of their own."""

from __future__ import annotations

from abc import abstractmethod

from typing_extensions import override

from standin.resource import AwsResource, State, key_values, tag_map
from standin.schema import FLAG, computed, defaulted, list_block, optional, policy, required, set_block


class Bucket(AwsResource):
    """A bucket."""

    NAME = "s3_bucket"
    ATTRIBUTES = (required("bucket", fixed=True), computed("arn"), computed("bucket_domain_name"))

    def make(self, state: State) -> str:
        """Create the bucket. us-east-1 is no LocationConstraint."""
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.aws.region}}
        s3, name = self.aws.client("s3"), state["bucket"]
        s3.create_bucket(Bucket=name, **({} if self.aws.region == "us-east-1" else elsewhere))
        self.change({}, state)
        return str(name)

    def look(self, state: State) -> State:
        """Return the tags, if the bucket is there."""
        s3, name = self.aws.client("s3"), state["id"]
        s3.head_bucket(Bucket=name)
        return {
            "arn": f"arn:aws:s3:::{name}",
            "bucket_domain_name": f"{name}.s3.amazonaws.com",
            "tags": tag_map(s3.get_bucket_tagging(Bucket=name)["TagSet"]) if state["tags"] else {},
        }

    @override
    def change(self, before: State, after: State) -> None:
        """Set the tags."""
        if after["tags"]:
            tags = {"TagSet": key_values(after["tags"])}
            self.aws.client("s3").put_bucket_tagging(Bucket=after["bucket"], Tagging=tags)

    def remove(self, state: State) -> None:
        """Delete the bucket."""
        self.aws.client("s3").delete_bucket(Bucket=state["id"])


class _Setting(AwsResource):
    """A setting of a bucket, by the bucket's name."""

    TAGGED = False

    @abstractmethod
    def put(self, state: State) -> None:
        """Write the setting."""

    def make(self, state: State) -> str:
        """Write the setting."""
        self.put(state)
        return str(state["bucket"])

    @override
    def change(self, before: State, after: State) -> None:
        """Write the setting again."""
        self.put(after)


_BLOCKS = {
    "block_public_acls": "BlockPublicAcls",
    "block_public_policy": "BlockPublicPolicy",
    "ignore_public_acls": "IgnorePublicAcls",
    "restrict_public_buckets": "RestrictPublicBuckets",
}


class PublicAccessBlock(_Setting):
    """What keeps a bucket closed to the public."""

    NAME = "s3_bucket_public_access_block"
    ATTRIBUTES = (required("bucket", fixed=True), *(defaulted(name, default=False, of=FLAG) for name in _BLOCKS))

    def put(self, state: State) -> None:
        """Write the four blocks."""
        blocks = {name: state[attribute] for attribute, name in _BLOCKS.items()}
        self.aws.client("s3").put_public_access_block(Bucket=state["bucket"], PublicAccessBlockConfiguration=blocks)

    def look(self, state: State) -> State:
        """Return the four blocks."""
        found = self.aws.client("s3").get_public_access_block(Bucket=state["id"])["PublicAccessBlockConfiguration"]
        return {attribute: found[name] for attribute, name in _BLOCKS.items()}

    def remove(self, state: State) -> None:
        """Remove the blocks."""
        self.aws.client("s3").delete_public_access_block(Bucket=state["id"])


class Versioning(_Setting):
    """Whether versions are kept."""

    NAME = "s3_bucket_versioning"
    ATTRIBUTES = (required("bucket", fixed=True),)
    BLOCKS = (list_block("versioning_configuration", required("status")),)

    def put(self, state: State) -> None:
        """Write the status."""
        (wanted,) = state["versioning_configuration"]
        status = {"Status": wanted["status"]}
        self.aws.client("s3").put_bucket_versioning(Bucket=state["bucket"], VersioningConfiguration=status)

    def look(self, state: State) -> State:
        """Return the status."""
        found = self.aws.client("s3").get_bucket_versioning(Bucket=state["id"])
        return {"versioning_configuration": [{"status": found.get("Status", "Disabled")}]}

    def remove(self, state: State) -> None:
        """Suspend versioning: it cannot be taken back."""
        suspended = {"Status": "Suspended"}
        self.aws.client("s3").put_bucket_versioning(Bucket=state["id"], VersioningConfiguration=suspended)


class Encryption(_Setting):
    """By which key objects are encrypted."""

    NAME = "s3_bucket_server_side_encryption_configuration"
    ATTRIBUTES = (required("bucket", fixed=True),)
    BLOCKS = (
        set_block(
            "rule",
            optional("bucket_key_enabled", FLAG),
            within=(
                list_block(
                    "apply_server_side_encryption_by_default",
                    required("sse_algorithm"),
                    optional("kms_master_key_id"),
                ),
            ),
        ),
    )

    def put(self, state: State) -> None:
        """Write the rule."""
        (rule,) = state["rule"]
        (default,) = rule["apply_server_side_encryption_by_default"]
        written = {
            "BucketKeyEnabled": rule["bucket_key_enabled"],
            "ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": default["sse_algorithm"],
                "KMSMasterKeyID": default["kms_master_key_id"],
            },
        }
        self.aws.client("s3").put_bucket_encryption(
            Bucket=state["bucket"], ServerSideEncryptionConfiguration={"Rules": [written]}
        )

    def look(self, state: State) -> State:
        """Return the rule."""
        found = self.aws.client("s3").get_bucket_encryption(Bucket=state["id"])
        (rule,) = found["ServerSideEncryptionConfiguration"]["Rules"]
        default = rule["ApplyServerSideEncryptionByDefault"]
        block = {"sse_algorithm": default["SSEAlgorithm"], "kms_master_key_id": default.get("KMSMasterKeyID")}
        return {
            "rule": [
                {
                    "bucket_key_enabled": rule["BucketKeyEnabled"],
                    "apply_server_side_encryption_by_default": [block],
                }
            ]
        }

    def remove(self, state: State) -> None:
        """Go back to what S3 does by itself."""
        self.aws.client("s3").delete_bucket_encryption(Bucket=state["id"])


class BucketPolicy(_Setting):
    """A bucket's policy."""

    NAME = "s3_bucket_policy"
    ATTRIBUTES = (required("bucket", fixed=True), policy())

    def put(self, state: State) -> None:
        """Write the policy."""
        self.aws.client("s3").put_bucket_policy(Bucket=state["bucket"], Policy=state["policy"])

    def look(self, state: State) -> State:
        """Return the policy."""
        return {"policy": self.aws.client("s3").get_bucket_policy(Bucket=state["id"])["Policy"]}

    def remove(self, state: State) -> None:
        """Delete the policy."""
        self.aws.client("s3").delete_bucket_policy(Bucket=state["id"])


RESOURCES = (Bucket, PublicAccessBlock, Versioning, Encryption, BucketPolicy)
