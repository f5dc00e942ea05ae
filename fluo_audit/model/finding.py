"""What a check said about facts, and what that means for a control."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fluo_audit.model.evidence import Missing


class Result(StrEnum):
    """The outcome of one check."""

    PASS = "pass"  # noqa: S105, an outcome and no password
    FAIL = "fail"
    NOT_ASSESSED = "not_assessed"
    NOT_APPLICABLE = "not_applicable"


class Severity(StrEnum):
    """How much an exception of a check matters."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Conclusion(StrEnum):
    """What the evidence says about a control, or about one test. Never "compliant": that is an auditor's word."""

    SUPPORTED = "supported"
    EXCEPTION = "exception"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Observation:
    """One exception to a check: what, when, who, and the id of the record that shows it."""

    fact: str
    at: str = ""
    by: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check answers: a result, what was seen in one line, and every exception it found."""

    result: Result
    seen: str
    observations: tuple[Observation, ...] = ()
    population: str = ""
    """How many records were judged, out of how many, such as "4 of 4 rotations"."""


def passed(seen: str, *, population: str = "") -> Verdict:
    """The facts are as they should be."""
    return Verdict(Result.PASS, seen, population=population)


def failed(seen: str, *observations: Observation, population: str = "") -> Verdict:
    """The facts show an exception."""
    return Verdict(Result.FAIL, seen, observations, population)


def not_applicable(seen: str) -> Verdict:
    """The check has nothing to judge on this key, and that is a fact that was read."""
    return Verdict(Result.NOT_APPLICABLE, seen)


def undeclared(setting: str) -> Verdict:
    """The organisation did not declare what the facts should be compared with."""
    return Verdict(Result.NOT_ASSESSED, f"not declared: set {setting} under [baseline] in fluo-audit.toml")


def unread(operation: str, field: str) -> Verdict:
    """AWS answered, but without the field the check needs."""
    return Verdict(Result.NOT_ASSESSED, f"{operation} answered without {field}")


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check in one run: every check gives exactly one."""

    check_id: str
    result: Result
    seen: str
    observations: tuple[Observation, ...] = ()
    population: str = ""
    evidence: tuple[str, ...] = ()
    """Ids of the calls behind the facts that the check read."""
    missing: tuple[Missing, ...] = ()
    """Why it was not assessed, when facts could not be read."""
    gaps: tuple[str, ...] = ()
    """Why it was not assessed, when facts were read in part."""
