"""Facts that AWS KMS answers about the key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from fluo_audit.aws.door import Reader
from fluo_audit.collect.job import Facts, Job, point_in_time
from fluo_audit.frames import as_json, frame
from fluo_audit.model.evidence import Have
from fluo_audit.model.facts import KeyMetadata, KeyPolicy, LastUsage, RotationStatus
from fluo_audit.model.sources import ALIASES, GRANTS, ROTATIONS, TAGS

MARKER = ("Marker", "NextMarker")


def collect_key(read: Reader, job: Job, _: Facts) -> Have[KeyMetadata]:
    """kms:DescribeKey: state, origin, spec, dates, replicas."""
    answer = read.call("kms", "DescribeKey", ("KeyMetadata",), KeyId=job.scope.key_arn)
    return point_in_time(read, key_metadata(answer["KeyMetadata"]), 1)


def key_metadata(found: dict[str, Any]) -> KeyMetadata:
    """Return the KeyMetadata of an answer of kms:DescribeKey."""
    multi_region = found.get("MultiRegionConfiguration", {})
    return KeyMetadata(
        key_id=found.get("KeyId", ""),
        arn=found.get("Arn", ""),
        account=found.get("AWSAccountId", ""),
        state=found.get("KeyState", ""),
        manager=found.get("KeyManager", ""),
        origin=found.get("Origin", ""),
        spec=found.get("KeySpec", ""),
        usage=found.get("KeyUsage", ""),
        description=found.get("Description", ""),
        multi_region=found.get("MultiRegion"),
        multi_region_type=multi_region.get("MultiRegionKeyType", ""),
        replica_regions=tuple(sorted(replica.get("Region", "") for replica in multi_region.get("ReplicaKeys", ()))),
        created_at=_utc(found.get("CreationDate")),
        deletion_at=_utc(found.get("DeletionDate")),
        valid_to=_utc(found.get("ValidTo")),
        current_material_id=found.get("CurrentKeyMaterialId", ""),
    )


def collect_aliases(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """kms:ListAliases for the key."""
    found = read.pages("kms", "ListAliases", "Aliases", token=MARKER, KeyId=job.scope.key_arn)
    rows = [
        {
            "alias_name": alias.get("AliasName"),
            "alias_arn": alias.get("AliasArn"),
            "target_key_id": alias.get("TargetKeyId"),
            "created_at": alias.get("CreationDate"),
            "updated_at": alias.get("LastUpdatedDate"),
        }
        for alias in found
    ]
    return point_in_time(read, frame(ALIASES, rows), len(rows))


def collect_tags(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """kms:ListResourceTags."""
    found = read.pages("kms", "ListResourceTags", "Tags", token=MARKER, KeyId=job.scope.key_arn)
    rows = [{"tag_key": tag.get("TagKey"), "tag_value": tag.get("TagValue")} for tag in found]
    return point_in_time(read, frame(TAGS, rows), len(rows))


def collect_key_policy(read: Reader, job: Job, _: Facts) -> Have[KeyPolicy]:
    """kms:GetKeyPolicy, the policy named "default", which is the only one a key has."""
    answer = read.call("kms", "GetKeyPolicy", ("Policy",), KeyId=job.scope.key_arn, PolicyName="default")
    return point_in_time(read, KeyPolicy(answer["Policy"]), 1)


def collect_rotation(read: Reader, job: Job, _: Facts) -> Have[RotationStatus]:
    """kms:GetKeyRotationStatus: the setting, which says nothing about what happened."""
    answer = read.call("kms", "GetKeyRotationStatus", ("KeyRotationEnabled",), KeyId=job.scope.key_arn)
    status = RotationStatus(
        enabled=answer["KeyRotationEnabled"],
        period_days=answer.get("RotationPeriodInDays"),
        next_at=_utc(answer.get("NextRotationDate")),
        on_demand_started_at=_utc(answer.get("OnDemandRotationStartDate")),
    )
    return point_in_time(read, status, 1)


def collect_rotations(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """kms:ListKeyRotations with all key material, so that the first material is there too."""
    found = read.pages(
        "kms",
        "ListKeyRotations",
        "Rotations",
        token=MARKER,
        KeyId=job.scope.key_arn,
        IncludeKeyMaterial="ALL_KEY_MATERIAL",
    )
    rows = [
        {
            "rotated_at": rotation.get("RotationDate"),
            "rotation_type": rotation.get("RotationType"),
            "key_material_id": rotation.get("KeyMaterialId"),
            "key_material_state": rotation.get("KeyMaterialState"),
        }
        for rotation in found
    ]
    return point_in_time(read, frame(ROTATIONS, rows), len(rows))


def collect_grants(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """kms:ListGrants: the way into a key that neither the key policy nor IAM shows."""
    rows = [
        {
            "grant_id": grant.get("GrantId"),
            "name": grant.get("Name") or None,
            "grantee": grant.get("GranteePrincipal") or grant.get("GranteeServicePrincipal"),
            "retiring_principal": grant.get("RetiringPrincipal"),
            "issuing_account": grant.get("IssuingAccount"),
            "operations": as_json(sorted(grant.get("Operations", ()))),
            "constraints": as_json(grant.get("Constraints", {})),
            "created_at": grant.get("CreationDate"),
        }
        for grant in read.pages("kms", "ListGrants", "Grants", token=MARKER, KeyId=job.scope.key_arn)
    ]
    return point_in_time(read, frame(GRANTS, rows), len(rows))


def collect_last_usage(read: Reader, job: Job, _: Facts) -> Have[LastUsage]:
    """kms:GetKeyLastUsage: what KMS itself remembers, which CloudTrail should agree with."""
    answer = read.call("kms", "GetKeyLastUsage", ("KeyLastUsage",), KeyId=job.scope.key_arn)
    last = answer["KeyLastUsage"]
    usage = LastUsage(
        operation=last.get("Operation", ""),
        used_at=_utc(last.get("Timestamp")),
        event_id=last.get("CloudTrailEventId", ""),
        tracking_since=_utc(answer.get("TrackingStartDate")),
    )
    return point_in_time(read, usage, 1)


def _utc(moment: datetime | None) -> datetime | None:
    """Return botocore's time, which carries the zone of the machine, in UTC."""
    return None if moment is None else moment.astimezone(UTC)
