"""What a check is, and the one place that runs them.

A check is a pure function from facts to a `Verdict`. It never sees a fact that could not be read: the runner
answers NOT_ASSESSED in its place, with the reason. So a check cannot turn a denied read into a result.

A check that says nothing about some kinds of keys names them with `unless`. That is asked first, because KMS refuses
some reads on such keys (UnsupportedOperationException): a question that does not arise is not one left open.

A check with several ways to its answer is made by `weighing_check`. It takes the facts themselves, and has to say what
it could not use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, TypeVar, overload

from fluo_audit.model.baseline import Criteria
from fluo_audit.model.evidence import NOT_ASKED, Completeness, Fact, Have, Missing, Source
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Finding, Result, Severity, Verdict
from fluo_audit.model.sources import KEY

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")

SECTIONS = ("Why", "Passes when", "Fails when", "Not applicable when", "Fix", "Still by hand", "Peers")
_COMMANDS = ("aws ", "fluo-audit ", "kms:")  # begin a section as they are typed
REQUIRED_SECTIONS = ("Why", "Passes when", "Fails when", "Fix", "Still by hand")

Facts = Mapping[str, Fact[Any]]
Unless = Callable[[KeyMetadata], Verdict | None]
"""Answers in place of a check that does not apply to such a key; None when the check applies."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check with its documentation. The docstring of the function is what users and auditors read."""

    id: str
    """Kebab-case words for the good state; stable, never reused."""
    title: str
    group: str
    severity: Severity
    reads: tuple[Source[Any], ...]
    one_is_enough: tuple[Source[Any], ...]
    """Sources of which one bad record is an exception even when the rest was not read."""
    function: Callable[..., Verdict]
    unless: Unless | None = None
    weighs: tuple[Source[Any], ...] = ()
    """Sources whose facts the function takes as they are, missing ones included; then it has no `reads`."""

    @property
    def sources(self) -> tuple[Source[Any], ...]:
        """Return every source the check looks at."""
        return (*self.reads, *self.weighs)

    def section(self, name: str) -> str:
        """Return a section of the docstring, such as "Fix", on one line; empty when it has none."""
        text = sections(self.function.__doc__ or "").get(name, "")
        return text if text.startswith(_COMMANDS) else text[:1].upper() + text[1:]


def sections(docstring: str) -> dict[str, str]:
    """Split a check's docstring at its "Name:" lines into one-line texts."""
    found: dict[str, str] = {}
    pattern = re.compile(rf"^({'|'.join(SECTIONS)}):\s*", re.MULTILINE)
    parts = pattern.split(cleandoc(docstring))
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        found[name] = " ".join(text.split())
    return found


@overload
def check(
    id_: str,
    title: str,
    *,
    group: str,
    severity: Severity,
    reads: tuple[Source[A]],
    one_is_enough: tuple[Source[Any], ...] = ...,
    unless: Unless | None = ...,
) -> Callable[[Callable[[A, Criteria], Verdict]], Check]: ...
@overload
def check(
    id_: str,
    title: str,
    *,
    group: str,
    severity: Severity,
    reads: tuple[Source[A], Source[B]],
    one_is_enough: tuple[Source[Any], ...] = ...,
    unless: Unless | None = ...,
) -> Callable[[Callable[[A, B, Criteria], Verdict]], Check]: ...
@overload
def check(
    id_: str,
    title: str,
    *,
    group: str,
    severity: Severity,
    reads: tuple[Source[A], Source[B], Source[C]],
    one_is_enough: tuple[Source[Any], ...] = ...,
    unless: Unless | None = ...,
) -> Callable[[Callable[[A, B, C, Criteria], Verdict]], Check]: ...
@overload
def check(
    id_: str,
    title: str,
    *,
    group: str,
    severity: Severity,
    reads: tuple[Source[A], Source[B], Source[C], Source[D]],
    one_is_enough: tuple[Source[Any], ...] = ...,
    unless: Unless | None = ...,
) -> Callable[[Callable[[A, B, C, D, Criteria], Verdict]], Check]: ...
def check(
    id_: str,
    title: str,
    *,
    group: str,
    severity: Severity,
    reads: tuple[Source[Any], ...],
    one_is_enough: tuple[Source[Any], ...] = (),
    unless: Unless | None = None,
) -> Callable[[Callable[..., Verdict]], Check]:
    """Make a check of a function that takes the value of each source in `reads`, then the `Criteria`.

    With `unless`, KEY must be among `reads`.
    """

    def decorate(function: Callable[..., Verdict]) -> Check:
        return Check(id_, title, group, severity, reads, one_is_enough, function, unless)

    return decorate


