"""The trails of CloudTrail: where each delivers to, whether it does, and what it records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from fluo_audit.aws.door import Reader
from fluo_audit.collect.job import Facts, Job, need, point_in_time
from fluo_audit.frames import as_json, frame
from fluo_audit.model.evidence import Have
from fluo_audit.model.sources import EVENT_SELECTORS, TRAIL_STATUS, TRAILS


def collect_trails(read: Reader, _job: Job, _: Facts) -> Have[pd.DataFrame]:
    """cloudtrail:DescribeTrails, trails of other Regions and of the organisation included."""
    trails = list_trails(read)
    return point_in_time(read, trails, len(trails))


def list_trails(read: Reader) -> pd.DataFrame:
    """Return the trails in the columns of TRAILS. Raises ReadError."""
    answer = read.call("cloudtrail", "DescribeTrails", ("trailList",), includeShadowTrails=True)
    rows = [
        {
            "trail_arn": trail.get("TrailARN"),
            "name": trail.get("Name"),
            "home_region": trail.get("HomeRegion"),
            "is_multi_region": trail.get("IsMultiRegionTrail"),
            "is_organization": trail.get("IsOrganizationTrail"),
            "log_file_validation": trail.get("LogFileValidationEnabled"),
            "include_global_events": trail.get("IncludeGlobalServiceEvents"),
            "bucket": trail.get("S3BucketName"),
            "prefix": trail.get("S3KeyPrefix"),
            "kms_key_id": trail.get("KmsKeyId"),
            "log_group_arn": trail.get("CloudWatchLogsLogGroupArn"),
        }
        for trail in answer["trailList"]
    ]
    return frame(TRAILS, rows)


def collect_trail_status(read: Reader, _job: Job, facts: Facts) -> Have[pd.DataFrame]:
    """cloudtrail:GetTrailStatus of every trail."""
    rows = []
    for arn in _trail_arns(read, facts):
        status = read.call("cloudtrail", "GetTrailStatus", ("IsLogging",), Name=arn)
        rows.append(
            {
                "trail_arn": arn,
                "is_logging": status["IsLogging"],
                "latest_delivery_at": status.get("LatestDeliveryTime"),
                "latest_delivery_error": status.get("LatestDeliveryError"),
                "latest_digest_at": status.get("LatestDigestDeliveryTime"),
                "latest_digest_error": status.get("LatestDigestDeliveryError"),
                "started_at": status.get("StartLoggingTime"),
                "stopped_at": status.get("StopLoggingTime"),
            }
        )
    return point_in_time(read, frame(TRAIL_STATUS, rows), len(rows))


def collect_event_selectors(read: Reader, _job: Job, facts: Facts) -> Have[pd.DataFrame]:
    """cloudtrail:GetEventSelectors of every trail: one row a selector, classic or advanced."""
    rows: list[dict[str, Any]] = []
    for arn in _trail_arns(read, facts):
        answer = read.call("cloudtrail", "GetEventSelectors", (), TrailName=arn)
        if "EventSelectors" not in answer and "AdvancedEventSelectors" not in answer:
            raise read.malformed("cloudtrail:GetEventSelectors", f"no selectors in the answer for {arn}")
        rows.extend(_classic_row(arn, selector) for selector in answer.get("EventSelectors") or ())
        rows.extend(_advanced_row(arn, selector) for selector in answer.get("AdvancedEventSelectors") or ())
    return point_in_time(read, frame(EVENT_SELECTORS, rows), len(rows))


def _trail_arns(read: Reader, facts: Facts) -> list[str]:
    arns = need(facts, TRAILS)["trail_arn"]
    if arns.isna().any():
        raise read.malformed("cloudtrail:DescribeTrails", "cloudtrail:DescribeTrails answered a trail without TrailARN")
    return list(arns)


def _classic_row(arn: str, selector: dict[str, Any]) -> dict[str, Any]:
    kinds = selector.get("ReadWriteType")
    return {
        "trail_arn": arn,
        "management": selector.get("IncludeManagementEvents"),
        "reads": None if kinds is None else kinds in {"All", "ReadOnly"},
        "writes": None if kinds is None else kinds in {"All", "WriteOnly"},
        "kms": "kms.amazonaws.com" not in selector.get("ExcludeManagementEventSources", ()),
        "selector": as_json(selector),
    }


def _advanced_row(arn: str, selector: dict[str, Any]) -> dict[str, Any]:
    """Every field of a selector narrows it. What a field outside `_WHOLE` leaves of the KMS events, nobody can tell."""
    fields = {f.get("Field"): f for f in selector.get("FieldSelectors", ())}
    kms = _selects(fields.get("eventSource", {}), "kms.amazonaws.com")
    return {
        "trail_arn": arn,
        "management": _selects(fields["eventCategory"], "Management") if "eventCategory" in fields else None,
        "reads": _selects(fields.get("readOnly", {}), "true"),
        "writes": _selects(fields.get("readOnly", {}), "false"),
        "kms": None if kms and fields.keys() - _WHOLE else kms,
        "selector": as_json(selector),
    }


_WHOLE = {"eventCategory", "eventSource", "readOnly"}


def _selects(field: dict[str, Any], value: str) -> bool:
    """Return whether an advanced field selector lets a value through; its conditions are all to hold."""
    tests: dict[str, Callable[[list[str]], bool]] = {
        "Equals": lambda listed: value in listed,
        "NotEquals": lambda listed: value not in listed,
        "StartsWith": lambda listed: any(value.startswith(text) for text in listed),
        "NotStartsWith": lambda listed: not any(value.startswith(text) for text in listed),
        "EndsWith": lambda listed: any(value.endswith(text) for text in listed),
        "NotEndsWith": lambda listed: not any(value.endswith(text) for text in listed),
    }
    return all(test(field[name]) for name, test in tests.items() if name in field)
