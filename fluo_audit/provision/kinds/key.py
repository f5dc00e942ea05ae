"""KMS keys, their replicas and their aliases."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fluo_audit.aws.door import ReadError
from fluo_audit.errors import KeyNotFoundError, RefusedError
from fluo_audit.provision.documents import KEY_SIDS, document
from fluo_audit.provision.look import Look
from fluo_audit.provision.resource import Resource, Seen, Step, pretty
from fluo_audit.provision.statements import PREFIX, Labelled, facts_of, labelled_statements

DYING = ("PendingDeletion", "PendingReplicaDeletion")
NOT_VISIBLE_YET = ("MalformedPolicyDocumentException", "KMSInvalidStateException", "NotFoundException")
"""What KMS answers while a role or a key made a moment ago is not visible to it, or a replica still being made."""


class Key:
    """A customer managed key: found by the key named, by its alias, or by its tags.

    `details`: key (an id or ARN to use, or ""), made (ARN of the key an earlier run created, or ""), alias, identity
    (the tags it is found by), statements (the key policy as sent), tags, description, prune (Sids to remove),
    placeholders (of ARN and id).
    """

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return the key that stands for the wanted one."""
        key_id, others = self._locate(look, wanted)
        if not key_id:
            return None
        described = look.ask("kms", "DescribeKey", expect=("KeyMetadata.Arn", "KeyMetadata.KeyState"), KeyId=key_id)
        metadata = described["KeyMetadata"]
        _require_primary(metadata)
        rotation = look.ask("kms", "GetKeyRotationStatus", expect=("KeyRotationEnabled",), KeyId=metadata["KeyId"])
        facts = {
            "state": metadata["KeyState"],
            "spec": metadata.get("KeySpec", ""),
            "usage": metadata.get("KeyUsage", ""),
            "origin": metadata.get("Origin", ""),
            "multi-Region": bool(metadata.get("MultiRegion")),
            # A key whose rotation is on and states no period rotates yearly, KMS's default.
            "rotation": rotation.get("RotationPeriodInDays", 365) if rotation["KeyRotationEnabled"] else "off",
        }
        facts_of_policy, raw, notes = policy_of(look, wanted, metadata["KeyId"], "")
        if unknown := set(wanted.details["prune"]) - set(raw["sids"]):
            raise RefusedError(
                f"the key policy has no statement {', '.join(sorted(unknown))} to prune", "check the Sid"
            )
        listed = tags_of(look, wanted, metadata["KeyId"], "")
        raw |= {"arn": metadata["Arn"], "id": metadata["KeyId"], "managed by": listed.get("tag ManagedBy", "")}
        notes += others + _replicas_elsewhere(metadata, wanted.details["replicas"])
        return Seen(facts | facts_of_policy | listed, raw, notes)

    def _locate(self, look: Look, wanted: Resource) -> tuple[str, tuple[str, ...]]:
        """Return the key's id, and what should be known about other keys with its tags.

        To a known key the others are a remark. Whether to create one hangs on them: then they must be readable.
        """
        named, made = (wanted.details[name].rsplit("/", 1)[-1] for name in ("key", "made"))
        key_id = named or look.aliases().get(wanted.details["alias"], "")
        if not key_id and made and self._lives(look, made):
            key_id = made
        if key_id:
            return key_id, self._others(look, wanted, key_id)
        tagged = look.tagged_keys(wanted.details["identity"])
        living = [arn for arn in tagged if self._lives(look, arn.rsplit("/", 1)[-1])]
        if len(living) > 1:
            raise KeyNotFoundError(
                f"{wanted.details['alias']} does not exist, and {len(living)} keys carry its tags: {', '.join(living)}",
                "name the right one with --key; the others can be retired by hand",
            )
        return (living[0].rsplit("/", 1)[-1] if living else ""), ()

    def _others(self, look: Look, wanted: Resource, key_id: str) -> tuple[str, ...]:
        try:
            tagged = look.tagged_keys(wanted.details["identity"])
        except ReadError as error:
            return (f"whether other keys carry the same tags was not read: {error.missing.reason}",)
        others = [arn for arn in tagged if not arn.endswith(f"/{key_id}")]
        return tuple(f"{arn} carries the same tags: each key costs $1 a month" for arn in others)

    def _lives(self, look: Look, key_id: str) -> bool:
        """Return whether the key can be meant: one that is deleted, or about to be, is nobody's any more."""
        answer = look.ask("kms", "DescribeKey", absent=("NotFoundException",), KeyId=key_id)
        return answer is not None and answer["KeyMetadata"]["KeyState"] not in DYING

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give CreateKey and EnableKeyRotation, or the parts that differ."""
        arn, key_id = wanted.details["placeholders"]
        rotation = Step(
            wanted.label, "rotation set", "kms", "EnableKeyRotation", "",
            {"KeyId": key_id, "RotationPeriodInDays": wanted.facts["rotation"]}, {},
            (*NOT_VISIBLE_YET, "DisabledException"),
        )  # fmt: skip
        if seen is None:
            create = {
                "Description": wanted.details["description"],
                "KeyUsage": wanted.facts["usage"],
                "KeySpec": wanted.facts["spec"],
                "MultiRegion": wanted.facts["multi-Region"],
                "Policy": pretty(key_policy(wanted, None)),
                "Tags": _tags(wanted.details["tags"]),
            }
            gives = {arn: "KeyMetadata.Arn", key_id: "KeyMetadata.KeyId"}
            yield Step(wanted.label, "created", "kms", "CreateKey", "", create, gives, NOT_VISIBLE_YET)
            yield rotation
            return
        if "rotation" in changed:
            yield rotation
        yield from _mend(wanted, seen, changed, key_id)


class Replica:
    """A replica of the key in another Region. Policy and tags are its own: KMS does not share them.

    https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
    """

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return the replica; a primary key that does not exist yet has none."""
        key_id, region = wanted.details["placeholders"][1], wanted.region
        if key_id.startswith("${"):
            return None
        described = look.ask("kms", "DescribeKey", absent=("NotFoundException",), region=region, KeyId=key_id)
        if described is None:
            return None
        facts = {"state": described["KeyMetadata"]["KeyState"]}
        facts_of_policy, raw, notes = policy_of(look, wanted, key_id, region)
        return Seen(facts | facts_of_policy | tags_of(look, wanted, key_id, region), raw, notes)

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give ReplicateKey, or the parts that differ."""
        key_id = wanted.details["placeholders"][1]
        if seen is not None:
            yield from _mend(wanted, seen, changed, key_id)
            return
        create = {
            "KeyId": key_id,
            "ReplicaRegion": wanted.region,
            "Description": wanted.details["description"],
            "Policy": pretty(key_policy(wanted, None)),
            "Tags": _tags(wanted.details["tags"]),
        }
        # The request goes to the primary's Region.
        yield Step(wanted.label, "created", "kms", "ReplicateKey", "", create, {}, NOT_VISIBLE_YET)


class Alias:
    """An alias. One that points elsewhere is never moved: what reads it would find another key."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return where the alias points."""
        target = look.aliases(wanted.region).get(wanted.name)
        return Seen({"key": target}) if target else None

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give CreateAlias."""
        if seen is None and not changed:
            parameters = {"AliasName": wanted.name, "TargetKeyId": wanted.facts["key"]}
            yield Step(wanted.label, "created", "kms", "CreateAlias", wanted.region, parameters, {}, NOT_VISIBLE_YET)


def _require_primary(metadata: Mapping[str, Any]) -> None:
    """Raise RefusedError for a replica: rotation, and replicas, are the primary's business."""
    configuration = metadata.get("MultiRegionConfiguration", {})
    if configuration.get("MultiRegionKeyType") == "REPLICA":
        region = configuration.get("PrimaryKey", {}).get("Region", "another Region")
        raise RefusedError(f"{metadata['Arn']} is a replica: its primary key lives in {region}", f"plan in {region}")


