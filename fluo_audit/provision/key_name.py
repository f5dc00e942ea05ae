"""How the key is called: the forms its name may have, and the place where somebody wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fluo_audit.errors import UsageError

KEY_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):key/(?P<id>[\w-]+)")
ALIAS_ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:(?P<alias>alias/.+)")
KEY_ID = re.compile(r"(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_ALIAS = re.compile(r"(arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:)?alias/[A-Za-z0-9/_-]{1,250}")


@dataclass(frozen=True, slots=True)
class KeyName:
    """What one place calls the key: a key id, key ARN, alias or alias ARN; or empty, and `reason` says why."""

    value: str
    file: str
    place: str = ""
    region: str = ""
    """The Region that is written beside the name; an ARN has its own."""
    reason: str = ""

    @property
    def source(self) -> str:
        """Return file and place."""
        return f"{self.file}: {self.place}" if self.place else self.file

    @property
    def home(self) -> str:
        """Return the Region that the name says the key lives in, or empty text."""
        return region_of(self.value) or self.region


def key_name(value: str, file: str, place: str, region: str = "") -> KeyName:
    """Return a name that was read from a file.

    Raises UsageError when it has the form of no name that KMS takes, or lies in another Region than the one beside it.
    The message never repeats what the file says: the value may be a secret that went astray.
    """
    if not any(form.fullmatch(value) for form in (KEY_ARN, KEY_ID, _ALIAS)):
        raise UsageError(
            f"{file}: {place} is not the name of a KMS key",
            "a name is a key ARN, a key id, an alias (alias/...) or an alias ARN",
        )
    if region and not REGION.fullmatch(region):
        raise UsageError(f"{file}: the Region beside {place} is not a Region of AWS", "write it like us-east-1")
    if region and region_of(value) not in {"", region}:
        raise UsageError(f"{file}: {place} lies in another Region than {region}, which stands beside it", "correct it")
    return KeyName(value, file, place, region)


def region_of(name: str) -> str:
    """Return the Region that a key ARN or alias ARN names, or empty text."""
    match = KEY_ARN.fullmatch(name) or ALIAS_ARN.fullmatch(name)
    return match["region"] if match else ""


def key_id_of(name: str) -> str:
    """Return the key id in a key ARN: the same for a multi-Region key and its replicas. Otherwise empty text."""
    match = KEY_ARN.fullmatch(name)
    return match["id"] if match else ""


def region_named(names: Iterable[KeyName]) -> str:
    """Return the Region of the first name that says one, or empty text."""
    return next((name.home for name in names if name.home), "")


def names_in(region: str, names: Iterable[KeyName]) -> tuple[KeyName, ...]:
    """Return the names without those of replicas elsewhere, in files that also name the same key in `region`."""
    listed = tuple(names)
    here = {(name.file, key_id_of(name.value)) for name in listed if name.home == region}
    return tuple(name for name in listed if name.home in {"", region} or (name.file, key_id_of(name.value)) not in here)
