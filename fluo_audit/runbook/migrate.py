"""From local keys to AWS KMS in five steps: infrastructure, configuration, restart, provider, round trip.

What is there tells which steps are done; nothing is remembered between runs. Restarting the backend is its operator's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fluo_audit.errors import ExitCode
from fluo_audit.evaluate.checks.key_enabled import key_enabled
from fluo_audit.evaluate.registry import run_check
from fluo_audit.model import sources
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.evidence import Missing, Source
from fluo_audit.model.finding import Conclusion
from fluo_audit.provision.files.backend_settings import BackendSettings, Setting
from fluo_audit.provision.files.properties import Written
from fluo_audit.runbook import access
from fluo_audit.runbook.access import diagnose_access
from fluo_audit.runbook.backend import Backend
from fluo_audit.runbook.remedies import enable_key, remedies_of
from fluo_audit.runbook.rules import Facts
from fluo_audit.runbook.step import Step, good, judged, unread, wrong
from fluo_audit.runbook.validate import health_step, provider_step, round_trip_step

READS: tuple[Source[Any], ...] = access.READS
NAMES = ("infrastructure", "configuration", "restart", "provider is aws", "round trip")
INFRASTRUCTURE, CONFIGURATION, RESTART, PROVIDER, ROUND_TRIP = range(len(NAMES))
RESTARTS = (
    "sudo systemctl restart fluo-backend",
    "docker restart fluo-backend",
    "kubectl rollout restart deployment/fluo-backend",
)


class State(StrEnum):
    """Where a step of the migration stands."""

    DONE = "done"
    NEXT = "next"
    LATER = "later"
    WRONG = "wrong"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the five steps: where it stands, and in words what was seen or is to be done."""

    name: str
    state: State
    said: str = ""
    fix: str = ""


def infrastructure(facts: Facts, criteria: Criteria) -> Step:
    """Say whether key and alias exist, and the policies let each backend role use the key."""
    name, fixes = NAMES[INFRASTRUCTURE], remedies_of(facts, criteria)
    state = judged(name, run_check(key_enabled, facts, criteria), enable_key(facts, fixes))
    if state.conclusion is not Conclusion.SUPPORTED:
        return state
    aliases = facts[sources.ALIASES.name]
    if isinstance(aliases, Missing):
        return unread(name, aliases)
    if aliases.value.empty:
        return wrong(name, "the key has no alias", fixes.plan())
    diagnoses = diagnose_access(facts, criteria)
    for diagnosis in diagnoses:
        if (cause := diagnosis.cause) is not None:
            return wrong(name, f"{diagnosis.sentence} {cause.name}: {cause.said}", cause.fix)
    for diagnosis in diagnoses:
        if open_ := [step for step in diagnosis.steps if step.conclusion is Conclusion.INCONCLUSIVE]:
            return unread(name, f"{open_[0].name}: {open_[0].said}")
    return good(name, "key, alias and policies exist")


def no_infrastructure(why: str, environment: str) -> Step:
    """Say that there is no key yet, and how it is made."""
    return wrong(NAMES[INFRASTRUCTURE], why, f"fluo-audit provision plan --environment {environment or 'ENV'}")


def configuration(settings: BackendSettings | None, names: Collection[str], region: str, file: str) -> Step:
    """Say whether the properties name provider aws and this key. What the file says is not repeated: see key_name."""
    name = NAMES[CONFIGURATION]
    if settings is None:
        return wrong(name, f"{file} does not exist")
    wanted: tuple[tuple[Setting, Collection[str], str], ...] = (
        (settings.provider, ("aws",), "is not aws"),
        (settings.key, names, "names another key"),
        (settings.region, (region,), f"is not {region}"),
    )
    for setting, good_values, otherwise in wanted:
        if setting.value not in good_values:
            return wrong(
                name, f"{setting.place}: {setting.reason}" if setting.reason else f"{setting.place} {otherwise}"
            )
    return good(name, f"{file} names provider aws and this key")


def written_step(written: Written) -> Step:
    """Say that the block was written, and where the file is as it was."""
    said = "block written" if written.changed else "the block was there already"
    if written.backup is not None:
        said += f", backup {written.backup}"
    if written.replaced:
        said += f"; commented out outside it: {', '.join(written.replaced)}"
    return good(NAMES[CONFIGURATION], said)


def is_done(step: Step) -> bool:
    """Return whether a step needs no more."""
    return step.conclusion is Conclusion.SUPPORTED


def stages(
    infrastructure_: Step, configuration_: Step, backend: Backend | None, names: Collection[str], *, restart: bool
) -> tuple[Stage, ...]:
    """Return the five steps. `restart` says that the configuration was written just now.

    The backend is asked only when what comes before is in place, and for a round trip only when it uses AWS.
    """
    return tuple(_in_order(_steps(infrastructure_, configuration_, backend, names, restart=restart)))


def exit_code(found: Collection[Stage]) -> ExitCode:
    """Return 0 when all is done, 3 when the first open step could not be read, otherwise 1."""
    open_ = [stage for stage in found if stage.state is not State.DONE]
    if not open_:
        return ExitCode.OK
    return ExitCode.INCOMPLETE if open_[0].state is State.UNREAD else ExitCode.EXCEPTIONS


def _steps(
    infrastructure_: Step, configuration_: Step, backend: Backend | None, names: Collection[str], *, restart: bool
) -> Iterator[Step]:
    """Give the steps one after the other: who takes no more of them asks for no more."""
    yield infrastructure_
    yield configuration_
    run_one = f"run one of: {' | '.join(RESTARTS)}"
    if backend is None or restart:
        yield wrong(NAMES[RESTART], run_one)
        return
    status = provider_step(backend.status(), "aws")
    if status.is_wrong:
        yield wrong(NAMES[RESTART], f"the backend still runs with {status.said}; {run_one}")
        return
    if status.conclusion is Conclusion.INCONCLUSIVE:
        yield unread(NAMES[RESTART], status.said)
        return
    yield good(NAMES[RESTART], "the backend runs with the new configuration")
    health = health_step(backend.health(), names, _doctor(backend))
    yield Step(NAMES[PROVIDER], health.conclusion, f"{status.said}; health {health.said}", fix=health.fix)
    trip = round_trip_step(backend.round_trip(), _doctor(backend))
    yield Step(NAMES[ROUND_TRIP], trip.conclusion, trip.said, fix=trip.fix)


def _doctor(backend: Backend) -> str:
    return f"fluo-audit doctor access --backend-url {backend.url}"


def _in_order(steps: Iterator[Step]) -> Iterator[Stage]:
    """Give each step its state. After the first that is not done, the others come later."""
    names = iter(NAMES)
    for name, step in zip(names, steps, strict=False):
        state = _state(name, step)
        yield Stage(name, state, step.said, step.fix)
        if state is not State.DONE:
            break
    yield from (Stage(name, State.LATER) for name in names)


def _state(name: str, step: Step) -> State:
    """Return where a step stands. One that somebody has yet to do is next; one that was done and failed is wrong."""
    if step.conclusion is Conclusion.SUPPORTED:
        return State.DONE
    if step.conclusion is Conclusion.INCONCLUSIVE:
        return State.UNREAD
    return State.NEXT if name in NAMES[: RESTART + 1] else State.WRONG
