"""KMS: keys, replicas and aliases."""

from __future__ import annotations

from typing import Any

from tf.schema import Attribute

from standin.resource import AwsResource, Gone, State, tag_map
from standin.schema import FLAG, NUMBER, JsonText, computed, defaulted, optional, required

_POLICY = Attribute("policy", JsonText(), optional=True, computed=True)


class _AnyKey(AwsResource):
    """What primary keys and replicas have in common."""

    def _described(self, state: State) -> dict[str, Any]:
        metadata = self.aws.client("kms").describe_key(KeyId=state["id"])["KeyMetadata"]
        if metadata["KeyState"] == "PendingDeletion":
            raise Gone
        return dict(metadata)

    def _shared(self, metadata: dict[str, Any]) -> State:
        kms, key = self.aws.client("kms"), metadata["KeyId"]
        return {
            "id": key,
            "key_id": key,
            "arn": metadata["Arn"],
            "description": metadata["Description"],
            "policy": kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
            "tags": tag_map(kms.list_resource_tags(KeyId=key)["Tags"]),
        }

    def _change_shared(self, before: State, after: State) -> None:
        kms, key = self.aws.client("kms"), before["id"]
        if after["policy"] != before["policy"]:
            kms.put_key_policy(KeyId=key, PolicyName="default", Policy=after["policy"])
        if after["description"] != before["description"]:
            kms.update_key_description(KeyId=key, Description=after["description"])
        if after["tags"] != before["tags"]:
            if gone := sorted(set(before["tags"] or {}) - set(after["tags"] or {})):
                kms.untag_resource(KeyId=key, TagKeys=gone)
            kms.tag_resource(KeyId=key, Tags=_tags(after))

    def remove(self, state: State) -> None:
        """Schedule the deletion."""
        days = int(state["deletion_window_in_days"] or 30)
        self.aws.client("kms").schedule_key_deletion(KeyId=state["id"], PendingWindowInDays=days)


class Key(_AnyKey):
    """A symmetric key."""

    NAME = "kms_key"
    ATTRIBUTES = (
        defaulted("description", ""),
        defaulted("enable_key_rotation", default=False, of=FLAG),
        defaulted("rotation_period_in_days", 365, NUMBER),
        optional("deletion_window_in_days", NUMBER),
        defaulted("multi_region", default=False, of=FLAG, fixed=True),
        _POLICY,
        computed("arn"),
        computed("key_id"),
    )

    def make(self, state: State) -> str:
        """Create the key, then let it rotate."""
        kms = self.aws.client("kms")
        policy = {"Policy": state["policy"]} if state["policy"] else {}
        key = kms.create_key(
            Description=state["description"], MultiRegion=state["multi_region"], Tags=_tags(state), **policy
        )["KeyMetadata"]["KeyId"]
        self._rotate(key, state)
        return str(key)

    def look(self, state: State) -> State:
        """Describe the key."""
        metadata = self._described(state)
        rotation = self.aws.client("kms").get_key_rotation_status(KeyId=state["id"])
        return self._shared(metadata) | {
            "multi_region": metadata["MultiRegion"],
            "enable_key_rotation": rotation["KeyRotationEnabled"],
            "rotation_period_in_days": rotation.get("RotationPeriodInDays", state["rotation_period_in_days"]),
        }

    def change(self, before: State, after: State) -> None:
        """Change what can be changed."""
        self._change_shared(before, after)
        self._rotate(before["id"], after)

    def _rotate(self, key: str, state: State) -> None:
        kms = self.aws.client("kms")
        if state["enable_key_rotation"]:
            kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=int(state["rotation_period_in_days"]))
        else:
            kms.disable_key_rotation(KeyId=key)


class ReplicaKey(_AnyKey):
    """A replica, made through the Region of the primary key."""

    NAME = "kms_replica_key"
    ATTRIBUTES = (
        defaulted("description", ""),
        required("primary_key_arn", fixed=True),
        optional("deletion_window_in_days", NUMBER),
        _POLICY,
        computed("arn"),
        computed("key_id"),
    )

    def make(self, state: State) -> str:
        """Replicate the primary key to the provider's Region."""
        _, _, _, home, _, resource = state["primary_key_arn"].split(":")
        policy = {"Policy": state["policy"]} if state["policy"] else {}
        answer = self.aws.client("kms", home).replicate_key(
            KeyId=resource.removeprefix("key/"),
            ReplicaRegion=self.aws.region,
            Description=state["description"],
            Tags=_tags(state),
            **policy,
        )
        return str(answer["ReplicaKeyMetadata"]["KeyId"])

    def look(self, state: State) -> State:
        """Describe the replica."""
        return self._shared(self._described(state))

    def change(self, before: State, after: State) -> None:
        """Change what is the replica's own."""
        self._change_shared(before, after)


class Alias(AwsResource):
    """An alias."""

    NAME = "kms_alias"
    TAGGED = False
    ATTRIBUTES = (required("name", fixed=True), required("target_key_id"), computed("arn"), computed("target_key_arn"))

    def make(self, state: State) -> str:
        """Create the alias."""
        self.aws.client("kms").create_alias(AliasName=state["name"], TargetKeyId=state["target_key_id"])
        return str(state["name"])

    def look(self, state: State) -> State:
        """Find the alias in the list."""
        for page in self.aws.client("kms").get_paginator("list_aliases").paginate():
            for alias in page["Aliases"]:
                if alias["AliasName"] == state["id"]:
                    key, arn = alias["TargetKeyId"], alias["AliasArn"]
                    return {
                        "arn": arn,
                        "target_key_id": key,
                        "target_key_arn": f"{arn.partition(':alias/')[0]}:key/{key}",
                    }
        raise Gone

    def change(self, before: State, after: State) -> None:
        """Point the alias elsewhere."""
        self.aws.client("kms").update_alias(AliasName=before["id"], TargetKeyId=after["target_key_id"])

    def remove(self, state: State) -> None:
        """Delete the alias."""
        self.aws.client("kms").delete_alias(AliasName=state["id"])


def _tags(state: State) -> list[dict[str, str]]:
    return [{"TagKey": name, "TagValue": value} for name, value in (state["tags"] or {}).items()]


RESOURCES = (Key, ReplicaKey, Alias)