def _replicas_elsewhere(metadata: Mapping[str, Any], wanted: Collection[str]) -> tuple[str, ...]:
    replicas = metadata.get("MultiRegionConfiguration", {}).get("ReplicaKeys", ())
    regions = sorted({one["Region"] for one in replicas} - set(wanted))
    return tuple(f"a replica in {region} is not in replica_regions: its policy is not looked at" for region in regions)


def policy_of(
    look: Look, wanted: Resource, key_id: str, region: str
) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
    """Return the facts of a key policy, the statements of others to keep, and what should be known about those.

    Ours is every statement that a spec may ask for. One of others is a fact, and so a difference, only when it is to
    be pruned.
    """
    answer = look.ask("kms", "GetKeyPolicy", expect=("Policy",), region=region, KeyId=key_id, PolicyName="default")
    found = labelled_statements(answer["Policy"], "key policy", look.place.partition)
    ours = KEY_SIDS | {fact.removeprefix(PREFIX) for fact in wanted.facts} | set(wanted.details["prune"])
    kept = [each for each in found if each.sid not in ours]
    raw = {
        "kept": [each.raw for each in kept],
        "foreign": facts_of(kept),
        "orphans": [each.label for each in kept if each.orphans],
        "sids": [each.sid for each in found],
    }
    return facts_of(each for each in found if each.sid in ours), raw, tuple(_kept_note(each) for each in kept)


def _kept_note(statement: Labelled) -> str:
    hint = f"--prune {shlex.quote(statement.sid)}"
    said = f"key policy statement {statement.label} is not ours: kept; remove it with {hint}"
    orphans = ", ".join(statement.orphans)
    return said + (f"; it names {orphans}, a role or user that no longer exists" if orphans else "")


def tags_of(look: Look, wanted: Resource, key_id: str, region: str) -> dict[str, str]:
    """Return "tag NAME" -> value for the tags that are wanted; further ones are left alone."""
    listed = look.pages("kms", "ListResourceTags", "Tags", token=("Marker", "NextMarker"), region=region, KeyId=key_id)
    return {f"tag {one['TagKey']}": one["TagValue"] for one in listed or () if f"tag {one['TagKey']}" in wanted.facts}


def key_policy(wanted: Resource, seen: Seen | None) -> dict[str, Any]:
    """Return the key policy to send: the wanted statements, then those of others that are kept."""
    kept = list(seen.raw["kept"]) if seen else []
    return document([*wanted.details["statements"], *kept], wanted.details["policy id"])


def _mend(wanted: Resource, seen: Seen, changed: Collection[str], key_id: str) -> Iterator[Step]:
    if any(fact.startswith(PREFIX) for fact in changed):
        policy = {"KeyId": key_id, "PolicyName": "default", "Policy": pretty(key_policy(wanted, seen))}
        yield Step(wanted.label, "policy set", "kms", "PutKeyPolicy", wanted.region, policy, {}, NOT_VISIBLE_YET)
    names = [fact.removeprefix("tag ") for fact in changed if fact.startswith("tag ")]
    if names:
        tags = {"KeyId": key_id, "Tags": _tags({name: wanted.facts[f"tag {name}"] for name in sorted(names)})}
        yield Step(wanted.label, "tagged", "kms", "TagResource", wanted.region, tags, {}, NOT_VISIBLE_YET)


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": name, "TagValue": value} for name, value in sorted(tags.items())]
