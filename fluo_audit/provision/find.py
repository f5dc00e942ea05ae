"""Find the one key that a name means, and say by what it was found."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass

from fluo_audit.aws.door import DENIED, INVALID_CREDENTIALS, NO_CREDENTIALS, Reader, ReadError
from fluo_audit.errors import CredentialsError, FluoAuditError, KeyNotFoundError, UsageError
from fluo_audit.model.evidence import Missing

KEY_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):key/(?P<id>[\w-]+)")
ALIAS_ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:(?P<alias>alias/.+)")
KEY_ID = re.compile(r"(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class FoundKey:
    """The key, and the name it was found by."""

    arn: str
    found_by: str

    @property
    def account(self) -> str:
        """Return the account of the key."""
        return self.arn.split(":")[4]

    @property
    def region(self) -> str:
        """Return the Region of the key."""
        return self.arn.split(":")[3]


def region_of(name: str) -> str:
    """Return the Region that a key ARN or alias ARN names, or empty text."""
    match = KEY_ARN.fullmatch(name) or ALIAS_ARN.fullmatch(name)
    return match["region"] if match else ""


def from_arn(name: str) -> FoundKey | None:
    """Return the key that a full key ARN names, without asking anybody."""
    return FoundKey(name, "its ARN") if KEY_ARN.fullmatch(name) else None


def find_key(read: Reader, region: str, name: str = "", environment: str = "") -> FoundKey:
    """Return the one key of `name` (key id, key ARN, alias, alias ARN, alias pattern), or of the environment.

    Raises KeyNotFoundError when there is none or several, CredentialsError when AWS does not know the caller.
    """
    if name and environment and not name.endswith(f"fluo-{environment}"):
        raise UsageError(
            f"--key {name} and --environment {environment} are two ways to name the key",
            "give one of them",
        )
    if KEY_ARN.fullmatch(name) or KEY_ID.fullmatch(name):
        return _by_id(read, region, name)
    return _by_alias(read, region, _alias_pattern(name, environment), name if ALIAS_ARN.fullmatch(name) else "")


def _by_id(read: Reader, region: str, name: str) -> FoundKey:
    try:
        answer = read.call("kms", "DescribeKey", ("KeyMetadata.Arn",), KeyId=name)
    except ReadError as error:
        if error.missing.reason in DENIED and (known := from_arn(name)):
            return known  # the collector states that DescribeKey was denied
        raise _not_found(error.missing, name, region) from error
    return FoundKey(answer["KeyMetadata"]["Arn"], "its ARN" if name.startswith("arn:") else "its key id")


def _by_alias(read: Reader, region: str, pattern: str, arn: str) -> FoundKey:
    """Return the key of the alias: of any account's when an ARN is given, so that it must be that very one."""
    named = ("AliasName", "AliasArn")
    try:
        aliases = list(read.pages("kms", "ListAliases", "Aliases", token=("Marker", "NextMarker"), each=named))
    except ReadError as error:
        raise _not_found(error.missing, pattern, region) from error
    targets = {
        alias["AliasName"]: alias
        for alias in aliases
        if alias.get("TargetKeyId")
        and fnmatch.fnmatchcase(alias["AliasName"], pattern)
        and arn in {"", alias["AliasArn"]}
    }
    keys = {alias["TargetKeyId"] for alias in targets.values()}
    if not keys:
        raise KeyNotFoundError(
            f"no alias {arn or pattern} in {region}", "name the key with --key or --environment, or another --region"
        )
    if len(keys) > 1:
        listed = ", ".join(f"{name} ({alias['TargetKeyId']})" for name, alias in sorted(targets.items()))
        raise KeyNotFoundError(f"{pattern} matches {len(keys)} keys in {region}: {listed}", "name one with --key")
    name, alias = min(targets.items())
    return FoundKey(f"{alias['AliasArn'].rsplit(':', 1)[0]}:key/{alias['TargetKeyId']}", name)


def _alias_pattern(name: str, environment: str) -> str:
    if match := ALIAS_ARN.fullmatch(name):
        return match["alias"]
    if name:
        return name if name.startswith("alias/") else f"alias/{name}"
    return f"alias/fluo-{environment}" if environment else "alias/fluo-*"


def _not_found(missing: Missing, name: str, region: str) -> FluoAuditError:
    detail = f"{missing.operation} answered {missing.reason}: {missing.message}"
    if missing.reason in INVALID_CREDENTIALS or missing.reason == NO_CREDENTIALS:
        return CredentialsError(
            f"AWS did not accept the credentials. {detail}", "renew them, or choose another --profile"
        )
    if missing.reason in {"NotFoundException", "InvalidArnException", "ValidationException"}:
        hint = f"check the name and the Region ({region}): a key lives in one Region"
        return KeyNotFoundError(f"no key {name} in {region}", hint)
    return FluoAuditError(f"{name} could not be looked up in {region}. {detail}", missing.remedy)
