"""What a comparison is, and the one place that runs them.

A comparison only sees sources that were read in full. Where one was not, the runner states why nothing was compared,
so that a denied or broken read can never look like agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluo_audit.evaluate.key_events import ONE_BY_ONE
from fluo_audit.model.evidence import NOT_ASKED, Fact, Have, Missing, Source
from fluo_audit.model.finding import Observation
from fluo_audit.model.report import Outcome, Reconciliation
from fluo_audit.model.scope import Scope

Facts = Mapping[str, Fact[Any]]
Read = Mapping[str, Have[Any]]


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found."""

    outcome: Outcome
    explanation: str
    left: int | None = None
    right: int | None = None
    difference: int | None = None
    over: str = ""
    """The time that was compared."""
    flagged: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sources that count the same thing."""

    name: str
    what: str
    left_name: str
    right_name: str
    needs: tuple[Source[Any], ...]
    function: Callable[[Read, Scope], Compared]
    may_use: tuple[Source[Any], ...] = ()
    """Sources that help when they were read in full."""
    judged_by: str = ""
    """The check that judges the difference, when it is not event-counts-reconciled."""

    def run(self, facts: Facts, scope: Scope) -> Reconciliation:
        """Compare what was read in full, or state why nothing could be compared."""
        wanted = (*self.needs, *self.may_use)
        reasons = [reason for source in self.needs if (reason := why_not(facts, source))]
        found = not_compared("; ".join(reasons)) if reasons else self.function(_in_full(facts, wanted), scope)
        asked = [facts[source.name] for source in wanted if source.name in facts]
        return Reconciliation(
            name=self.name,
            what=f"{self.what}, {found.over}" if found.over else self.what,
            left_name=self.left_name,
            left=found.left,
            right_name=self.right_name,
            right=found.right,
            difference=found.difference,
            outcome=found.outcome,
            explanation=found.explanation,
            evidence=tuple(dict.fromkeys(id_ for each in asked for id_ in each.proof)),
            flagged=found.flagged,
        )


def why_not(facts: Facts, source: Source[Any]) -> str:
    """Say why a source cannot be compared; empty when it was read in full."""
    fact = facts.get(source.name)
    if fact is None:
        return f"{source.title}: not collected"
    if isinstance(fact, Missing):
        unasked = fact.reason == NOT_ASKED and fact.message
        return f"{source.title}: {unasked or f'{fact.operation}, {fact.reason}'}"
    gaps = "; ".join(fact.coverage.gaps)
    return f"{source.title}, read in part: {gaps}" if gaps else ""


def _in_full(facts: Facts, sources: Sequence[Source[Any]]) -> Read:
    found = {source.name: facts.get(source.name) for source in sources}
    return {name: fact for name, fact in found.items() if isinstance(fact, Have) and not fact.coverage.gaps}


def not_compared(reason: str) -> Compared:
    """Say why nothing was compared."""
    return Compared(Outcome.NOT_COMPARED, reason)


def listed(found: Sequence[Observation], noun: str) -> tuple[Observation, ...]:
    """Return what is flagged, at most `ONE_BY_ONE` of it one by one and the rest as a number."""
    if len(found) <= ONE_BY_ONE:
        return tuple(found)
    return (*found[:ONE_BY_ONE], Observation(f"{len(found) - ONE_BY_ONE:,} more {noun}"))
