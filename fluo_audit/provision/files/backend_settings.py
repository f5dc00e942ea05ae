"""What the backend's configuration says about its key, whichever kind of file it is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fluo_audit.provision.key_name import KeyName, key_name

KEY, REGION, PROVIDER = "aws.kms.master-key-id", "aws.kms.region", "fluo.kms.provider"
PROPERTIES = (KEY, REGION, PROVIDER)
LONGEST = 2048
"""Characters of a KeyId: https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of the configuration and the name it stands under; or empty, and `reason` says why."""

    value: str
    place: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """The few settings that are read; whatever else a file holds is dropped at once."""

    file: str
    key: Setting
    region: Setting
    provider: Setting

    def key_name(self) -> KeyName:
        """Return the name of the key that the backend uses, or why there is none. Raises UsageError."""
        if self.provider.value.lower() not in {"", "aws"}:
            return KeyName("", self.file, self.provider.place, reason="not aws: the backend uses no KMS key")
        if not self.key.value:
            return KeyName("", self.file, self.key.place, reason=self.key.reason)
        return key_name(self.key.value, self.file, self.key.place, self.region.value)


def stated(values: Mapping[str, str | None], place: str, default_after: str) -> Setting:
    """Return the value under the name `place`; an expression such as ${NAME:default} counts with its default alone.

    What the expression means elsewhere depends on the machine the backend runs on, which is not this one.
    `default_after` is what separates name and default.
    """
    if (raw := values.get(place)) is None:
        return Setting("", place, "without a value" if place in values else "not there")
    if (value := _without_expressions(raw.strip(), default_after)) is None:
        return Setting("", place, "an expression without a default")
    return Setting(value, place, "" if value else "empty")


def _without_expressions(text: str, default_after: str) -> str | None:
    if len(text) > LONGEST:
        return text
    innermost = re.compile(rf"\$\{{[^${{}}:]*(?:{re.escape(default_after)}(?!:)([^${{}}]*))?\}}")
    while match := innermost.search(text):
        if match[1] is None:
            return None
        text = text[: match.start()] + match[1] + text[match.end() :]
    return None if "$" in text else text
