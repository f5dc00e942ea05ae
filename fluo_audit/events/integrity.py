"""Validate the log files of a trail against its digests: nothing changed, removed, added, or left without a voucher.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html
The AWS CLI follows the digests from one to the one before and checks the log files they name. Here, besides: what lies
in the bucket that no digest names, what time no digest covers, and whether each digest follows the one it says it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from fluo_audit.aws.objects import Objects
from fluo_audit.events.chains import Chain, KeysOf, Listed, Stretch, list_digests, list_logs, read_digests
from fluo_audit.events.coverage import Causes, TrailChange, covered, uncovered, within
from fluo_audit.events.digests import AnyDigest, Digest, Vouched
from fluo_audit.events.log_hashes import LogHash, Unhashed, hash_logs
from fluo_audit.events.object_names import Kind, Trail, parse
from fluo_audit.events.trail_folders import find_folders
from fluo_audit.model.integrity import (
    IntegrityCounts,
    IntegrityGap,
    IntegrityProblem,
    IntegrityVerdict,
    ProblemKind,
    RegionIntegrity,
    TrailIntegrity,
)
from fluo_audit.model.scope import Period

WORKERS = 32
EDGE = timedelta(minutes=15)
"""How far the time in the name of a log file may be from that of its delivery."""

HashOf: TypeAlias = Callable[[Sequence[str]], Mapping[str, LogHash]]
"""Gives the hashes of log files by key."""
Progress: TypeAlias = Callable[[str, int, int], None]
"""Hears of which account and Region log files are being read, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class RegionEvidence:
    """What was read of one account and Region, before it is judged."""

    chain: Chain
    logs: Listed
    expected: Mapping[str, Vouched]
    """Log files of the period that a valid digest names, by key."""
    of_others: frozenset[str]
    """Those of them that only digests of other trails name."""
    hashes: Mapping[str, LogHash]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the evidence about one account and Region comes to."""

    region: RegionIntegrity
    problems: tuple[IntegrityProblem, ...]
    gaps: tuple[IntegrityGap, ...]
    remarks: tuple[str, ...]


def verify_trail(
    objects: Objects,
    trail: Trail,
    period: Period,
    keys_of: KeysOf,
    as_of: datetime,
    *,
    expected: Collection[tuple[str, str]] = (),
    only_account: str = "",
    only_region: str = "",
    changes: Collection[TrailChange] = (),
    hash_of: HashOf | None = None,
    workers: int = WORKERS,
    progress: Progress = lambda _what, _done, _all: None,
) -> TrailIntegrity:
    """Validate the log files that were delivered in the period, in every account and Region the trail has folders of.

    `expected` are pairs of account and Region that are judged even if nothing lies there: whole folders may have been
    removed. `only_account` and `only_region` narrow that down. `changes` explain gaps. `hash_of` gives hashes of log
    files that were read anyway; without it they are read here and dropped. What could not be read is never judged: the
    verdict is INCOMPLETE then. Of the exceptions, only those of `keys_of` and `hash_of` are let through.
    """
    folders = find_folders(
        objects, trail, expected, only_account=only_account, only_region=only_region, workers=workers
    )
    judgements = []
    for account, region in folders.pairs:
        reader = hash_of or _reader(objects, workers, partial(progress, f"{account} {region}"))
        evidence = read_region(objects, Stretch(trail, account, region, period), keys_of, reader, workers)
        judgements.append(judge(evidence, as_of, changes))
    problems = [*folders.problems, *(problem for each in judgements for problem in each.problems)]
    verdicts = {each.region.verdict for each in judgements}
    verdict = _worst(verdicts | {IntegrityVerdict.INCOMPLETE} if folders.problems else verdicts)
    return TrailIntegrity(
        trail_arn=trail.arn,
        bucket=objects.bucket,
        period=period,
        verdict=verdict,
        counts=sum((each.region.counts for each in judgements), IntegrityCounts()),
        regions=tuple(each.region for each in judgements),
        problems=tuple(sorted(problems, key=lambda problem: not problem.is_failure)),
        gaps=tuple(gap for each in judgements for gap in each.gaps),
        remarks=(*folders.remarks, *(remark for each in judgements for remark in each.remarks)),
    )


def _worst(verdicts: Collection[IntegrityVerdict]) -> IntegrityVerdict:
    for verdict in (IntegrityVerdict.FAIL, IntegrityVerdict.INCOMPLETE):
        if verdict in verdicts:
            return verdict
    return IntegrityVerdict.VERIFIED if verdicts else IntegrityVerdict.INCOMPLETE


def _reader(objects: Objects, workers: int, progress: Callable[[int, int], None]) -> HashOf:
    return lambda keys: hash_logs(objects, keys, workers, progress)


def read_region(objects: Objects, stretch: Stretch, keys_of: KeysOf, hash_of: HashOf, workers: int) -> RegionEvidence:
    """Read everything that is needed to judge one account and Region."""
    logs = list_logs(objects, stretch, workers)
    listed = list_digests(objects, stretch, workers)
    own = read_digests(objects, listed, keys_of, stretch.is_own, workers)
    expected = vouched(own, stretch)
    theirs: dict[str, Vouched] = {}
    others: tuple[AnyDigest, ...] = ()
    if strays := logs.names.keys() - expected.keys():
        others = read_digests(objects, listed, keys_of, lambda name: not stretch.is_own(name), workers)
        theirs = {key: log for key, log in vouched(others, stretch).items() if key in strays}
    expected |= theirs
    chain = Chain(stretch, listed, own, others)
    return RegionEvidence(chain, logs, expected, frozenset(theirs), _hashes(expected, logs, stretch, hash_of))


def vouched(digests: Iterable[AnyDigest], stretch: Stretch) -> dict[str, Vouched]:
    """Return the log files of the period that valid digests name, by key, or by URL if they lie in another bucket."""
    period, bucket = stretch.period, stretch.trail.place.bucket
    found = {}
    for digest in digests:
        for log in digest.logs if isinstance(digest, Digest) else ():
            name = parse(log.key)
            if name is None or period.start <= name.at < period.end:
                found[log.key if log.bucket == bucket else f"s3://{log.bucket}/{log.key}"] = log
    return found


def _hashes(expected: Mapping[str, Vouched], logs: Listed, stretch: Stretch, hash_of: HashOf) -> dict[str, LogHash]:
    """Return the hashes of the log files that are expected. What the listing shows to be absent is not asked for."""
    hashes: dict[str, LogHash] = {}
    wanted = []
    for key, log in sorted(expected.items()):
        is_told = not logs.problem and key.startswith(stretch.log_folder) and parse(key) is not None
        if log.bucket != stretch.trail.place.bucket:
            hashes[key] = Unhashed(ProblemKind.LOG_UNREAD, "it lies in another bucket, which was not read")
        elif is_told and key not in logs.names:
            hashes[key] = Unhashed(ProblemKind.LOG_MISSING, "a digest names it, and it is not there")
        else:
            wanted.append(key)
    return hashes | dict(hash_of(wanted))


# --- judge -----------------------------------------------------------------------------------------------------


def judge(evidence: RegionEvidence, as_of: datetime, changes: Iterable[TrailChange] = ()) -> Judgement:
    """Return the verdict about one account and Region. Nothing is read here."""
    chain = evidence.chain
    account, region, period = chain.stretch.account, chain.stretch.region, chain.stretch.period
    joined = covered(chain.valid)
    causes = Causes(chain, tuple(changes), as_of)
    gaps = tuple(IntegrityGap(account, region, gap, causes.of(gap)) for gap in uncovered(joined, period))
    unvouched = _unvouched(evidence, joined)
    problems = (
        *_listing_problems(evidence),
        *_digest_problems(chain),
        *_log_problems(evidence),
        *_stray_problems(evidence, unvouched, gaps),
    )
    counts = _counts(evidence, problems, unvouched)
    verdict = IntegrityVerdict.INCOMPLETE if problems or gaps else IntegrityVerdict.VERIFIED
    if any(problem.is_failure for problem in problems):
        verdict = IntegrityVerdict.FAIL
    first = next((each.key for each in chain.valid if each.name.kind is Kind.DIGEST), "")
    result = RegionIntegrity(account, region, verdict, counts, within(joined, period), first)
    return Judgement(result, problems, gaps, tuple(_remarks(evidence, first)))


def _unvouched(evidence: RegionEvidence, joined: Sequence[Period]) -> frozenset[str]:
    """Return the log files that digests should name, by the time they cover, and none does."""
    sure = [(each.start + EDGE, each.end - EDGE) for each in joined]
    return frozenset(
        key
        for key in evidence.logs.names.keys() - evidence.expected.keys()
        if any(start <= evidence.logs.names[key].at < end for start, end in sure)
    )


def _problem(kind: ProblemKind, key: str, detail: str) -> IntegrityProblem:
    return IntegrityProblem(kind, key, detail, kind.is_failure)


def _listing_problems(evidence: RegionEvidence) -> Iterator[IntegrityProblem]:
    stretch = evidence.chain.stretch
    for listed, folder in ((evidence.chain.listed, stretch.digest_folder), (evidence.logs, stretch.log_folder)):
        if listed.problem:
            yield _problem(ProblemKind.LISTING_UNREAD, folder, listed.problem)


def _digest_problems(chain: Chain) -> Iterator[IntegrityProblem]:
    for key, detail in sorted(chain.missing.items()):
        yield _problem(ProblemKind.DIGEST_MISSING, key, detail)
    for rejected in chain.rejected:
        yield _problem(rejected.kind, rejected.key, rejected.detail)
    for key, detail in sorted(chain.broken_links.items()):
        yield _problem(ProblemKind.DIGEST_LINK, key, detail)


def _log_problems(evidence: RegionEvidence) -> Iterator[IntegrityProblem]:
    for key, log in sorted(evidence.expected.items()):
        found = evidence.hashes.get(key, Unhashed(ProblemKind.LOG_UNREAD, "it was not read"))
        if isinstance(found, Unhashed):
            yield _problem(found.kind, key, found.detail)
        elif found != log.sha256:
            yield _problem(ProblemKind.LOG_CHANGED, key, "its content is not what CloudTrail delivered")


def _stray_problems(
    evidence: RegionEvidence, unvouched: Collection[str], gaps: Collection[IntegrityGap]
) -> Iterator[IntegrityProblem]:
    """Give the log files that no digest names. Those in a gap need no problem of their own: the gap is stated."""
    is_sure = all(isinstance(each, Digest) or each.kind.is_failure for each in evidence.chain.others)
    detail = "no digest names it" if is_sure else "no digest that could be read names it"
    for key in sorted(evidence.logs.names.keys() - evidence.expected.keys()):
        at = evidence.logs.names[key].at
        if key in unvouched:
            yield replace(_problem(ProblemKind.LOG_UNVOUCHED, key, detail), is_failure=is_sure)
        elif not any(gap.period.start <= at < gap.period.end for gap in gaps):
            yield _problem(ProblemKind.LOG_UNCOVERED, key, "no digest names it yet")


def _counts(
    evidence: RegionEvidence, problems: Iterable[IntegrityProblem], unvouched: Collection[str]
) -> IntegrityCounts:
    number = Counter(problem.kind for problem in problems)
    valid, rejected = len(evidence.chain.valid), len(evidence.chain.rejected)
    changed = sum(
        number[kind] for kind in (ProblemKind.LOG_CHANGED, ProblemKind.LOG_MALFORMED, ProblemKind.LOG_TRAILING_DATA)
    )
    named = len(evidence.expected)
    strays = len(evidence.logs.names.keys() - evidence.expected.keys())
    return IntegrityCounts(
        digests_found=valid + rejected,
        digests_valid=valid,
        digests_invalid=rejected - number[ProblemKind.DIGEST_UNREAD],
        digests_unread=number[ProblemKind.DIGEST_UNREAD],
        digests_missing=number[ProblemKind.DIGEST_MISSING],
        logs_vouched=named,
        logs_found=named - number[ProblemKind.LOG_MISSING] + strays,
        logs_valid=named - changed - number[ProblemKind.LOG_MISSING] - number[ProblemKind.LOG_UNREAD],
        logs_changed=changed,
        logs_missing=number[ProblemKind.LOG_MISSING],
        logs_unread=number[ProblemKind.LOG_UNREAD],
        logs_unvouched=len(unvouched),
        logs_uncovered=strays - len(unvouched),
        logs_of_others=len(evidence.of_others),
    )


def _remarks(evidence: RegionEvidence, first: str) -> Iterator[str]:
    where = f"{evidence.chain.stretch.account} {evidence.chain.stretch.region}"
    strangers = evidence.chain.listed.strangers + evidence.logs.strangers
    if strangers:
        yield f"{where}: {len(strangers):,} objects are neither log files nor digests, the first is {strangers[0]}"
    for digest in evidence.chain.valid:
        if digest.previous is None and digest.name.kind is Kind.DIGEST and digest.key != first:
            yield f"{where}: the chain of digests starts anew with {digest.key}"
    if evidence.of_others:
        yield f"{where}: {len(evidence.of_others):,} log files are named by digests of other trails alone"
