"""The stages together: what the sample account did, and what the report says about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fluo_audit import pipeline
from fluo_audit.aws.permissions import READS
from fluo_audit.aws.snapshot import Snapshot
from fluo_audit.collect.job import Silent
from fluo_audit.errors import CredentialsError, UsageError
from fluo_audit.evaluate.cost_model import is_final
from fluo_audit.model.evidence import Completeness, Missing
from fluo_audit.model.finding import Conclusion
from fluo_audit.model.report import Report
from fluo_audit.model.scope import Period
from fluo_audit.provision.find import FoundKey
from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.settings import EventSettings, Settings

FRAMEWORKS = pipeline.chosen_frameworks("")
REAL_KEY = "arn:aws:kms:us-east-1:123837392027:key/0e5d0ab6-097e-49d8-99ef-747ce3e5f8f4"


# --- the known truth of the sample account ---------------------------------------------------------------------


def table(report: Report, name: str) -> list[dict[str, object]]:
    found = next(t for t in report.tables if t.name == name)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def test_no_event_is_lost_or_doubled(
    sample_report: Report, sample_account: SimulatedAccount, collect_sample: Callable[..., Snapshot], tmp_path: Path
):
    """The events of the report are those of the account's ledger, each once, read a second way: from its log files."""
    period = sample_report.scope.period
    folder = tmp_path / "logs"
    folder.mkdir()
    for number, (_, content) in enumerate(sample_account.log_files(period.start, period.end)):
        (folder / f"{number:05}.json.gz").write_bytes(content)
    from_files = pipeline.report_of(collect_sample("90d", str(folder)), FRAMEWORKS)

    collected = [row["event_id"] for row in table(sample_report, "events")]

    assert len(collected) == len(set(collected)) > 4000
    assert collected == [row["event_id"] for row in table(from_files, "events")]
    assert set(collected) <= set(sample_account.truth.event_ids)


def test_requests_a_day_are_those_of_the_ledger(sample_report: Report, sample_account: SimulatedAccount):
    truth = sample_account.truth
    usage = sample_report.usage
    whole_days = usage.days[1:-1]  # the period begins and ends inside a day
    counted = {
        (day, name): count
        for name, counts in usage.counts
        for day, count in zip(usage.days, counts, strict=True)
        if count and day in whole_days
    }

    assert counted == {key: count for key, count in truth.operations.items() if key[0] in whole_days}


def test_failures_a_day_are_those_of_the_ledger(sample_report: Report, sample_account: SimulatedAccount):
    counted = Counter()
    for _, counts in sample_report.errors.counts:
        counted.update({d: c for d, c in zip(sample_report.errors.days, counts, strict=True) if c})

    denied = {d: n for d, n in sample_account.truth.denied.items() if d in sample_report.errors.days[1:-1]}

    assert {d: n for d, n in counted.items() if d in sample_report.errors.days[1:-1]} == denied
    assert denied[date(2026, 10, 25)] == 14


def test_rotations_have_their_dates_and_the_late_one_is_late(sample_report: Report, sample_account: SimulatedAccount):
    materials = sample_report.rotation.materials

    assert [m.since for m in materials[1:]] == [r.date for r in sample_account.truth.rotations]
    assert {m.label: m.days_late for m in materials if m.days_late} == {"v3": 8}
    assert sample_report.rotation.next_at == sample_account.truth.next_rotation


def test_cost_is_right_to_the_cent_and_shows_the_rotations(sample_report: Report, sample_account: SimulatedAccount):
    cent = Decimal("0.01")
    final = [m for m in sample_report.cost if is_final(m)]
    truth = {f"{month:%Y-%m}": amount for month, amount in sample_account.truth.monthly_cost.items()}

    assert len(final) == 12
    assert {m.month: m.total.quantize(cent) for m in final} == {m.month: truth[m.month].quantize(cent) for m in final}
    storage = [sum(amount for name, amount in m.by_usage_type if name.endswith("KMS-Keys")) for m in final]
    assert max(abs(m.modelled - amount) for m, amount in zip(final, storage, strict=True)) < cent / 2
    assert [str(m.total.quantize(cent)) for m in (final[0], final[4], final[-1])] == ["1.00", "2.00", "3.00"]


def test_the_call_without_purpose_is_the_exception_of_its_check(
    sample_report: Report, sample_account: SimulatedAccount
):
    test = next(t for t in sample_report.tests if t.check_id == "encryption-context-used")

    assert test.conclusion is Conclusion.EXCEPTION
    assert [o.ref for o in test.observations] == list(sample_account.truth.without_purpose)


def test_what_the_sample_was_made_to_show_is_found(sample_report: Report):
    exceptions = {t.check_id for t in sample_report.tests if t.conclusion is Conclusion.EXCEPTION}

    assert exceptions == {
        "encryption-context-enforced",
        "denied-calls-low",
        "encryption-context-used",
        "alarms-can-fire",
    }
    assert sample_report.completeness is Completeness.COMPLETE


