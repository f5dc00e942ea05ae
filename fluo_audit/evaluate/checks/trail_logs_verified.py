"""Check trail-logs-verified."""

from __future__ import annotations

from datetime import timedelta

from fluo_audit.evaluate.key_events import ONE_BY_ONE
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Observation, Result, Severity, Verdict, failed, passed
from fluo_audit.model.integrity import IntegrityGap, IntegrityProblem, IntegrityVerdict, TrailIntegrity
from fluo_audit.model.scope import Scope
from fluo_audit.model.sources import TRAIL_INTEGRITY

DIGEST_DELAY = timedelta(hours=2)
"""A digest comes each hour for the hour before, so the end of a period may not have its own yet."""
NAMED = 3


@check(
    "trail-logs-verified",
    "Digests vouch for every log file of the period",
    group="LOG",
    severity=Severity.HIGH,
    reads=(TRAIL_INTEGRITY,),
    one_is_enough=(TRAIL_INTEGRITY,),
)
def trail_logs_verified(integrity: TrailIntegrity, criteria: Criteria) -> Verdict:
    """Read what validating the trail's log files against its signed digests found.

    Why: the log files are the population of record. Only the chain of digests shows that none was changed, removed or
        slipped in since CloudTrail wrote it.
    Passes when: the verdict is VERIFIED for the whole audit period, and the key's account and Region have a chain of
        digests. VERIFIED means that signed digests cover the time without a gap, that every log file they name is there
        unchanged, and that no other lies beside them. The last two hours before the collection may lack their digests.
    Fails when: the verdict is FAIL: a log file or digest was changed, moved, removed or slipped in. INCOMPLETE is not
        assessed: there is time without digests, or an object could not be read.
    Fix: fluo-audit trail verify shows every object. Find out who changed it, from the bucket's access log, and put back
        a copy that kept its metadata: the signature of a digest is there.
    Still by hand: who can write to the bucket, and why the trail has gaps, where it has.
    Peers: none in a report; aws cloudtrail validate-logs checks signatures and hashes in one Region, and passes when
        digests are missing at the end, or when there are none.
    """
    counts = integrity.counts
    population = (
        f"{counts.logs_valid:,} of {count(counts.logs_found, 'log file')}, "
        f"{counts.digests_valid:,} of {count(counts.digests_found, 'digest')}"
    )
    problems = [each for each in integrity.problems if each.is_failure]
    match integrity.verdict:
        case IntegrityVerdict.FAIL:
            listed = [Observation(f"{_named(each)}: {each.detail}", ref=each.key) for each in problems[:ONE_BY_ONE]]
            if more := len(problems) - len(listed):
                listed.append(Observation(f"{count(more, 'more problem')}, in the report's JSON"))
            seen = f"FAIL: {count(len(problems), 'problem')} with log files and digests of {integrity.bucket}"
            return failed(seen, *listed, population=population)
        case IntegrityVerdict.INCOMPLETE:
            return Verdict(Result.NOT_ASSESSED, f"INCOMPLETE: {_open(integrity)}", population=population)
        case IntegrityVerdict.VERIFIED:
            if lack := _not_covered(integrity, criteria.scope):
                return Verdict(Result.NOT_ASSESSED, f"VERIFIED, but not for {lack}", population=population)
            return passed(
                f"VERIFIED: each log file is as CloudTrail wrote it, {integrity.period.label}", population=population
            )


def _open(integrity: TrailIntegrity) -> str:
    """Say what is missing, the first of each kind."""
    unread = [f"{_named(each)}, {each.key}: {each.detail}" for each in integrity.problems if not each.is_failure]
    return "; ".join([*_some([_gap(each) for each in integrity.gaps]), *_some(unread)]) or "no reason was given"


def _named(problem: IntegrityProblem) -> str:
    return problem.kind.replace("_", " ")


def _gap(gap: IntegrityGap) -> str:
    return f"no digest for {gap.account} {gap.region}, {gap.period.label}: {gap.cause or 'cause unknown'}"


def _some(texts: list[str]) -> list[str]:
    return [*texts[:NAMED], f"{len(texts) - NAMED:,} more"] if len(texts) > NAMED else texts


def _not_covered(integrity: TrailIntegrity, scope: Scope) -> str:
    """Say what of the audit's period and place was not validated; empty when all was."""
    last = min(scope.period.end, scope.as_of - DIGEST_DELAY)
    if integrity.period.start > scope.period.start or integrity.period.end < last:
        return f"the whole period: {integrity.period.label} was validated"
    if not any((each.account, each.region) == (scope.account, scope.region) for each in integrity.regions):
        return f"{scope.region} of {scope.account}: no chain of digests there"
    return ""
