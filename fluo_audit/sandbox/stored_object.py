"""An object in a simulated bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as S3 keeps it."""

    key: str
    body: bytes
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """Return the entity tag. That of an encrypted object is no MD5 sum of its body."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'