def test_a_year_shows_the_late_rotation_and_says_what_event_history_lacks(collect_sample: Callable[..., Snapshot]):
    report = pipeline.report_of(collect_sample("365d"), FRAMEWORKS)

    exceptions = {t.check_id for t in report.tests if t.conclusion is Conclusion.EXCEPTION}
    events = next(s for s in report.sources if s.name == "events")
    assert "rotation-on-time" in exceptions
    assert events.completeness is Completeness.PARTIAL
    assert "before the 90 days of Event history" in events.reasons[0]
    counts = report.usage.counts[0][1]
    assert next(day for day, count in zip(report.usage.days, counts, strict=True) if count is not None) == date(
        2026, 8, 25
    )


def test_undeclared_pci_is_never_supported(sample_report: Report):
    conclusions = {c.conclusion for c in sample_report.controls if c.framework == "pci-dss"}

    assert Conclusion.SUPPORTED not in conclusions
    assert Conclusion.INCONCLUSIVE in conclusions


def test_a_misspelt_declaration_is_an_error(sample_snapshot: Snapshot):
    from dataclasses import replace

    misspelt = replace(sample_snapshot, baseline=replace(sample_snapshot.baseline, applies={"pcidss": False}))

    with pytest.raises(UsageError, match="pcidss"):
        pipeline.report_of(misspelt, FRAMEWORKS)


# --- a denied read decides nothing -----------------------------------------------------------------------------


def conclusions(report: Report) -> dict[tuple[str, str], Conclusion]:
    tests = {("test", t.check_id): t.conclusion for t in report.tests}
    return tests | {(c.framework, c.id): c.conclusion for c in report.controls}


def week(account: SimulatedAccount) -> Report:
    """Report on the last week: few pages, every operation."""
    settings = pipeline.settings_of(account.sample_settings, "sample")
    transport = pipeline.LiveTransport(account.session, account.clock)
    opened = pipeline.Account(transport, account.clock, "us-east-1", settings, sample=True, offline=False)
    found = FoundKey(account.truth.key_arn, "its ARN")
    period = pipeline.period_of("7d", None, None, account.truth.now)
    return pipeline.report_of(pipeline.collect_snapshot(opened, found, period, EventSettings(), Silent()), FRAMEWORKS)


@pytest.fixture(scope="module")
def asked_everything() -> Iterator[SimulatedAccount]:
    """Give an account in which a collection makes every read there is: the backend's role has an inline policy too."""
    logs = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [logs]})
    with SimulatedAccount() as account:
        account.session.client("iam").put_role_policy(
            RoleName="fluo-backend", PolicyName="logs", PolicyDocument=document
        )
        yield account


@pytest.fixture(scope="module")
def undenied(asked_everything: SimulatedAccount) -> dict[tuple[str, str], Conclusion]:
    return conclusions(week(asked_everything))


@pytest.fixture
def repaired(asked_everything: SimulatedAccount) -> Iterator[SimulatedAccount]:
    yield asked_everything
    asked_everything.repair()


@pytest.mark.parametrize("operation", sorted(READS - {"cloudtrail:ListPublicKeys"}))
def test_denying_an_operation_decides_nothing(operation: str, repaired: SimulatedAccount, undenied):
    repaired.deny(operation)

    report = week(repaired)

    found = conclusions(report)
    decided = {Conclusion.SUPPORTED, Conclusion.EXCEPTION}
    assert {key: c for key, c in found.items() if c in decided and c is not undenied[key]} == {}
    unread = [s for s in report.sources if s.completeness is Completeness.NOT_COLLECTED]
    assert any(operation in reason and "AccessDenied" in reason for s in unread for reason in s.reasons)
    for test in report.tests:
        if test.conclusion is Conclusion.INCONCLUSIVE and operation in test.seen:
            assert f"grant {operation}" in test.next_step


@pytest.mark.parametrize("fault", ["throttle", "timeout", "5xx", "expired", "malformed"])
@pytest.mark.parametrize("operation", ["kms:GetKeyPolicy", "iam:ListAttachedRolePolicies", "cloudwatch:DescribeAlarms"])
def test_a_broken_answer_decides_nothing(operation: str, fault: str, repaired: SimulatedAccount, undenied):
    repaired.fail(operation, fault)

    report = week(repaired)

    found = conclusions(report)
    decided = {Conclusion.SUPPORTED, Conclusion.EXCEPTION}
    assert {key: c for key, c in found.items() if c in decided and c is not undenied[key]} == {}
    assert any(s.completeness is Completeness.NOT_COLLECTED for s in report.sources)


# --- real log files, no credentials ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_report(real_logs: Path) -> Report:
    account = pipeline.Account(
        pipeline.OfflineTransport(FixedClock()),
        FixedClock(),
        "us-east-1",
        Settings(key=REAL_KEY),
        sample=False,
        offline=True,
    )
    period = Period.of_days(date(2023, 7, 10), date(2023, 7, 11))
    snapshot = pipeline.collect_snapshot(
        account, pipeline.resolve_key(account), period, EventSettings(source=str(real_logs)), Silent()
    )
    return pipeline.report_of(snapshot, FRAMEWORKS)


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 23, 6, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing to wait {seconds} s for")


