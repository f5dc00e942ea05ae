"""Ask AWS what is there: each question once, "it does not exist" as an answer, everything else unread with a reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fluo_audit.aws.door import Reader, ReadError
from fluo_audit.provision.key_name import KEY_ARN
from fluo_audit.provision.resource import Place


class Look:
    """Reads for planning. Raises `ReadError` for what could not be read."""

    def __init__(self, read: Reader, place: Place) -> None:
        self._read = read
        self.place = place
        self._answers: dict[str, Any] = {}

    def ask(
        self,
        service: str,
        operation: str,
        *,
        absent: tuple[str, ...] = (),
        expect: tuple[str, ...] = (),
        region: str = "",
        **parameters: Any,
    ) -> Any:
        """Return AWS's answer, or None when it is one of the error codes that mean "there is none"."""
        key = json.dumps([service, operation, region, parameters], sort_keys=True)
        if key not in self._answers:
            try:
                self._answers[key] = self._read.call(service, operation, expect, region=region, **parameters)
            except ReadError as error:
                if error.missing.reason not in absent:
                    raise
                self._answers[key] = None
        return self._answers[key]

    def pages(
        self,
        service: str,
        operation: str,
        items: str,
        *,
        token: tuple[str, str] = ("NextToken", "NextToken"),
        absent: tuple[str, ...] = (),
        region: str = "",
        **parameters: Any,
    ) -> list[Mapping[str, Any]] | None:
        """Return every item of every page, or None when there is nothing to list."""
        key = json.dumps([service, operation, region, parameters], sort_keys=True)
        if key not in self._answers:
            try:
                found = self._read.pages(service, operation, items, token=token, region=region, **parameters)
                self._answers[key] = list(found)
            except ReadError as error:
                if error.missing.reason not in absent:
                    raise
                self._answers[key] = None
        answer: list[Mapping[str, Any]] | None = self._answers[key]
        return answer

    def aliases(self, region: str = "") -> dict[str, str]:
        """Return every alias of a Region that points at a key -> the key's id."""
        listed = self.pages("kms", "ListAliases", "Aliases", token=("Marker", "NextMarker"), region=region) or []
        return {one["AliasName"]: one["TargetKeyId"] for one in listed if one.get("TargetKeyId")}

    def tagged_keys(self, tags: Mapping[str, str]) -> list[str]:
        """Return the ARNs of the KMS keys that carry all the tags."""
        key = json.dumps(["tagged", tags], sort_keys=True)
        if key not in self._answers:
            self._answers[key] = tagged_keys(self._read, tags)
        answer: list[str] = self._answers[key]
        return answer


def tagged_keys(read: Reader, tags: Mapping[str, str]) -> list[str]:
    """Return the ARNs of the KMS keys that carry all the tags. Raises ReadError.

    The index behind it follows within minutes, so a key made a moment ago may be missing:
    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/overview.html
    """
    listed = read.pages(
        "resourcegroupstaggingapi", "GetResources", "ResourceTagMappingList",
        token=("PaginationToken", "PaginationToken"), each=("ResourceARN",),
        TagFilters=[{"Key": name, "Values": [value]} for name, value in tags.items()],
        ResourceTypeFilters=["kms:key"],
    )  # fmt: skip
    return sorted({one["ResourceARN"] for one in listed if KEY_ARN.fullmatch(one["ResourceARN"])})
