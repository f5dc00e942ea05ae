"""CloudTrail trails with their status and selectors in one place, and what each does for the events of the key.

A trail counts only when it is logging and covers the key's Region. One trail that does what is asked is enough; what
AWS did not state is neither yes nor no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from fluo_audit.evaluate.rows import rows
from fluo_audit.evaluate.wording import count, utc
from fluo_audit.model.finding import Observation, Result, Verdict, failed, passed
from fluo_audit.policy.truth import Truth, all_of, any_of, truth, unknown

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

Kind = Literal["writes", "reads"]
KINDS: dict[Kind, str] = {"writes": "write events", "reads": "read-only events"}
"""The two kinds of management events. Every cryptographic KMS call is read-only; changes to the key are writes."""

LONGEST_SILENCE = timedelta(hours=24)
"""CloudTrail delivers about every five minutes and digests every hour; a day without either is an outage."""


@dataclass(frozen=True, slots=True)
class Trail:
    """One trail, as three CloudTrail operations describe it. None is what AWS left out."""

    facts: dict[str, Any]
    """Columns of TRAILS."""
    status: dict[str, Any] | None
    """Columns of TRAIL_STATUS."""
    selectors: tuple[dict[str, Any], ...]
    """Columns of EVENT_SELECTORS, one mapping a selector."""

    @property
    def arn(self) -> str:
        """Return the ARN."""
        return str(self.facts["trail_arn"] or "")

    @property
    def name(self) -> str:
        """Return the name, or the ARN when AWS left it out."""
        return str(self.facts["name"] or self.arn)

    def is_logging(self) -> Truth:
        """Say whether the trail records anything now."""
        since = self._moment("stopped_at")
        no = f"is not logging since {utc(since)}" if since else "is not logging"
        return self._stated("cloudtrail:GetTrailStatus", "IsLogging", no, value=(self.status or {}).get("is_logging"))

    def is_multi_region(self) -> Truth:
        """Say whether the trail records every Region."""
        no = f"records {self.facts['home_region'] or 'one Region'} only"
        multi_region = self.facts["is_multi_region"]
        return self._stated("cloudtrail:DescribeTrails", "IsMultiRegionTrail", no, value=multi_region)

    def covers(self, region: str) -> Truth:
        """Say whether the trail records the Region."""
        home = self.facts["home_region"]
        everywhere = self.is_multi_region()
        if home is None and not everywhere.value:
            return self._left_out("cloudtrail:DescribeTrails", "HomeRegion")
        return truth(value=True) if home == region else everywhere

    def records(self, kind: Kind, region: str) -> Truth:
        """Say whether the trail records KMS events of a kind in the Region."""
        selected = any_of(self._selects(each, kind) for each in self.selectors)
        if not self.selectors:
            selected = self._left_out("cloudtrail:GetEventSelectors", "selectors")
        return all_of((self.is_logging(), self.covers(region), selected))

    def validates(self) -> Truth:
        """Say whether CloudTrail signs digests of the trail's log files."""
        return self._stated(
            "cloudtrail:DescribeTrails",
            "LogFileValidationEnabled",
            "has log file validation off",
            value=self.facts["log_file_validation"],
        )

    def delivers(self, as_of: datetime) -> Truth:
        """Say whether log files, and digests when validation is on, arrived without error within a day of `as_of`."""
        logs = self._delivered("log file", "latest_delivery_at", "latest_delivery_error", as_of)
        digests = self._delivered("digest", "latest_digest_at", "latest_digest_error", as_of)
        validates = self.validates()
        if validates.value is None:
            return all_of((logs, validates))
        return all_of((logs, digests)) if validates.value else logs

    def last_deliveries(self) -> str:
        """Return when log files and digests arrived last, in words."""
        log, digest = self._moment("latest_delivery_at"), self._moment("latest_digest_at")
        parts = (f"last log file {utc(log)}" if log else "", f"last digest {utc(digest)}" if digest else "")
        return ", ".join(filter(None, parts))

    def _selects(self, selector: dict[str, Any], kind: Kind) -> Truth:
        asked = (
            ("management", "records no management events"),
            ("kms", "excludes KMS events"),
            (kind, f"records no {KINDS[kind]}"),
        )
        api = "cloudtrail:GetEventSelectors"
        return all_of(self._stated(api, f"{column} of a selector", no, value=selector[column]) for column, no in asked)

    def _delivered(self, what: str, time_column: str, error_column: str, as_of: datetime) -> Truth:
        # AWS leaves the error out, or empty, when there was none.
        if error := (self.status or {}).get(error_column):
            return truth(value=False, reason=f"could not deliver its last {what}: {error}")
        at = self._moment(time_column)
        if at is None:
            return self._left_out("cloudtrail:GetTrailStatus", f"the time of the last {what}")
        hours = int((as_of - at).total_seconds() // 3600)
        return truth(as_of - at < LONGEST_SILENCE, f"delivered its last {what} at {utc(at)}, {hours} hours ago")

    def _moment(self, column: str) -> datetime | None:
        moment = (self.status or {}).get(column)
        return moment if isinstance(moment, datetime) else None

    def _stated(self, api: str, field: str, no: str, *, value: bool | None) -> Truth:
        return self._left_out(api, field) if value is None else truth(value, "" if value else no)

    def _left_out(self, api: str, field: str) -> Truth:
        return unknown(f"{api} answered without {field} for trail {self.name}")


def join_trails(trails: Frame, status: Frame, selectors: Frame | None = None) -> tuple[Trail, ...]:
    """Return every trail of TRAILS with its row of TRAIL_STATUS and its rows of EVENT_SELECTORS, in order of ARN."""
    status_of = {row["trail_arn"]: row for row in rows(status)}
    chosen = () if selectors is None else sorted(rows(selectors), key=_arn)
    selectors_of = {arn: tuple(group) for arn, group in groupby(chosen, key=_arn)}
    return tuple(
        Trail(row, status_of.get(row["trail_arn"]), selectors_of.get(_arn(row), ()))
        for row in sorted(rows(trails), key=_arn)
    )


def _arn(row: dict[str, Any]) -> str:
    return row["trail_arn"] or ""


def one_does(
    trails: Iterable[Trail], question: Callable[[Trail], Truth], *, yes: Callable[[Trail], str], nobody: str
) -> Verdict:
    """Pass when one trail does what is asked, and name it; fail when every trail is known not to, and say why each.

    `yes` words what the deciding trail does; `nobody` words the failure.
    """
    answers = [(trail, question(trail)) for trail in trails]
    population = count(len(answers), "trail")
    decided = any_of(answer for _, answer in answers)
    if decided.value:
        trail = next(trail for trail, answer in answers if answer.value)
        return passed(f"trail {trail.name} {yes(trail)}", population=population)
    if decided.value is None:
        return Verdict(Result.NOT_ASSESSED, decided.reason, population=population)
    return failed(
        f"{nobody}: {population} in the account",
        *(Observation(f"trail {trail.name} {answer.reason}", ref=trail.arn) for trail, answer in answers),
        population=population,
    )


def every_kind(
    trails: Iterable[Trail], region: str, question: Callable[[Trail], Truth], *, yes: Callable[[Trail], str], no: str
) -> Verdict:
    """Ask about the trails that record the key's events: for each kind that is recorded, one of them must say yes.

    So a trail of write events cannot answer for the read-only events that another trail records. `no` words what all
    trails of a kind lack.
    """
    known = tuple(trails)

    def about(kind: Kind) -> Verdict:
        return one_does(
            known,
            lambda trail: all_of((trail.records(kind, region), question(trail))),
            yes=yes,
            nobody=f"no trail that records KMS {KINDS[kind]} {no}",
        )

    recorded = [kind for kind in KINDS if any_of(trail.records(kind, region) for trail in known).value is not False]
    verdicts = [about(kind) for kind in recorded]
    if not verdicts:
        return about("writes")
    worst = min(verdicts, key=lambda verdict: (Result.FAIL, Result.NOT_ASSESSED, Result.PASS).index(verdict.result))
    if worst.result is not Result.PASS:
        return worst
    return passed("; ".join(dict.fromkeys(each.seen for each in verdicts)), population=worst.population)
