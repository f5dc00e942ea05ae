"""What can be asked of a bucket. Who answers is another matter: S3 (`fluo_audit.aws.s3`), a folder, or a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

LARGEST = 512 * 2**20
"""Bytes. CloudTrail begins a new log file long before."""
TOO_LARGE = "too large"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One line of a listing. `etag` changes when the content does."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class FetchedObject:
    """The stored bytes of an object, as S3 keeps them, and its user metadata with names in lower case."""

    body: bytes
    metadata: Mapping[str, str]


class ObjectError(Exception):
    """An object, or a listing, that could not be read.

    `code` is AWS's error code, or a short cause of our own.
    """

    def __init__(self, api: str, code: str, message: str) -> None:
        super().__init__(f"{api}: {code}: {message}")
        self.api = api
        self.code = code
        self.message = message

    @property
    def is_gone(self) -> bool:
        """Return whether there is no such object."""
        return self.code in {"NoSuchKey", "404", "NotFound"}


class Objects(Protocol):
    """A bucket that can be read. Both methods may be called from several threads at once."""

    @property
    def bucket(self) -> str:
        """Return the name of the bucket."""
        ...

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Give the objects below a prefix in order of their keys. Raises ObjectError."""
        ...

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Return the names of the folders directly below a prefix that ends with /. Raises ObjectError."""
        ...

    def get(self, key: str) -> FetchedObject:
        """Return an object. Raises ObjectError, also for one that is larger than any log file."""
        ...
