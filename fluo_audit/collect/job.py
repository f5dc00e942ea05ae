"""What a collector is told, and how it states what it read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fluo_audit.aws.clock import Clock
from fluo_audit.aws.door import Failure, Reader, ReadError
from fluo_audit.model.baseline import Baseline
from fluo_audit.model.evidence import Coverage, Fact, Have, Missing, Source
from fluo_audit.model.scope import Scope
from fluo_audit.settings import EventSettings

if TYPE_CHECKING:
    from fluo_audit.collect.trail_logs import TrailLogs

T = TypeVar("T")

Facts = Mapping[str, Fact[Any]]


class Progress(Protocol):
    """Somebody who wants to know how the collection goes."""

    def update(self, source: str, text: str) -> None:
        """Hear where a long read is."""
        ...

    def finish(self, source: str, text: str) -> None:
        """Hear how a source ended."""
        ...


class Silent:
    """Progress that nobody hears."""

    def update(self, source: str, text: str) -> None:
        """Hear nothing."""

    def finish(self, source: str, text: str) -> None:
        """Hear nothing."""


class Still:
    """A clock that does not go on: nothing is waited for in a replay."""

    def now(self) -> datetime:
        """Return the beginning of time."""
        return datetime.fromtimestamp(0, UTC)

    def monotonic(self) -> float:
        """Return nothing."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Go on at once."""


@dataclass(frozen=True, slots=True)
class Job:
    """The scope, the declared baseline, where events come from, and whom to tell about progress."""

    scope: Scope
    baseline: Baseline
    events: EventSettings = field(default_factory=EventSettings)
    progress: Progress = field(default_factory=Silent)
    logs: TrailLogs | None = None
    """How log files are read; None in a replay, where they were read before."""
    clock: Clock = field(default_factory=Still)
    """What to wait by for a query."""

    @property
    def events_from(self) -> str:
        """Return "lookup", "s3", "athena", "lake", or the folder of log files."""
        return self.events.source


@dataclass(frozen=True, slots=True)
class Collector:
    """A source and the function that reads it."""

    source: Source[Any]
    function: Callable[[Reader, Job, Facts], Have[Any]]


def need(facts: Facts, source: Source[T]) -> T:
    """Return the value of an earlier source. When that is missing, so is everything built on it."""
    fact = facts[source.name]
    if isinstance(fact, Missing):
        raise ReadError(fact)
    value: T = fact.value
    return value


def point_in_time(read: Reader, value: T, records: int, *remarks: str) -> Have[T]:
    """Return a fact about one moment: that of the first call that read it."""
    read_at = next((call.requested_at for call in read.calls), "")
    covered = f"{read_at[:10]} {read_at[11:19]} UTC" if read_at else "-"
    return Have(value, read.proof, Coverage("point in time", covered, records, remarks=remarks))


def undeclared(read: Reader, api: str, setting: str) -> ReadError:
    """Return the error of a source that cannot be asked for, because nobody declared what to ask."""
    missing = read.failed(api, Failure("not declared", f"{setting} is not set, so there was nothing to ask AWS about"))
    return ReadError(
        Missing(api, "not declared", missing.missing.message, f"set {setting} under [baseline] in fluo-audit.toml")
    )
