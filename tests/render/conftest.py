"""A realistic report: every figure in it is invented, and all of them agree with each other."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any

import pytest

from fluo_audit.model.evidence import ApiCall, Completeness
from fluo_audit.model.finding import Conclusion, Observation, Severity
from fluo_audit.model.integrity import (
    IntegrityCounts,
    IntegrityGap,
    IntegrityProblem,
    IntegrityVerdict,
    ProblemKind,
    RegionIntegrity,
    TrailIntegrity,
)
from fluo_audit.model.report import (
    AccessRow,
    ChangeEvent,
    ControlResult,
    DailySeries,
    Framework,
    KeyMaterial,
    MonthCost,
    Outcome,
    PrincipalUse,
    Reconciliation,
    Report,
    Requirement,
    RotationTimeline,
    SourceResult,
    Table,
    TestResult,
)
from fluo_audit.model.scope import Period, Scope

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/7f3c1a52-9d0e-4b6a-8c41-2f5be0a9d713"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
START, END = date(2026, 8, 25), date(2026, 11, 23)
AS_OF = datetime(2026, 11, 23, 6, 0, 45, tzinfo=UTC)
OK, BAD, OPEN, NA, HAND = (
    Conclusion.SUPPORTED,
    Conclusion.EXCEPTION,
    Conclusion.INCONCLUSIVE,
    Conclusion.NOT_APPLICABLE,
    Conclusion.MANUAL,
)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _uuid(text: str) -> str:
    d = _digest(text)
    return f"{d[:8]}-{d[8:12]}-4{d[13:16]}-a{d[17:20]}-{d[20:32]}"


def days(first: date = START, after_last: date = END) -> tuple[date, ...]:
    return tuple(first + timedelta(days=n) for n in range((after_last - first).days))


def _daily(all_days: tuple[date, ...], name: str, mean: int) -> tuple[int | None, ...]:
    quiet = {5: 2, 6: 4}
    return tuple(
        None
        if date(2026, 10, 3) <= d <= date(2026, 10, 5)
        else (mean + int(_digest(f"{name}{d}")[:4], 16) % (mean // 2 + 2)) // quiet.get(d.weekday(), 1)
        for d in all_days
    )


USAGE = (("GenerateDataKey", _daily(days(), "g", 24)), ("DescribeKey", _daily(days(), "d", 16)), ("Encrypt", _daily(days(), "e", 10)), ("Decrypt", _daily(days(), "c", 5)))  # fmt: skip
EVENTS = sum(c or 0 for _, counts in USAGE for c in counts)


# source name, title, calls: (service, operation, how many), records
SOURCES = (
    ("caller", "Identity of the collector", (("sts", "GetCallerIdentity", 1),), 1),
    ("key", "Key metadata", (("kms", "DescribeKey", 1),), 1),
    ("aliases", "Aliases of the key", (("kms", "ListAliases", 1),), 1),
    ("tags", "Tags of the key", (("kms", "ListResourceTags", 1),), 4),
    ("key_policy", "Key policy", (("kms", "GetKeyPolicy", 1),), 1),
    ("rotation", "Rotation setting", (("kms", "GetKeyRotationStatus", 1),), 1),
    ("rotations", "Rotations that happened", (("kms", "ListKeyRotations", 1),), 5),
    ("grants", "Grants on the key", (("kms", "ListGrants", 1),), 0),
    ("last_usage", "Last use known to KMS", (("kms", "GetKeyLastUsage", 1),), 1),
    ("roles", "Backend roles", (("iam", "GetRole", 2),), 2),
    (
        "role_policies",
        "Policies of the backend roles",
        (("iam", "ListAttachedRolePolicies", 2), ("iam", "ListRolePolicies", 2), ("iam", "GetPolicyVersion", 3)),
        3,
    ),
    ("instance_profiles", "Instance profiles of the backend roles", (("iam", "ListInstanceProfilesForRole", 2),), 1),
    ("trails", "CloudTrail trails", (("cloudtrail", "DescribeTrails", 1),), 1),
    ("trail_status", "Delivery status of the trails", (("cloudtrail", "GetTrailStatus", 1),), 1),
    ("event_selectors", "Event selectors of the trails", (("cloudtrail", "GetEventSelectors", 1),), 1),
    ("events", "CloudTrail events of the key", (("cloudtrail", "LookupEvents", 98),), EVENTS),
    ("metrics", "CloudWatch metrics of the key", (("cloudwatch", "GetMetricData", 4),), 90),
    ("alarms", "CloudWatch alarms that watch the key", (("cloudwatch", "DescribeAlarms", 2),), 0),
    ("alarm_metrics", "Metrics the alarms watch", (("cloudwatch", "ListMetrics", 1),), None),
    ("cost", "KMS cost by day and usage type", (("ce", "GetCostAndUsage", 1),), 178),
)
DENIED = "alarm_metrics"
"""The source whose call was refused."""


def _calls() -> tuple[ApiCall, ...]:
    calls: list[ApiCall] = []
    reads = 0
    for source, _, operations, _ in SOURCES:
        for service, operation, times in operations:
            for page in range(times):
                paged = operation == "LookupEvents"
                reads += 1 if not (paged and page) else 0
                n = len(calls) + 1
                refused = source == DENIED
                file = f"raw/{service}/{operation}/{page + 1:04}.json"
                calls.append(
                    ApiCall(
                        id=f"E{reads:02}",
                        page=page + 1 if paged else 1,
                        source=source,
                        service=service,
                        operation=operation,
                        api_version="2014-11-01",
                        region=REGION,
                        endpoint=f"https://{service}.{REGION}.amazonaws.com/",
                        parameters=_parameters(service, page),
                        requested_at=f"2026-11-23T06:00:{n * 400 // 1000:02}.{n * 400 % 1000:03}Z",
                        server_date="Mon, 23 Nov 2026 06:00:04 GMT",
                        request_id=_uuid(f"request {n}"),
                        status=400 if refused else 200,
                        error_code="AccessDenied" if refused else "",
                        error_message="User is not authorized to perform: cloudwatch:ListMetrics" if refused else "",
                        attempts=1 + (n % 40 == 0),
                        file=file,
                        size=900 + n * 211,
                        sha256=_digest(file),
                    )
                )
    return tuple(calls)


def _parameters(service: str, page: int) -> dict[str, Any]:
    if service == "kms":
        return {"KeyId": KEY, "Limit": 100}
    if service == "cloudtrail":
        return {
            "LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": KEY}],
            "StartTime": datetime(2026, 8, 25, tzinfo=UTC),
            "NextToken": _digest(f"token {page}")[:24],
        }
    return {"Path": "/", "Threshold": 0.5, "MaxItems": 100}


CALLS = _calls()


def _evidence(*sources: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(c.id for c in CALLS if c.source in sources))


FRAMEWORKS = (
    Framework("soc2", "SOC 2", "TSC 2017, rev. 2022", "AICPA Trust Services Criteria", applies=True),
    Framework("hipaa", "HIPAA", "Security Rule, 45 CFR 164", "eCFR title 45", applies=True),
    Framework("pci-dss", "PCI DSS", "4.0.1", "PCI SSC, June 2024", applies=None),
    Framework("nist-800-57", "NIST SP 800-57", "part 1 rev. 5", "NIST, May 2020", applies=True),
)

# check id, title, severity, conclusion, expected, seen, population, sources, SOC 2, HIPAA, PCI, NIST
# fmt: off
TESTS = (
    ("key-enabled", "The key is enabled", "high", OK, "The key state is Enabled.", "enabled since 2025-10-27", "1 of 1 key", ("key",), "CC6.1", "164.312(a)(2)(iv)", "3.7.5", "5.3"),
    ("key-customer-managed", "The key is managed by the customer", "medium", OK, "The key manager is CUSTOMER.", "customer managed", "1 of 1 key", ("key",), "CC6.1", "", "3.6.1", ""),
    ("key-not-pending-deletion", "The key is not about to be deleted", "critical", OK, "No deletion date is set.", "no deletion date", "1 of 1 key", ("key",), "CC6.1", "164.312(a)(2)(iv)", "3.7.5", "8.3"),
    ("key-origin", "The key material was made by KMS", "low", OK, "The origin is AWS_KMS.", "origin AWS_KMS", "1 of 1 key", ("key",), "CC6.1", "", "3.7.1", "8.1.5"),
    ("key-alias", "The alias points to the key", "medium", OK, "alias/fluo-production points to this key.", "alias/fluo-production points to this key", "1 of 1 alias", ("aliases",), "CC8.1", "", "3.7.7", ""),
    ("key-single-region", "The key has no replicas", "medium", NA, "No replica exists unless declared.", "a single-Region key has no replicas", "", ("key",), "CC6.1", "", "3.6.1.4", ""),
    ("rotation-enabled", "Automatic rotation is on", "high", OK, "Rotation is on.", "on", "1 of 1 key", ("rotation",), "CC6.1", "164.312(a)(2)(iv)", "3.7.4", "5.3"),
    ("rotation-period", "The key rotates at least once in its declared cryptoperiod", "high", OK, "A period of 90 days or less.", "rotates every 90 days, within the declared 90", "1 of 1 key", ("rotation",), "CC6.1", "164.312(a)(2)(iv)", "3.7.4", "5.3"),
    ("rotation-on-time", "Every rotation came in time", "high", BAD, "At most 90 days, and 1 day of grace, between two rotations.", "1 of 4 rotations came late: v3 was in use for 98 days", "4 of 4 rotations", ("rotations",), "CC6.1", "164.312(a)(2)(iv)", "3.7.4", "5.3"),
    ("rotation-next", "The next rotation is planned", "medium", OK, "The next rotation lies ahead.", "planned for 2027-01-23", "1 of 1 key", ("rotation",), "CC6.1", "", "3.7.4", "5.3"),
    ("policy-not-public", "The key policy lets in nobody unknown", "critical", OK, "No statement allows an unbounded set of principals.", "3 statements, none public", "3 of 3 statements", ("key_policy",), "CC6.1", "164.312(a)(1)", "7.2.1", ""),
    ("policy-same-account", "Only this account may use the key", "high", OK, "All principals belong to this account.", "all 3 principals belong to 123456789012", "3 of 3 principals", ("key_policy",), "CC6.3", "164.308(a)(4)", "7.2.2", ""),
    ("policy-separation", "No principal both administers and uses the key", "high", OK, "Administrators have no cryptographic action.", "1 administrator, 2 users, none both", "3 of 3 principals", ("key_policy", "role_policies"), "CC6.3", "164.308(a)(4)", "7.2.2", ""),
    ("policy-context", "Use of the key asks for an encryption context", "high", OK, "A condition on kms:EncryptionContext:purpose.", "asked for in 1 of 1 statement", "1 of 1 statement", ("key_policy",), "CC6.1", "164.312(a)(1)", "7.2.2", ""),
    ("backend-least-privilege", "The backend role has only the four actions it needs", "high", OK, "DescribeKey, GenerateDataKey, Encrypt, Decrypt.", "exactly these four", "2 of 2 roles", ("roles", "role_policies"), "CC6.3", "164.312(a)(1)", "7.2.2", ""),
    ("backend-no-destruction", "The backend cannot disable or delete the key", "critical", OK, "No such action is allowed.", "none allowed", "2 of 2 roles", ("key_policy", "role_policies"), "CC6.1", "", "3.7.7", "8.3"),
    ("grants-expected", "Every grant is held by a declared principal", "medium", OK, "Only declared grantees.", "no grants", "0 of 0 grants", ("grants",), "CC6.3", "164.308(a)(4)", "7.2.2", ""),
    ("trail-multi-region", "A trail of all Regions is logging", "high", OK, "One multi-Region trail that logs.", "fluo-trail logs in all Regions", "1 of 1 trail", ("trails", "trail_status"), "CC7.2", "164.312(b)", "10.2.1", ""),
    ("trail-kms-events", "The trail does not leave out KMS events", "high", OK, "kms.amazonaws.com is not excluded.", "reads and writes are recorded", "1 of 1 trail", ("event_selectors",), "CC7.2", "164.312(b)", "10.2.1", ""),
    ("trail-validation", "Log file validation is on", "medium", OK, "LogFileValidationEnabled is true.", "on", "1 of 1 trail", ("trails",), "CC7.2", "164.312(c)(2)", "10.3.4", ""),
    ("events-denied", "Denied calls stay under the declared level", "medium", BAD, "At most 10 denied calls on one day.", "24 denied calls on 2 days of 90, at most 14 on one day", f"{EVENTS:,} of {EVENTS:,} events", ("events",), "CC7.2", "164.308(a)(1)(ii)(D)", "10.4.1", ""),
    ("events-principals", "Only expected principals used the key", "high", OK, "Declared roles only.", "3 principals, all declared", f"{EVENTS:,} of {EVENTS:,} events", ("events",), "CC6.1", "164.312(b)", "7.2.1", ""),
    ("events-context", "Every use of the key carried a declared purpose", "high", OK, "A purpose out of 2.", f"{EVENTS - 24:,} of {EVENTS - 24:,} uses", f"{EVENTS - 24:,} of {EVENTS - 24:,} uses", ("events",), "CC6.1", "164.312(a)(1)", "7.2.2", ""),
    ("alarms-exist", "Alarms watch for failures of the key", "medium", BAD, "At least one alarm on the key.", "no alarm watches this key", "0 alarms", ("alarms",), "CC7.2", "164.308(a)(1)(ii)(D)", "10.7.2", ""),
    ("alarms-live", "The metrics that the alarms watch exist", "medium", OPEN, "Every watched metric has data.", "cloudwatch:ListMetrics could not be read: AccessDenied", "", ("alarms", "alarm_metrics"), "CC7.2", "", "10.7.2", ""),
    ("cost-within-budget", "The cost stays within the agreed budget", "low", OK, "At most 6.00 USD a month.", "at most 4.65 USD", "4 of 4 months", ("cost",), "", "", "", ""),
    ("log-retention", "Logs are kept for a year", "medium", HAND, "12 months, 3 of them at hand.", "AWS has no record of the retention promised", "", (), "CC7.3", "164.316(b)(2)(i)", "10.5.1", ""),
)
# fmt: on
OBSERVATIONS = {
    "rotation-on-time": (
        Observation("v3 was in use for 98 days, 8 longer than declared", "2026-07-27T00:00:00Z", "", "E07"),
    ),
    "events-denied": tuple(
        Observation(
            "kms:Decrypt was denied",
            f"2026-10-{25 + n // 14}T{n % 14:02}:12:09Z",
            f"{ROLE}/fluo-batch",
            _uuid(f"event {n}"),
        )
        for n in range(24)
    ),
    "alarms-exist": (Observation("no alarm has this key among its dimensions"),),
}  # fmt: skip
FIXES = {
    "rotation-on-time": "Find out why, write down the reason, and rotate on demand when a rotation is late.",
    "events-denied": "Give fluo-batch the encryption context it lacks, or take the key away from it.",
    "alarms-exist": "Run fluo-audit provision plan --alarms, then apply it.",
    "alarms-live": "Allow cloudwatch:ListMetrics to the collector's role and collect again.",
}


def _tests() -> tuple[TestResult, ...]:
    found = []
    for n, (check, title, severity, conclusion, expected, seen, population, sources, *controls) in enumerate(TESTS, 1):
        requirements = tuple(
            Requirement(
                framework=framework.id,
                control=control,
                was={"3.7.4": "3.6.4", "7.2.2": "7.1.2", "10.5.1": "10.7"}.get(control, ""),
                strength="supports" if n % 3 else "partially supports",
                because=f"{title[0].lower()}{title[1:]}, which is part of what {control} asks of a key.",
                source="own reading",
            )
            for framework, control in zip(FRAMEWORKS, controls, strict=True)
            if control
        )
        found.append(
            TestResult(
                id=f"T{n:02}",
                check_id=check,
                title=title,
                severity=Severity(severity),
                conclusion=conclusion,
                why="What one key protects is only as safe as the control over that key, so its state is read and not assumed.",
                expected=expected,
                seen=seen,
                population=population,
                observations=OBSERVATIONS.get(check, ()),
                fix=FIXES.get(check, "Nothing to fix."),
                next_step=FIXES.get(check, "Show the retention rule of the log bucket." if conclusion is HAND else ""),
                manual="Who approved the setting, and when it was last reviewed.",
                requirements=requirements,
                evidence=_evidence(*sources),
            )
        )
    return tuple(found)


def _controls(tests: tuple[TestResult, ...]) -> tuple[ControlResult, ...]:
    found: dict[tuple[str, str], list[TestResult]] = {}
    for test in tests:
        for requirement in test.requirements:
            found.setdefault((requirement.framework, requirement.control), []).append(test)
    controls = []
    for (framework, control), mapped in sorted(found.items()):
        worst = next(c for c in (BAD, OPEN, OK, HAND, NA) if any(t.conclusion is c for t in mapped))
        n = sum(t.conclusion is worst for t in mapped)
        controls.append(
            ControlResult(
                framework=framework,
                id=control,
                was="3.6.4" if control == "3.7.4" else "",
                title="Own summary of what the control asks for.",
                conclusion=worst,
                reason=f"{n} of {len(mapped)} {'test' if len(mapped) == 1 else 'tests'} ended so.",
                tests=tuple(t.id for t in mapped),
                manual="The procedure, its approval and the record of its review.",
            )
        )
    extra = [
        ControlResult("pci-dss", number, "", "Own summary of what the control asks for.", HAND, "No test speaks to it.", (), "The record itself.")
        for number in ("3.6.1.1", "3.6.1.2", "3.6.1.3", "3.7.2", "3.7.3", "3.7.6", "3.7.8", "8.6.1", "10.6.1")
    ]  # fmt: skip
    order = [f.id for f in FRAMEWORKS]
    return tuple(sorted([*controls, *extra], key=lambda c: (order.index(c.framework), c.id)))


def _sources() -> tuple[SourceResult, ...]:
    found = []
    for name, title, _, records in SOURCES:
        missing = name == DENIED
        partial = name == "events"
        found.append(
            SourceResult(
                name=name,
                title=title,
                completeness=Completeness.NOT_COLLECTED
                if missing
                else Completeness.PARTIAL
                if partial
                else Completeness.COMPLETE,
                asked="2026-08-25 to 2026-11-22" if name in {"events", "metrics", "cost"} else "point in time",
                covered=""
                if missing
                else "2026-08-25 to 2026-11-22 without 3 days"
                if partial
                else "2026-08-25 to 2026-11-22"
                if name in {"metrics", "cost"}
                else "2026-11-23",
                records=records,
                reasons=("cloudwatch:ListMetrics: AccessDenied",)
                if missing
                else ("no answer for 2026-10-03 to 2026-10-05",)
                if partial
                else (),
                remarks=("98 pages, 3 of them asked for again",) if partial else (),
                evidence=_evidence(name),
            )
        )
    return tuple(found)


def _denied(all_days: tuple[date, ...], spikes: dict[str, int]) -> tuple[int | None, ...]:
    return tuple(
        None if date(2026, 10, 3) <= d <= date(2026, 10, 5) else spikes.get(d.isoformat(), 0) for d in all_days
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T00:00:00+00:00")


def _rotation() -> RotationTimeline:
    starts = ["2025-10-28", "2026-01-26", "2026-04-26", "2026-08-02", "2026-10-25"]
    lengths = [90, 90, 98, 84, 29]
    kinds = ["created", "automatic", "automatic", "on demand", "automatic"]
    return RotationTimeline(
        limit_days=90,
        next_at=_moment("2027-01-23"),
        materials=tuple(
            KeyMaterial(
                label=f"v{i + 1}",
                since=_moment(since),
                until=_moment(starts[i + 1]) if i + 1 < len(starts) else None,
                days=lengths[i],
                days_late=max(0, lengths[i] - 90),
                kind=kinds[i],
                material_id=_digest(since),
            )
            for i, since in enumerate(starts)
        ),
    )


def _cost() -> tuple[MonthCost, ...]:
    rows = (
        ("2026-08", "3.00", "0.31", "3.00", 7, 31),
        ("2026-09", "4.00", "0.38", "4.00", 30, 30),
        ("2026-10", "4.17", "0.48", "4.17", 31, 31),
        ("2026-11", "3.67", "0.40", None, 22, 30),
    )
    return tuple(
        MonthCost(
            month=month,
            by_usage_type=(
                ("us-east-1-KMS-Keys", Decimal(keys)),
                ("us-east-1-KMS-Requests", Decimal(requests)),
            ),
            total=Decimal(keys) + Decimal(requests),
            modelled=None if modelled is None else Decimal(modelled),
            days_collected=collected,
            days_in_month=in_month,
            estimated=month == "2026-11",
        )
        for month, keys, requests, modelled, collected, in_month in rows
    )


def _reconciliations() -> tuple[Reconciliation, ...]:
    period = "2026-08-26 to 2026-11-22"
    rows = (
        ("events-history", "Events of the key, by id, 2026-11-22", 58, "CloudTrail Event history", 57, 1, Outcome.DIFFERS, "1 event without explanation", ("events",)),
        ("events-metrics", f"Successful calls of the key, by day, {period}", 4_635, "CloudWatch metric of the key", 4_635, 0, Outcome.AGREES, "equal on each of 89 days", ("events", "metrics")),
        ("events-cost", f"Billed calls, by day, {period}", 3_500, "Cost Explorer, KMS requests of the account", 3_534, 34, Outcome.EXPLAINED, "34 more are calls of other keys", ("events", "cost")),
        ("events-last-usage", "The last use of the key", None, "KMS, the last use it knows", None, None, Outcome.NOT_COMPARED, "the last use lies after the time that was read", ("last_usage",)),
    )  # fmt: skip
    flagged = (Observation("Decrypt is in the log files and not in Event history", "2026-11-22T08:00:00Z", "", "e-1"),)
    return tuple(
        Reconciliation(
            name=name,
            what=what,
            left_name="CloudTrail events",
            left=left,
            right_name=right_name,
            right=right,
            difference=difference,
            outcome=outcome,
            explanation=explanation,
            evidence=_evidence(*sources),
            flagged=flagged if outcome is Outcome.DIFFERS else (),
        )
        for name, what, left, right_name, right, difference, outcome, explanation, sources in rows
    )


PREFIX = f"AWSLogs/{ACCOUNT}"


def _integrity() -> TrailIntegrity:
    """Return a trail in three Regions: one with a changed and an unreadable log file, one with a gap, one verified."""
    period = Period(_moment("2026-08-25"), _moment("2026-11-23"))
    gap = Period(_moment("2026-10-03"), _moment("2026-10-06"))
    hour = Period(_moment("2026-09-10"), _moment("2026-09-10") + timedelta(hours=1))
    clean = IntegrityCounts(2_160, 2_160, logs_vouched=180, logs_found=180, logs_valid=180)
    holes = IntegrityCounts(2_087, 2_087, logs_vouched=170, logs_found=174, logs_valid=170, logs_uncovered=4)
    bad = IntegrityCounts(
        2_160, 2_160, logs_vouched=8_640, logs_found=8_641, logs_valid=8_637, logs_changed=1, logs_missing=1, logs_unread=1, logs_unvouched=2,
    )  # fmt: skip
    regions = (
        RegionIntegrity(
            ACCOUNT, "eu-west-1", IntegrityVerdict.VERIFIED, clean, (period,), f"{PREFIX}/CloudTrail-Digest/eu-west-1/a"
        ),
        RegionIntegrity(
            ACCOUNT, REGION, IntegrityVerdict.FAIL, bad, (period,), f"{PREFIX}/CloudTrail-Digest/{REGION}/b"
        ),
        RegionIntegrity(
            ACCOUNT,
            "us-west-2",
            IntegrityVerdict.INCOMPLETE,
            holes,
            (Period(period.start, hour.start), Period(hour.end, gap.start), Period(gap.end, period.end)),
            f"{PREFIX}/CloudTrail-Digest/us-west-2/c",
        ),
    )
    log = f"{PREFIX}/CloudTrail/{REGION}/2026/10/25/{ACCOUNT}_CloudTrail_{REGION}_20261025T0815Z_"
    problems = (
        IntegrityProblem(ProblemKind.LOG_UNREAD, f"{log}1.json.gz", "s3:GetObject: AccessDenied", is_failure=False),
        IntegrityProblem(ProblemKind.LOG_CHANGED, f"{log}2.json.gz", "its SHA-256 is another", is_failure=True),
        IntegrityProblem(ProblemKind.LOG_MISSING, f"{log}3.json.gz", "a digest names it", is_failure=True),
        IntegrityProblem(ProblemKind.LOG_UNVOUCHED, f"{log}4.json.gz", "no digest names it", is_failure=True),
        IntegrityProblem(ProblemKind.LOG_UNVOUCHED, f"{log}5.json.gz", "no digest names it", is_failure=True),
    )
    return TrailIntegrity(
        trail_arn=f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main-trail",
        bucket="fluo-cloudtrail",
        period=period,
        verdict=IntegrityVerdict.FAIL,
        counts=clean + holes + bad,
        regions=regions,
        problems=problems,
        gaps=(
            IntegrityGap(ACCOUNT, "us-west-2", hour, ""),
            IntegrityGap(ACCOUNT, "us-west-2", gap, "logging was stopped by fluo-key-admin"),
        ),
        remarks=("2 public keys signed the digests",),
    )


def make_report() -> Report:
    tests = _tests()
    all_days = days()
    return Report(
        title="FLUO master key evidence report",
        tool="fluo-audit 0.1.0",
        scope=Scope(
            account=ACCOUNT,
            region=REGION,
            key_arn=KEY,
            period=Period.of_days(START, END),
            as_of=AS_OF,
            entity="FLUO, Inc.",
            environment="production",
        ),
        snapshot_sha256=_digest("snapshot"),
        alias="alias/fluo-production",
        collected_by=f"arn:aws:sts::{ACCOUNT}:assumed-role/fluo-audit-reader/ci-4471",
        collected_from="2026-11-23T06:00:04Z",
        collected_to="2026-11-23T06:00:45Z",
        completeness=Completeness.PARTIAL,
        clock_skew_seconds=-1,
        frameworks=FRAMEWORKS,
        tests=tests,
        controls=_controls(tests),
        sources=_sources(),
        evidence=CALLS,
        facts=(
            ("Rotation", "On, every 90 days. Last on 2026-10-25, next planned for 2027-01-23."),
            ("Requests", f"{EVENTS:,} in 87 collected days of 90, 31 of them failed."),
            ("Cost", "$4.07 in November so far; the agreed budget is $6.00 a month."),
            ("Key policy", "3 statements, 3 principals, none of another account."),
        ),
        limits=(
            "CloudTrail event history reaches back 90 days and holds management events only.",
            "Cost Explorer lags by up to 24 hours and may revise what it said.",
            "A point-in-time answer shows the state when it was read, not during the whole period.",
            "Key use from other accounts that was denied is logged in those accounts only.",
        ),
        access=(
            AccessRow("EnableRootDelegation", "Allow", f"arn:aws:iam::{ACCOUNT}:root", "kms:*", ""),
            AccessRow("KeyAdministration", "Allow", f"{ROLE}/fluo-key-admin", "kms:Describe*, kms:Get*, kms:List*, kms:PutKeyPolicy, kms:TagResource, kms:EnableKeyRotation", ""),
            AccessRow("BackendUse", "Allow", f"{ROLE}/fluo-backend, {ROLE}/fluo-batch", "kms:DescribeKey, kms:GenerateDataKey, kms:Encrypt, kms:Decrypt", "StringEquals kms:EncryptionContext:purpose in compliance_evidence, pii_redaction"),
        ),
        principals=tuple(
            PrincipalUse(f"{ROLE}/{name}", expected, operations, calls, denied, _moment("2026-08-25"), _moment(last))
            for name, expected, operations, calls, denied, last in (
                ("fluo-backend", True, "Decrypt, Encrypt, GenerateDataKey", EVENTS - 441, 0, "2026-11-22"),
                ("fluo-batch", True, "Decrypt", 417, 24, "2026-11-21"),
                ("fluo-audit-reader", None, "DescribeKey, GetKeyPolicy", 24, 0, "2026-11-22"),
            )
        ),
        usage=DailySeries(all_days, USAGE),
        errors=DailySeries(
            all_days,
            (
                ("AccessDenied", _denied(all_days, {"2026-10-25": 14, "2026-10-26": 10})),
                ("ThrottlingException", _denied(all_days, {"2026-09-19": 2, "2026-09-20": 1, "2026-11-14": 3})),
                ("InvalidCiphertextException", _denied(all_days, {"2026-11-15": 1})),
            ),
        ),
        changes=tuple(
            ChangeEvent(_moment(at), operation, by, source_ip, outcome, _uuid(at))
            for at, operation, by, source_ip, outcome in (
                ("2026-09-14", "PutKeyPolicy", f"{ROLE}/fluo-key-admin", "203.0.113.7", "succeeded"),
                ("2026-10-25", "RotateKey", "kms.amazonaws.com", "", "succeeded"),
                ("2026-11-02", "DisableKey", f"{ROLE}/fluo-batch", "203.0.113.9", "AccessDenied"),
            )
        ),
        rotation=_rotation(),
        cost=_cost(),
        budget_usd=Decimal("6.00"),
        reconciliations=_reconciliations(),
        integrity=_integrity(),
        tables=(
            Table(
                "key_changes",
                "Changes to the key",
                ("at", "operation", "by", "failed", "tries"),
                (
                    ("2026-09-14T00:00:00Z", "PutKeyPolicy", f"{ROLE}/fluo-key-admin", False, 1),
                    ("2026-11-02T00:00:00Z", '=HYPERLINK("http://example.com")', None, True, -2),
                ),
            ),
        ),
    )  # fmt: skip


def with_texts(value: Any, change: Any) -> Any:
    """Return a copy of a report with `change` applied to every text in it, keys of mappings included.

    The paths and hashes of stored answers stay: the tool makes them itself, of plain characters.
    """
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return change(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value,
            **{
                f.name: with_texts(getattr(value, f.name), change)
                for f in fields(value)
                if f.name not in {"file", "sha256"}
            },
        )
    if isinstance(value, tuple | list):
        return type(value)(with_texts(item, change) for item in value)
    if isinstance(value, dict):
        return {with_texts(k, change): with_texts(v, change) for k, v in value.items()}
    return value


@pytest.fixture(scope="session")
def report() -> Report:
    return make_report()


@pytest.fixture(scope="session")
def change_texts() -> Any:
    return with_texts