def test_real_log_files_give_the_events_of_the_key(real_report: Report):
    assert {name: sum(c for c in counts if c) for name, counts in real_report.usage.counts} == {
        "Decrypt": 73,
        "Encrypt": 22,
    }
    assert len(table(real_report, "events")) == 95


def test_nothing_is_supported_by_absence(real_report: Report):
    concluded = {c.conclusion for c in real_report.controls} | {t.conclusion for t in real_report.tests}

    assert concluded <= {Conclusion.INCONCLUSIVE, Conclusion.MANUAL}
    assert all(c.reason for c in real_report.controls)
    assert any("no AWS credentials" in c.reason for c in real_report.controls)


def test_without_credentials_an_alias_cannot_be_looked_up():
    clock = FixedClock()
    settings = Settings(key="alias/fluo-production")
    account = pipeline.Account(
        pipeline.OfflineTransport(clock), clock, "us-east-1", settings, sample=False, offline=True
    )

    with pytest.raises(CredentialsError, match="full ARN"):
        pipeline.resolve_key(account)


# --- the same snapshot, the same bytes -------------------------------------------------------------------------

RENDER = """
import sys
from pathlib import Path
from fluo_audit import pipeline
from fluo_audit.aws.snapshot import load
snapshot = load(Path(sys.argv[1]))
report = pipeline.report_of(snapshot, pipeline.chosen_frameworks(""))
print(pipeline.write_report(Path(sys.argv[2]), snapshot, report, pipeline.FORMATS, "a4").tag_manifest_sha256)
"""


def test_a_snapshot_renders_to_the_same_bytes_anywhere(sample_snapshot: Snapshot, tmp_path: Path):
    """HTML, PDF, JSON and tables: in two time zones, under two hash seeds, in two locales."""
    sample_snapshot.save(tmp_path / "snapshot")
    places = [
        {"TZ": "UTC", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
        {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8"},
    ]
    hashes = {
        subprocess.run(
            [sys.executable, "-c", RENDER, str(tmp_path / "snapshot"), str(tmp_path / f"bundle{number}")],
            env={**os.environ, **place},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for number, place in enumerate(places)
    }

    assert len(hashes) == 1


def test_facts_of_a_snapshot_need_no_network(sample_snapshot: Snapshot):
    facts = pipeline.facts_of(sample_snapshot)

    assert [name for name, fact in facts.items() if isinstance(fact, Missing)] == [
        "trail_integrity",
        "event_history",
        "event_ids",
    ]


# --- what is written -------------------------------------------------------------------------------------------


def test_a_bundle_holds_the_snapshot_the_report_and_every_table(
    sample_snapshot: Snapshot, sample_report: Report, tmp_path: Path
):
    pipeline.write_report(tmp_path / "bundle", sample_snapshot, sample_report, ("html", "json"), "a4")

    data = tmp_path / "bundle" / "data"
    written = {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()}
    assert set(sample_snapshot.files()) <= written
    assert {"report/report.html", "report/evidence.json", "schema/evidence.schema.json"} <= written
    assert {f"populations/{t.name}.{kind}" for t in sample_report.tables for kind in ("csv", "jsonl")} <= written
    assert "report/report.pdf" not in written


def test_no_answer_that_is_stored_holds_plaintext_or_ciphertext(sample_snapshot: Snapshot):
    for stored in sample_snapshot.stored:
        if stored.call.service == "kms":
            assert not {"Plaintext", "CiphertextBlob"} & set(json.loads(stored.body or b"{}"))


# --- periods ---------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 23, 6, 42, 17, tzinfo=UTC)


def test_last_ends_an_hour_ago_and_stays_inside_event_history():
    period = pipeline.period_of("90d", None, None, NOW)

    assert period == Period(datetime(2026, 8, 25, 8, tzinfo=UTC), datetime(2026, 11, 23, 5, tzinfo=UTC))
    assert period.start > NOW - timedelta(days=90)


def test_from_and_to_are_whole_days():
    assert pipeline.period_of("90d", date(2023, 7, 10), date(2023, 7, 11), NOW) == Period(
        datetime(2023, 7, 10, tzinfo=UTC), datetime(2023, 7, 11, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("last", "first", "until"),
    [
        ("9", None, None),
        ("d", None, None),
        ("-3d", None, None),
        ("0d", None, None),
        ("9999999999999999d", None, None),
        ("90d", date(2026, 1, 1), None),
        ("90d", None, date(2026, 1, 1)),
        ("90d", date(2026, 1, 2), date(2026, 1, 1)),
        ("90d", date(2026, 1, 1), date(2026, 1, 1)),
    ],
)
def test_a_period_that_makes_no_sense_is_an_error(last: str, first: date | None, until: date | None):
    with pytest.raises(UsageError):
        pipeline.period_of(last, first, until, NOW)
