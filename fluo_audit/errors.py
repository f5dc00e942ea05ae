"""Every error the tool raises on purpose, and the exit code each ends with.

::

    FluoAuditError            5   could not run: says where, what, and what to do next
    ├── UsageError            2   a flag, a setting or a file of the user's is wrong
    ├── IntegrityError        4   evidence is not what its manifest says
    ├── CredentialsError      5   no AWS credentials, or expired ones
    ├── KeyNotFoundError      5   the key does not exist, or several match
    ├── RefusedError          5   an operation the tool does not do
    │   └── ScanLimitError    5   a query that would read, and cost, more than allowed
    └── OutputError           5   the result could not be written

A failed read is not an error: it becomes `fluo_audit.model.evidence.Missing`, a value with a reason.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The one exit-code table, for every command. Precedence: 4 > 5 > 1 > 3 > 0."""

    OK = 0
    EXCEPTIONS = 1
    USAGE = 2
    INCOMPLETE = 3
    INTEGRITY = 4
    COULD_NOT_RUN = 5
    BUG = 70

    @property
    def meaning(self) -> str:
        """Return what the code tells a script, in one line."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "done; everything supported and complete; no changes pending",
    ExitCode.EXCEPTIONS: "exceptions, drift, or changes pending (wins over 3)",
    ExitCode.USAGE: "usage",
    ExitCode.INCOMPLETE: "evidence incomplete: at least one input could not be read",
    ExitCode.INTEGRITY: "integrity failure (verify)",
    ExitCode.COULD_NOT_RUN: "could not run: no credentials, key not found or ambiguous, refused, network",
    ExitCode.BUG: "a bug: the message says so and where the report of it lies",
}


class FluoAuditError(Exception):
    """An error that ends the command: what happened and where, and what to do next."""

    exit_code = ExitCode.COULD_NOT_RUN

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(FluoAuditError):
    """A flag, a setting or a file of the user's is wrong."""

    exit_code = ExitCode.USAGE


class IntegrityError(FluoAuditError):
    """Evidence is not what its manifest says."""

    exit_code = ExitCode.INTEGRITY


class CredentialsError(FluoAuditError):
    """No AWS credentials were found, or they are expired or not valid."""


class KeyNotFoundError(FluoAuditError):
    """The key does not exist in this account and Region, or several match."""


class ReadFailedError(FluoAuditError):
    """AWS gave no answer to a read without which the command has nothing to say."""


class RefusedError(FluoAuditError):
    """An operation the tool does not do, refused before anything was sent."""


class ScanLimitError(RefusedError):
    """A query that would read more bytes, and cost more, than the user allows."""


class OutputError(FluoAuditError):
    """The result could not be written."""
