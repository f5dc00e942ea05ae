"""The steps after deployment: the key is there and rotates, the backend may use it, and for declared purposes only.

Whether the *backend* may use the key is shown by its own answers, and by a call that the caller makes in its role. A
call in any other role says nothing about it: then the key policy and the policies of the role are asked instead.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from fluo_audit.aws.clock import Clock
from fluo_audit.aws.door import Door
from fluo_audit.aws.probe import ProbeDoor, Tried
from fluo_audit.collect.all import collect
from fluo_audit.collect.job import Job
from fluo_audit.evaluate.checks.key_enabled import key_enabled
from fluo_audit.evaluate.checks.rotation_period import rotation_period
from fluo_audit.evaluate.principals import is_one_of, short_name
from fluo_audit.evaluate.registry import run_check
from fluo_audit.evaluate.rows import rows
from fluo_audit.model import sources
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.evidence import Fact, Have, Missing, Source
from fluo_audit.policy import Outcome, PolicySyntaxError
from fluo_audit.runbook import rules
from fluo_audit.runbook.answers import Health, RoundTrip, Status, Unread
from fluo_audit.runbook.backend import Backend
from fluo_audit.runbook.remedies import enable_key, remedies_of
from fluo_audit.runbook.rules import FOREIGN, Facts, Rules, context_words, main_purpose, rules_of
from fluo_audit.runbook.step import Step, beside, good, judged, unread, wrong

GENERATE = "kms:GenerateDataKey"
MIGRATE = "fluo-audit migrate --properties FILE"
READS: tuple[Source[object], ...] = (sources.CALLER, sources.ALIASES, sources.TAGS, *rules.READS)
UNUSABLE = frozenset({"DisabledException", "KMSInvalidStateException", "NotFoundException"})
"""What KMS answers for a key that nobody can use, whatever the policies say."""


@dataclass(frozen=True, slots=True)
class Probing:
    """Everything that the steps on the key ask with."""

    door: Door
    job: Job
    probe: ProbeDoor
    clock: Clock
    dry_run: bool = True

    @property
    def criteria(self) -> Criteria:
        """Return what facts are compared with."""
        return Criteria(self.job.scope, self.job.baseline)


def validate_key(with_: Probing) -> tuple[tuple[Step, ...], frozenset[str]]:
    """Return the steps on the key, and every name the backend may call it by."""
    facts, described = _timed(with_, sources.KEY)
    rotation, asked = _timed(with_, sources.ROTATION)
    facts = {**facts, **rotation, **collect(with_.door, with_.job, only=READS)}
    criteria, fixes = with_.criteria, remedies_of(facts, with_.criteria)
    turn_on = fixes.rotation(criteria.baseline.cryptoperiod_days)
    steps = (
        judged("describe-key", run_check(key_enabled, facts, criteria), enable_key(facts, fixes), described),
        judged("rotation", run_check(rotation_period, facts, criteria), turn_on, asked),
        *_use(with_, facts),
    )
    return steps, names_of(facts, criteria)


def names_of(facts: Facts, criteria: Criteria) -> frozenset[str]:
    """Return the ARN, the id and the aliases of the key."""
    scope, aliases = criteria.scope, facts.get(sources.ALIASES.name)
    listed = rows(aliases.value) if isinstance(aliases, Have) else ()
    named = {row[column] for row in listed for column in ("alias_name", "alias_arn") if row[column]}
    return frozenset({scope.key_arn, scope.key_id, *named})


def _timed(with_: Probing, source: Source[object]) -> tuple[dict[str, Fact[object]], int]:
    began = with_.clock.monotonic()
    facts = collect(with_.door, with_.job, only=(source,))
    return facts, _milliseconds(with_.clock, began)


def _milliseconds(clock: Clock, began: float) -> int:
    return round((clock.monotonic() - began) * 1000)


# --- may the backend use the key, and only as it should? -------------------------------------------------------


def _use(with_: Probing, facts: Facts) -> Iterator[Step]:
    caller, declared = facts[sources.CALLER.name], with_.job.baseline.backend_roles
    if isinstance(caller, Missing):
        yield unread("generate-data-key", caller)
        return
    try:
        found = rules_of(facts, with_.criteria)
    except PolicySyntaxError as error:
        yield unread("policies", error.message)
        return
    purpose = main_purpose(with_.job.baseline)
    is_backend = is_one_of(caller.value.arn, declared)
    role = next((each for each in declared if is_one_of(caller.value.arn, (each,))), "")
    right = found.context(role, purpose) if role else {"purpose": purpose}
    yield from _tried(with_, right, _who(caller.value.arn), is_backend=is_backend, declared=bool(declared))
    if not declared:
        yield unread("backend role", "not declared: set backend_roles under [baseline] in fluo-audit.toml")
    elif not is_backend:
        for each in declared:
            yield from _by_policies(found, each, purpose, facts, with_.criteria)


def _who(arn: str) -> str:
    """Return the role behind a session, as people call it."""
    kind, _, name = short_name(arn).partition("/")
    return f"role/{name.split('/')[0]}" if kind == "assumed-role" else short_name(arn)


def _tried(with_: Probing, right: Mapping[str, str], who: str, *, is_backend: bool, declared: bool) -> Iterator[Step]:
    """Try the call, and when it is allowed to a backend role, a purpose that should not be."""
    name, asked = "generate-data-key", "dry run" if with_.dry_run else "made and thrown away"
    tried, spent = _try(with_, right, dry_run=with_.dry_run)
    said = f"{asked} as {who}, {context_words(right)}"
    if tried.failure is not None and not tried.denied:
        text = f"{said}: {tried.failure.code}, {tried.failure.message}"
        yield wrong(name, text, milliseconds=spent) if tried.failure.code in UNUSABLE else unread(name, text, spent)
        return
    answer = "allowed" if tried.allowed else "denied"
    if not is_backend:
        beyond = "no backend role, so it says nothing about the backend" if declared else "not known to be the backend"
        yield beside(name, f"{said}: {answer}; {beyond}", spent)
        return
    if tried.denied:
        yield wrong(name, f"{said}: denied", "fluo-audit doctor access", spent)
        yield beside("other purpose", "not tried: it says nothing while the right one is denied")
        return
    yield good(name, f"{said}: allowed", spent)
    yield _other_purpose(with_, right)


def _other_purpose(with_: Probing, right: Mapping[str, str]) -> Step:
    name = "other purpose"
    foreign = {**right, "purpose": FOREIGN}
    tried, spent = _try(with_, foreign, dry_run=True)
    said = f"dry run, {context_words(foreign)}"
    if tried.denied:
        return good(name, f"{said}: denied, as it should be", spent)
    if tried.failure is not None:
        return unread(name, f"{said}: {tried.failure.code}, {tried.failure.message}", spent)
    return wrong(name, f"{said}: allowed, and should be denied", "fluo-audit doctor access", spent)


def _try(with_: Probing, context: Mapping[str, str], *, dry_run: bool) -> tuple[Tried, int]:
    began = with_.clock.monotonic()
    tried = with_.probe.data_key(with_.job.scope.key_arn, context, dry_run=dry_run)
    return tried, _milliseconds(with_.clock, began)


def _by_policies(found: Rules, role: str, purpose: str, facts: Facts, criteria: Criteria) -> Iterator[Step]:
    """Ask the key policy and the policies of the role, in place of a call that only the role could make."""
    name, right = short_name(role), found.context(role, purpose)
    for missing in found.missing.values():
        yield unread(name, missing)
    if found.missing:
        return
    for context, wanted in ((right, True), ({**right, "purpose": FOREIGN}, False)):
        decision = found.decide(role, GENERATE, context)
        said = f"by its policies, {context_words(context)}"
        if decision.outcome is Outcome.UNKNOWN:
            yield unread(name, f"{said}: {decision.reason}")
        elif decision.is_allowed is wanted:
            yield good(name, f"{said}: {'allowed' if wanted else 'denied, as it should be'}")
        elif wanted:
            yield wrong(name, f"{said}: {decision.reason}", "fluo-audit doctor access")
        else:
            fix = remedies_of(facts, criteria).plan(enforce_encryption_context=True)
            yield wrong(name, f"{said}: {decision.reason}, and should be denied", fix)


# --- what the backend says ----------------------------------------------------------------------------------------


def validate_backend(backend: Backend, expect: str, names: Collection[str]) -> tuple[Step, ...]:
    """Return the steps on the backend: `expect` is aws or local, `names` are those of the key it should use."""
    fix = shlex.join(["fluo-audit", "doctor", "access", "--backend-url", backend.url]) if expect == "aws" else ""
    return (
        health_step(backend.health(), names if expect == "aws" else (), fix),
        provider_step(backend.status(), expect),
        round_trip_step(backend.round_trip(), fix),
    )


def health_step(health: Health | Unread, names: Collection[str], fix: str) -> Step:
    """Say whether the backend is ready, and uses the key; without `names` any key will do."""
    name = "backend health"
    if isinstance(health, Unread):
        return unread(name, health.reason)
    if not health.up:
        return wrong(name, f"DOWN: {health.error or 'it does not say why'}", fix)
    provider = f", provider {health.provider}" if health.provider else ""
    if not names:
        return good(name, f"UP{provider}")
    if not health.key:
        return good(name, f"UP{provider}; which key it uses, it does not say")
    if health.key not in names:
        return wrong(name, f"UP{provider}, but with another key: {health.key}", MIGRATE)
    return good(name, f"UP{provider}, same key")


def provider_step(status: Status | Unread, expect: str) -> Step:
    """Say whether the backend uses the provider it should."""
    name = "backend provider"
    if isinstance(status, Unread):
        return unread(name, status.reason)
    if status.provider != expect:
        return wrong(name, f"{status.provider}, and should be {expect}", MIGRATE if expect == "aws" else "")
    rate = "" if status.hit_rate is None else f", cache hit rate {status.hit_rate:.0%}"
    return good(name, f"{status.provider}{rate}")


def round_trip_step(trip: RoundTrip | Unread, fix: str) -> Step:
    """Say how the backend's own tests with the key ended."""
    name = "backend round trip"
    if isinstance(trip, Unread):
        return unread(name, trip.reason)
    if not trip.passed:
        return wrong(name, "; ".join((*trip.failed, *trip.advice)) or "FAIL, without saying what", fix)
    hit = trip.latency_ms.get("cache_hit", trip.latency_ms.get("key_retrieval_cache_hit"))
    cached = "" if hit is None else f", cache hit {hit:g} ms"
    return good(name, f"{len(trip.tests)} of {len(trip.tests)} tests PASS{cached}")
