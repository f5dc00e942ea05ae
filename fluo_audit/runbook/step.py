"""One line of a runbook: what was looked at, how it ended, and the command that puts it right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fluo_audit.errors import ExitCode
from fluo_audit.model.evidence import Missing
from fluo_audit.model.finding import Conclusion, Finding, Result

CONCLUSIONS = {
    Result.PASS: Conclusion.SUPPORTED,
    Result.FAIL: Conclusion.EXCEPTION,
    Result.NOT_ASSESSED: Conclusion.INCONCLUSIVE,
    Result.NOT_APPLICABLE: Conclusion.NOT_APPLICABLE,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What was looked at (`name`), how it ended, and in words what was seen. Texts of AWS and the backend are in it."""

    name: str
    conclusion: Conclusion
    said: str
    milliseconds: int | None = None
    fix: str = ""
    """A command, or empty where none helps."""

    @property
    def is_wrong(self) -> bool:
        """Whether this is not as it should be."""
        return self.conclusion is Conclusion.EXCEPTION


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A troubleshooting tree with its answer: one sentence, the steps, and which of them is the cause."""

    topic: str
    sentence: str
    steps: tuple[Step, ...]

    @property
    def cause(self) -> Step | None:
        """Return the first step that is wrong: steps stand in the order in which one explains the next."""
        return next((step for step in self.steps if step.is_wrong), None)


def good(name: str, said: str, milliseconds: int | None = None) -> Step:
    """It is as it should be."""
    return Step(name, Conclusion.SUPPORTED, said, milliseconds)


def wrong(name: str, said: str, fix: str = "", milliseconds: int | None = None) -> Step:
    """It is not as it should be."""
    return Step(name, Conclusion.EXCEPTION, said, milliseconds, fix)


def beside(name: str, said: str, milliseconds: int | None = None) -> Step:
    """It was not asked, or says nothing here."""
    return Step(name, Conclusion.NOT_APPLICABLE, said, milliseconds)


def unread(name: str, why: str | Missing, milliseconds: int | None = None) -> Step:
    """It could not be read, and is not judged."""
    if isinstance(why, Missing):
        remedy = f"; {why.remedy}" if why.remedy else ""
        why = f"not read: {why.operation}, {why.reason}{remedy}"
    return Step(name, Conclusion.INCONCLUSIVE, why, milliseconds)


def judged(name: str, finding: Finding, fix: str = "", milliseconds: int | None = None) -> Step:
    """Return what a check of the report says, as a step."""
    if finding.missing:
        return unread(name, finding.missing[0], milliseconds)
    fix = fix if finding.result is Result.FAIL else ""
    return Step(name, CONCLUSIONS[finding.result], finding.seen, milliseconds, fix)


def exit_code(steps: Iterable[Step]) -> ExitCode:
    """Return 1 when anything is wrong, else 3 when anything could not be read, else 0."""
    conclusions = {step.conclusion for step in steps}
    if Conclusion.EXCEPTION in conclusions:
        return ExitCode.EXCEPTIONS
    return ExitCode.INCOMPLETE if Conclusion.INCONCLUSIVE in conclusions else ExitCode.OK
