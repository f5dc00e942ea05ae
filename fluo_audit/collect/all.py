"""Every collector, in order, and the one place that runs them. A new collector is one function and one line here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fluo_audit.aws.door import Door, ReadError
from fluo_audit.collect import (
    cloudtrail,
    cloudwatch,
    costexplorer,
    event_history,
    events,
    iam,
    kms,
    trail_events,
    trail_logs,
)
from fluo_audit.collect.job import Collector, Job
from fluo_audit.model import sources
from fluo_audit.model.evidence import Fact, Missing, Source, was_asked

ALL: tuple[Collector, ...] = (
    Collector(sources.CALLER, iam.collect_caller),
    Collector(sources.KEY, kms.collect_key),
    Collector(sources.ALIASES, kms.collect_aliases),
    Collector(sources.TAGS, kms.collect_tags),
    Collector(sources.KEY_POLICY, kms.collect_key_policy),
    Collector(sources.ROTATION, kms.collect_rotation),
    Collector(sources.ROTATIONS, kms.collect_rotations),
    Collector(sources.GRANTS, kms.collect_grants),
    Collector(sources.LAST_USAGE, kms.collect_last_usage),
    Collector(sources.ROLES, iam.collect_roles),
    Collector(sources.ROLE_POLICIES, iam.collect_role_policies),
    Collector(sources.INSTANCE_PROFILES, iam.collect_instance_profiles),
    Collector(sources.TRAILS, cloudtrail.collect_trails),
    Collector(sources.TRAIL_STATUS, cloudtrail.collect_trail_status),
    Collector(sources.EVENT_SELECTORS, cloudtrail.collect_event_selectors),
    Collector(sources.TRAIL_INTEGRITY, trail_logs.collect_trail_integrity),
    Collector(sources.EVENTS, events.collect_events),
    Collector(sources.EVENT_HISTORY, event_history.collect_event_history),
    Collector(sources.EVENT_IDS, trail_events.collect_event_ids),
    Collector(sources.METRICS, cloudwatch.collect_metrics),
    Collector(sources.ALARMS, cloudwatch.collect_alarms),
    Collector(sources.ALARM_METRICS, cloudwatch.collect_alarm_metrics),
    Collector(sources.COST, costexplorer.collect_cost),
)


def collect(door: Door, job: Job, only: Collection[Source[Any]] | None = None) -> dict[str, Fact[Any]]:
    """Return every source by name, or `only` some. A read that failed makes its source `Missing` and stops no other."""
    facts: dict[str, Fact[Any]] = {}
    for collector in ALL:
        if only is not None and collector.source not in only:
            continue
        read = door.reader(collector.source.name)
        try:
            fact: Fact[Any] = collector.function(read, job, facts)
        except ReadError as error:
            fact = error.missing
        facts[collector.source.name] = fact
        if was_asked(collector.source, fact):
            job.progress.finish(collector.source.name, _ended(fact, len(read.calls)))
    return facts


def _ended(fact: Fact[Any], calls: int) -> str:
    if isinstance(fact, Missing):
        return f"not collected: {fact.operation}, {fact.reason}"
    return f"{_count(fact.coverage.records, 'record')}, {_count(calls, 'call')}, {fact.coverage.completeness}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