def weighing_check(
    id_: str, title: str, *, group: str, severity: Severity, weighs: tuple[Source[Any], ...]
) -> Callable[[Callable[[Facts, Criteria], Verdict]], Check]:
    """Make a check of a function that takes the facts of `weighs` by name, as far as there are any.

    The function must judge nothing that was not read in full, and is to answer NOT_ASSESSED when too little was.
    """

    def decorate(function: Callable[[Facts, Criteria], Verdict]) -> Check:
        return Check(id_, title, group, severity, (), (), function, weighs=weighs)

    return decorate


def run_checks(checks: Iterable[Check], facts: Facts, criteria: Criteria) -> tuple[Finding, ...]:
    """Return exactly one finding a check, in the order of `checks`."""
    return tuple(run_check(each, facts, criteria) for each in checks)


def run_check(check_: Check, facts: Facts, criteria: Criteria) -> Finding:
    """Run one check on the facts it reads, or say which of them could not be read.

    A fact that was read in part supports nothing: only an exception found in a source of `one_is_enough` stands.
    """
    if check_.weighs:
        return _weigh(check_, facts, criteria)
    if exempt := _exempt(check_, facts):
        return exempt
    read = [facts.get(source.name, _not_asked(source)) for source in check_.reads]
    missing = tuple(fact for fact in read if isinstance(fact, Missing))
    have = [fact for fact in read if isinstance(fact, Have)]
    evidence = tuple(dict.fromkeys(id_ for fact in read for id_ in fact.proof))
    if missing:
        seen = "; ".join(dict.fromkeys(f"{each.operation}: {each.reason}" for each in missing))
        return Finding(check_.id, Result.NOT_ASSESSED, seen, evidence=evidence, missing=missing)
    gaps = tuple(
        f"{source.title}: {gap}" for source, fact in zip(check_.reads, have, strict=True) for gap in fact.coverage.gaps
    )
    partial = {
        s.name for s, f in zip(check_.reads, have, strict=True) if f.coverage.completeness is Completeness.PARTIAL
    }
    if partial - {source.name for source in check_.one_is_enough}:
        return Finding(check_.id, Result.NOT_ASSESSED, "; ".join(gaps), evidence=evidence, gaps=gaps)
    verdict = check_.function(*(fact.value for fact in have), criteria)
    if partial and verdict.result is not Result.FAIL:
        seen = "; ".join((f"in the part that was read: {verdict.seen}", *gaps))
        return Finding(
            check_.id, Result.NOT_ASSESSED, seen, population=verdict.population, evidence=evidence, gaps=gaps
        )
    return Finding(
        check_.id, verdict.result, verdict.seen, verdict.observations, verdict.population, evidence, gaps=gaps
    )


def _weigh(check_: Check, facts: Facts, criteria: Criteria) -> Finding:
    given = {source.name: facts[source.name] for source in check_.weighs if source.name in facts}
    verdict = check_.function(given, criteria)
    lacking = verdict.result is Result.NOT_ASSESSED
    return Finding(
        check_.id,
        verdict.result,
        verdict.seen,
        verdict.observations,
        verdict.population,
        evidence=tuple(dict.fromkeys(id_ for fact in given.values() for id_ in fact.proof)),
        missing=tuple(
            fact for fact in given.values() if lacking and isinstance(fact, Missing) and fact.reason != NOT_ASKED
        ),
    )


def _exempt(check_: Check, facts: Facts) -> Finding | None:
    key = facts.get(KEY.name)
    if check_.unless is None or not isinstance(key, Have):
        return None
    verdict = check_.unless(key.value)
    return None if verdict is None else Finding(check_.id, verdict.result, verdict.seen, evidence=key.proof)


def _not_asked(source: Source[Any]) -> Missing:
    return Missing(source.name, "not collected", f"this snapshot holds no {source.title.lower()}", "collect again")
