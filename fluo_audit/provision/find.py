"""Find the one key that every given name means, and say by what it was found."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from fluo_audit.aws.door import DENIED, INVALID_CREDENTIALS, NO_CREDENTIALS, Reader, ReadError
from fluo_audit.errors import CredentialsError, FluoAuditError, KeyNotFoundError, UsageError
from fluo_audit.model.evidence import Missing
from fluo_audit.provision.desired import PURPOSE
from fluo_audit.provision.key_name import ALIAS_ARN, KEY_ARN, KEY_ID, KeyName
from fluo_audit.provision.look import tagged_keys

ANY_ALIAS = "alias/fluo-*"


@dataclass(frozen=True, slots=True)
class Said:
    """What one source says the key is: its ARN, or empty, and `reason` says why."""

    source: str
    arn: str = ""
    reason: str = ""
    hint: str = ""
    wrong: bool = False
    """Whether the source names a key that cannot be meant, and not just none that could be read."""
    label: str = ""
    """What the key is found by, in short."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """The key, and the names it was found by."""

    arn: str
    found_by: str
    said: tuple[Said, ...] = field(default=(), compare=False)
    """Every source, those too that did not say."""

    @property
    def account(self) -> str:
        """Return the account of the key."""
        return self.arn.split(":")[4]

    @property
    def region(self) -> str:
        """Return the Region of the key."""
        return self.arn.split(":")[3]


class _NotReadError(FluoAuditError):
    """The look-up itself failed: nothing is known about the name."""


def from_arn(name: str) -> FoundKey | None:
    """Return the key that a full key ARN names, without asking anybody."""
    return FoundKey(name, "its ARN") if KEY_ARN.fullmatch(name) else None


def find_key(
    read: Reader, region: str, name: str = "", environment: str = "", written: Sequence[KeyName] = ()
) -> FoundKey:
    """Return the one key that all sources mean: `name` or the environment, and what files say (`written`).

    `name` is a key id, key ARN, alias, alias ARN or alias pattern; an environment is its alias, or else its tags.
    Without any source it is the only key with an alias fluo-*, or else with FLUO's tag. A source that could not be
    read, or says nothing, is kept in `FoundKey.said` with the reason while another one names the key.

    Raises KeyNotFoundError when there is no key, or several, or the sources disagree; CredentialsError when AWS does
    not know the caller.
    """
    if name and environment and not name.endswith(f"fluo-{environment}"):
        raise UsageError(
            f"--key {name} and --environment {environment} are two ways to name the key",
            "give one of them",
        )
    if not written:
        found = _look_up(read, region, name, environment)
        return replace(found, said=(Said(found.found_by, found.arn),))
    return agreed(_all_said(region, name, environment, written, lambda *asked: _look_up(read, region, *asked)))


def find_unasked(region: str, name: str, environment: str, written: Sequence[KeyName]) -> FoundKey:
    """Return the one key that the sources name by a full ARN, without asking AWS. Raises like `find_key`."""

    def known(value: str, _: str) -> FoundKey:
        if found := from_arn(value):
            return found
        raise _NotReadError("not looked up: no AWS credentials", "name the key by its full ARN, or give credentials")

    said = _all_said(region, name, environment, written, known)
    if not any(one.arn for one in said):
        raise CredentialsError(
            "without AWS credentials the key can only be named by its full ARN", "give --key arn:aws:kms:..."
        )
    return agreed(said)


def _all_said(
    region: str, name: str, environment: str, written: Sequence[KeyName], look_up: Callable[[str, str], FoundKey]
) -> list[Said]:
    """Return what each source says; `look_up` takes a name, or none and an environment."""
    said = [_said(each, region, lambda value: look_up(value, "")) for each in written]
    if name:
        said.insert(0, _said(KeyName(name, "--key"), region, lambda value: look_up(value, "")))
    elif environment:
        asked = KeyName(f"alias/fluo-{environment}", f"--environment {environment}")
        said.insert(0, _said(asked, region, lambda _: look_up("", environment)))
    return said


def _said(name: KeyName, region: str, look_up: Callable[[str], FoundKey]) -> Said:
    if not name.value:
        return Said(name.source, reason=name.reason)
    if name.home not in {"", region}:
        arn = name.value if KEY_ARN.fullmatch(name.value) else ""
        return Said(name.source, arn, f"names {name.value}, a key in {name.home} and not in {region}", wrong=True)
    try:
        found = look_up(name.value)
    except KeyNotFoundError as error:
        return Said(name.source, reason=error.message, hint=error.hint, wrong=True)
    except _NotReadError as error:
        return Said(name.source, reason=error.message, hint=error.hint)
    return Said(name.source, found.arn, label=name.file if name.place else found.found_by)


def agreed(said: Sequence[Said]) -> FoundKey:
    """Return the key that every source that names one names. Raises KeyNotFoundError that lists what each says."""
    keys = {one.arn for one in said if one.arn}
    listed = "; ".join(f"{one.source} names {one.arn}" if one.arn else f"{one.source}: {one.reason}" for one in said)
    hint = next((one.hint for one in said if one.hint), "")
    if not keys:
        raise KeyNotFoundError(f"no source names the key: {listed}", hint or "name the key with --key")
    if len(keys) > 1 or any(one.wrong for one in said):
        raise KeyNotFoundError(
            f"the sources do not name one key: {listed}", "correct the source that is wrong, or leave it out"
        )
    labels = dict.fromkeys(one.label for one in said if one.arn)
    return FoundKey(keys.pop(), ", ".join(labels) + (" (agree)" if len(labels) > 1 else ""), tuple(said))


def _look_up(read: Reader, region: str, name: str, environment: str) -> FoundKey:
    if KEY_ARN.fullmatch(name) or KEY_ID.fullmatch(name):
        return _by_id(read, region, name)
    pattern = _alias_pattern(name, environment)
    if found := _by_alias(read, region, pattern, name if ALIAS_ARN.fullmatch(name) else ""):
        return found
    none = f"no alias {name if ALIAS_ARN.fullmatch(name) else pattern} in {region}"
    if name:
        raise KeyNotFoundError(none, "name the key with --key or --environment, or another --region")
    return _by_tags(read, region, environment, none)


def _by_id(read: Reader, region: str, name: str) -> FoundKey:
    try:
        answer = read.call("kms", "DescribeKey", ("KeyMetadata.Arn",), KeyId=name)
    except ReadError as error:
        if error.missing.reason in DENIED and (known := from_arn(name)):
            return known  # the collector states that DescribeKey was denied
        raise _not_found(error.missing, name, region) from error
    return FoundKey(answer["KeyMetadata"]["Arn"], "its ARN" if name.startswith("arn:") else "its key id")


def _by_alias(read: Reader, region: str, pattern: str, arn: str) -> FoundKey | None:
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
        return None
    if len(keys) > 1:
        listed = ", ".join(f"{name} ({alias['TargetKeyId']})" for name, alias in sorted(targets.items()))
        raise KeyNotFoundError(f"{pattern} matches {len(keys)} keys in {region}: {listed}", "name one with --key")
    name, alias = min(targets.items())
    return FoundKey(f"{alias['AliasArn'].rsplit(':', 1)[0]}:key/{alias['TargetKeyId']}", name)


def _by_tags(read: Reader, region: str, environment: str, tried: str) -> FoundKey:
    """Return the key with the tags that this tool and the Terraform module put on it."""
    tags = {"Purpose": PURPOSE} | ({"Environment": environment} if environment else {})
    shown = ", ".join(f"{name}={value}" for name, value in tags.items())
    try:
        arns = tagged_keys(read, tags)
    except ReadError as error:
        raise _not_found(error.missing, f"{tried}, and the key tagged {shown}", region) from error
    if not arns:
        hint = "name the key with --key or --environment, or another --region"
        raise KeyNotFoundError(f"{tried}, and no key there is tagged {shown}", hint)
    if len(arns) > 1:
        raise KeyNotFoundError(
            f"{tried}, and {len(arns)} keys there are tagged {shown}: {', '.join(arns)}", "name one with --key"
        )
    return FoundKey(arns[0], f"tags {shown}")


def _alias_pattern(name: str, environment: str) -> str:
    if match := ALIAS_ARN.fullmatch(name):
        return match["alias"]
    if name:
        return name if name.startswith("alias/") else f"alias/{name}"
    return f"alias/fluo-{environment}" if environment else ANY_ALIAS


def _not_found(missing: Missing, name: str, region: str) -> FluoAuditError:
    detail = f"{missing.operation} answered {missing.reason}: {missing.message}"
    if missing.reason in INVALID_CREDENTIALS or missing.reason == NO_CREDENTIALS:
        return CredentialsError(
            f"AWS did not accept the credentials. {detail}", "renew them, or choose another --profile"
        )
    if missing.reason in {"NotFoundException", "InvalidArnException", "ValidationException"}:
        hint = f"check the name and the Region ({region}): a key lives in one Region"
        return KeyNotFoundError(f"no key {name} in {region}", hint)
    return _NotReadError(f"{name} could not be looked up in {region}. {detail}", missing.remedy)
