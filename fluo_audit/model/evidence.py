"""Evidence: what was asked of AWS, what came back, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Generic, TypeAlias, TypeVar

from fluo_audit.model.scope import Period

T_co = TypeVar("T_co", covariant=True)


class Completeness(StrEnum):
    """How much of a source was read."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NOT_COLLECTED = "not collected"


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request to AWS and its answer, error answers included: the sheet an auditor needs about a piece of evidence.

    `request_id` is the id under which the account's own CloudTrail recorded this very read, so an auditor
    can find our extraction in the entity's log. `server_date` is the answer's `Date` header.
    """

    id: str
    """Evidence id, such as E07: stable within a snapshot. The pages of one read share it."""
    page: int
    """Number of the page, from 1."""
    source: str
    """Name of the source this call was made for."""
    service: str
    operation: str
    api_version: str
    region: str
    endpoint: str
    parameters: Mapping[str, Any]
    requested_at: str
    """UTC, ISO 8601, milliseconds."""
    server_date: str
    request_id: str
    status: int
    """HTTP status; 0 when no answer arrived."""
    error_code: str
    error_message: str
    attempts: int
    file: str
    """Path of the verbatim answer, relative to the snapshot; empty when no answer arrived."""
    size: int
    sha256: str

    @property
    def api(self) -> str:
        """Return the operation as IAM and CloudTrail name it, such as kms:DescribeKey."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One read with all its pages: what an evidence id stands for."""

    id: str
    pages: tuple[ApiCall, ...]

    @property
    def first(self) -> ApiCall:
        """Return the first page, which carries the request as it was made."""
        return self.pages[0]

    @property
    def last(self) -> ApiCall:
        """Return the last page, which carries the error of a read that broke off."""
        return self.pages[-1]

    @property
    def size(self) -> int:
        """Return the bytes of all pages."""
        return sum(page.size for page in self.pages)

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the stored answer; of several pages, that of their lines in the snapshot's manifest."""
        stored = [page for page in self.pages if page.file]
        if len(stored) <= 1:
            return stored[0].sha256 if stored else ""
        return sha256("".join(f"{page.sha256}  {page.file}\n" for page in stored).encode()).hexdigest()


def evidence_items(calls: Iterable[ApiCall]) -> tuple[EvidenceItem, ...]:
    """Return the calls put together by evidence id, in order."""
    pages: dict[str, list[ApiCall]] = {}
    for call in calls:
        pages.setdefault(call.id, []).append(call)
    return tuple(EvidenceItem(id_, tuple(found)) for id_, found in pages.items())


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was asked for, what came back, and the gaps between the two, in words and numbers.

    A source is complete only when `gaps` is empty.
    """

    asked: str
    covered: str
    records: int
    gaps: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    period: Period | None = None
    """The time that was read, for sources that have one; None when nothing of the period was."""

    @property
    def completeness(self) -> Completeness:
        """Return COMPLETE without gaps, otherwise PARTIAL."""
        return Completeness.PARTIAL if self.gaps else Completeness.COMPLETE


@dataclass(frozen=True, slots=True)
class Have(Generic[T_co]):
    """A fact that was read, with the ids of the calls that prove it."""

    value: T_co
    proof: tuple[str, ...]
    coverage: Coverage


NOT_ASKED = "not asked"
"""The reason of a fact that this way of collecting does not ask for: nothing failed by it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that could not be read, and why. It is never judged."""

    operation: str
    """The operation that failed, such as kms:GetKeyPolicy."""
    reason: str
    """AWS's error code, or a short cause such as "no credentials"."""
    message: str = ""
    remedy: str = ""
    """What to do next: the IAM action to grant, the setting to make."""
    proof: tuple[str, ...] = ()


Fact: TypeAlias = Have[T_co] | Missing


@dataclass(frozen=True, slots=True)
class Source(Generic[T_co]):
    """The name of a fact and what it holds. `T_co` is the type of the value a check receives."""

    name: str
    title: str
    columns: Mapping[str, str] | None = None
    """Column name to dtype for a frame; None for a single value."""
    on_demand: bool = False
    """Only some ways of collecting ask for it."""


def was_asked(source: Source[Any], fact: Fact[Any] | None) -> bool:
    """Return whether the collection that gave this fact, or none, asked for the source."""
    if fact is None:
        return not source.on_demand
    return not (isinstance(fact, Missing) and fact.reason == NOT_ASKED)
