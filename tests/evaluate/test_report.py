"""A report says the same whether like calls stand one by one or share a row."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_audit import pipeline
from fluo_audit.aws.snapshot import Snapshot
from fluo_audit.evaluate.report import Evidence, build_report
from fluo_audit.frames import as_json, frame
from fluo_audit.model.baseline import Baseline
from fluo_audit.model.evidence import Coverage, Have
from fluo_audit.model.facts import Caller
from fluo_audit.model.report import Report
from fluo_audit.model.scope import Period, Scope
from fluo_audit.model.sources import CALLER, EVENTS

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"
PERIOD = Period(pd.Timestamp("2026-01-01T05:00Z").to_pydatetime(), pd.Timestamp("2026-01-04T05:00Z").to_pydatetime())
BY_ID = "event-counts-reconciled"
"""Says how it found an event: by its id, which a row of many calls has not kept of all, or by its time."""
ALIKE = [
    "day", "region", "event_name", "event_type", "read_only", "principal_type", "issuer_arn", "invoked_by", "error_code",
    "has_context", "purpose", "key_material_id", "tls_version", "recipient_account",
]  # fmt: skip


def purpose(text: object) -> object:
    return json.loads(text).get("purpose") if isinstance(text, str) else None


def grouped(events: pd.DataFrame) -> pd.DataFrame:
    """Return the events with like calls of a day in one row, which shows the first of them; changes stay alone."""
    contexts = events["encryption_context"]
    events = events.assign(
        day=events["event_time"].dt.floor("D"),
        has_context=contexts.notna(),
        purpose=contexts.map({text: purpose(text) for text in contexts.unique()}),
    ).sort_values(["event_time", "event_id"])
    alone = events[~events["read_only"].fillna(value=False) | events["event_type"].eq("AwsServiceEvent")]
    many = events.drop(alone.index)
    groups = many.groupby(ALIKE, dropna=False)
    many = many.assign(calls=groups["calls"].transform("sum"), last_time=groups["last_time"].transform("max"))
    rows = pd.concat([alone, many[groups.cumcount() == 0]]).sort_values(["event_time", "event_id"])
    return rows[list(EVENTS.columns)].reset_index(drop=True)


def said(report: Report) -> dict[str, object]:
    """Return what a report says about events, without the lists of exceptions and the table of events itself."""
    return {
        "tests": [
            (test.check_id, test.conclusion, *(() if test.check_id == BY_ID else (test.seen, test.population)))
            for test in report.tests
        ],
        "controls": report.controls,
        "glance": report.facts,
        "usage": report.usage,
        "errors": report.errors,
        "principals": report.principals,
        "changes": report.changes,
    }


def test_the_sample_account_is_judged_alike_both_ways(sample_snapshot: Snapshot):
    facts = pipeline.facts_of(sample_snapshot)
    one_by_one = facts["events"]
    rows = grouped(one_by_one.value)
    evidence = Evidence(sample_snapshot.scope, sample_snapshot.baseline, facts, (), "", "", events_from="lookup")

    report = build_report(evidence, pipeline.chosen_frameworks(""))
    of_groups = build_report(
        replace(evidence, facts=facts | {"events": replace(one_by_one, value=rows)}), pipeline.chosen_frameworks("")
    )

    assert len(rows) < len(one_by_one.value) / 2
    assert rows["calls"].max() > 20
    assert said(of_groups) == said(report)


@st.composite
def calls(draw: st.DrawFn) -> dict[str, object]:
    """Draw a call out of few kinds, so that many are alike."""
    name = draw(st.sampled_from(["Decrypt", "GenerateDataKey", "DescribeKey", "PutKeyPolicy"]))
    issuer = draw(st.sampled_from([f"{ROLE}backend", f"{ROLE}admin", f"{ROLE}stranger", "s3.amazonaws.com", None]))
    context = draw(st.sampled_from([None, {}, {"purpose": "pii_redaction"}, {"purpose": "x", "tenantId": "t"}]))
    return dict.fromkeys(EVENTS.columns) | {
        "event_time": PERIOD.start + pd.Timedelta(hours=draw(st.integers(0, 71))),
        "event_name": name,
        "read_only": name != "PutKeyPolicy",
        "issuer_arn": issuer,
        "principal_type": "AWSService" if issuer == "s3.amazonaws.com" else "AssumedRole",
        "principal_arn": issuer and f"{issuer}/{draw(st.integers(0, 2))}",
        "encryption_context": None if context is None else as_json(context),
        "error_code": draw(st.sampled_from([None, None, "AccessDenied", "ThrottlingException"])),
    }


@settings(max_examples=30)  # each is two whole reports
@given(st.lists(calls(), max_size=40), st.integers(0, 5))
def test_any_calls_are_judged_alike_both_ways(rows: list[dict[str, object]], limit: int):
    for number, row in enumerate(rows):
        row |= {"event_id": f"e{number:02}", "last_time": row["event_time"], "calls": 1}
    baseline = Baseline(
        backend_roles=(f"{ROLE}backend",), key_administrators=(f"{ROLE}admin",), denied_calls_per_day=limit
    )
    caller = Have(Caller(ACCOUNT, f"{ROLE}auditor", ""), (), Coverage("all", "all", 1))
    scope = Scope(ACCOUNT, "us-east-1", KEY, PERIOD, PERIOD.end)
    one_by_one = frame(EVENTS, rows)
    reports = []
    for events in (one_by_one, grouped(one_by_one)):
        read = Have(events, (), Coverage("all", "all", len(rows), period=PERIOD))
        facts = {EVENTS.name: read, CALLER.name: caller}
        reports.append(build_report(Evidence(scope, baseline, facts, (), "", "", events_from="logs"), ()))

    assert said(reports[1]) == said(reports[0])
