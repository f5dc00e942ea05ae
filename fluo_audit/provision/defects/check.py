"""What a check of a set-up is: what it needs to know, what it answers, and how a defect is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from fluo_audit.provision.defects.set_up import SetUp, Unknown

MODULE = "provision/terraform/aws-kms"
"""Where the corrected module is."""
SHOWN, LONGEST = 6, 80
"""Names that a list shows before it counts the rest; characters of a quoted text."""


class Outcome(StrEnum):
    """How one defect was judged."""

    DEFECT = "defect"
    OK = "ok"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One defect, judged. Texts of AWS and of files are in `seen`: clean them before they are shown."""

    id: str
    title: str
    """What is right."""
    outcome: Outcome
    seen: str
    means: str
    """What follows from the defect."""
    fix: str
    """A command or a variable; for what is not known, how it becomes known; empty when all is well."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check found."""

    outcome: Outcome
    seen: str


@dataclass(frozen=True, slots=True)
class Check:
    """One defect: `judge` is called with the fields it needs, then with those beside them, which may be None."""

    id: str
    title: str
    needs: tuple[str, ...]
    beside: tuple[str, ...]
    means: str
    fix: str
    judge: Callable[..., Answer]

    def review(self, set_up: SetUp) -> Reviewed:
        """Judge a set-up. A defect stands whatever else is not known; all is well only where all of it is known."""
        needed = [getattr(set_up, name) for name in self.needs]
        answer = None
        if not any(value is None for value in needed):
            answer = self.judge(*needed, *(getattr(set_up, name) for name in self.beside))
        if answer is not None and answer.outcome is Outcome.DEFECT:
            return self._reviewed(answer, self.fix)
        gaps = [_gap(set_up, name) for name in self.needs if name in set_up.unknown or getattr(set_up, name) is None]
        if answer is None or gaps:
            return self._reviewed(unclear(gaps[0].why), gaps[0].remedy)
        remedies = [set_up.unknown[name].remedy for name in self.beside if name in set_up.unknown]
        return self._reviewed(answer, next(iter(remedies), "") if answer.outcome is Outcome.NOT_KNOWN else "")

    def _reviewed(self, answer: Answer, fix: str) -> Reviewed:
        return Reviewed(self.id, self.title, answer.outcome, answer.seen, self.means, fix)


_REMEDIES = {
    "module": Unknown("no folder of a module was given", "--module DIR"),
    "outputs": Unknown("no outputs were given", "--terraform-output FILE"),
    "validation_commands": Unknown("no such output was given", "--terraform-output FILE, or --module DIR"),
    "properties": Unknown("no application.properties was given", "--properties FILE"),
    "environment_variables": Unknown(
        "no environment variables were given",
        "--terraform-output FILE, or --properties FILE with environment variables",
    ),
}


def _gap(set_up: SetUp, name: str) -> Unknown:
    return set_up.unknown.get(name) or _REMEDIES.get(name) or Unknown(f"{name.replace('_', ' ')}: not read")


def check(
    id_: str, title: str, *, needs: tuple[str, ...], means: str, fix: str, beside: tuple[str, ...] = ()
) -> Callable[[Callable[..., Answer]], Check]:
    """Make a check of a function."""

    def made(judge: Callable[..., Answer]) -> Check:
        return Check(id_, title, needs, beside, means, fix, judge)

    return made


def defect(seen: str) -> Answer:
    """It has the defect."""
    return Answer(Outcome.DEFECT, seen)


def ok(seen: str) -> Answer:
    """It is right."""
    return Answer(Outcome.OK, seen)


def unclear(seen: str) -> Answer:
    """What is known does not settle it."""
    return Answer(Outcome.NOT_KNOWN, seen)


# --- words -------------------------------------------------------------------------------------------------------


def listed(texts: Iterable[str]) -> str:
    """Return some texts, and how many more there are."""
    found = list(dict.fromkeys(texts))
    if len(found) <= SHOWN + 1:
        return ", ".join(found)
    return f"{', '.join(found[:SHOWN])} and {len(found) - SHOWN} more"


def short(arn: str) -> str:
    """Return what people call a role, such as role/fluo-backend."""
    return arn.rsplit(":", 1)[-1]


def shortened(text: str) -> str:
    """Return the begin of a text."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def number_of(count: int, noun: str) -> str:
    """Return "1 alarm" or "2 alarms"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
