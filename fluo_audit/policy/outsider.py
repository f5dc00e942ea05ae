"""What a condition means for an outsider: some AWS principal of an account and an organization nobody had in mind.

An outsider chooses freely what a request may carry (encryption context, ViaService, tags, role names), but not who it
is: its account, organization and network differ from every one that a policy can name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from itertools import product
from typing import TYPE_CHECKING

from fluo_audit.policy.conditions import Family, Operator, has_variable, parse_operator
from fluo_audit.policy.wildcard import arn_parts, has_wildcard, is_open, lower

if TYPE_CHECKING:
    from fluo_audit.policy.document import Condition


class Holds(Enum):
    """Whether a condition holds for an outsider."""

    ALWAYS = "always"
    NEVER = "never"
    AT_WILL = "at will"  # the outsider can bring it about, and can avoid it
    UNKNOWN = "unknown"

    def negated(self) -> Holds:
        """Return the answer for the negated condition."""
        return {Holds.ALWAYS: Holds.NEVER, Holds.NEVER: Holds.ALWAYS}.get(self, self)


class Presence(Enum):
    """When a request of an outsider carries a key."""

    ALWAYS = "always"
    NEVER = "never"
    IN_ORGANIZATION = "in an organization"
    BY_ENDPOINT = "through a VPC endpoint"
    BY_INTERNET = "not through a VPC endpoint"
    BY_SERVICE = "through a service that names its source"


@dataclass(frozen=True, slots=True)
class Outsider:
    """One of the situations an outsider can ask from."""

    in_organization: bool
    by_endpoint: bool
    by_service: bool

    def carries(self, presence: Presence) -> bool:
        """Return whether a request from this situation carries a key of that presence."""
        return {
            Presence.ALWAYS: True,
            Presence.NEVER: False,
            Presence.IN_ORGANIZATION: self.in_organization,
            Presence.BY_ENDPOINT: self.by_endpoint,
            Presence.BY_INTERNET: not self.by_endpoint,
            Presence.BY_SERVICE: self.by_service,
        }[presence]


OUTSIDERS = tuple(Outsider(*situation) for situation in product((True, False), repeat=3))

# Facts of the key, the same for every caller: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_FIXED_VARIABLES = ("${aws:ResourceAccount}", "${aws:ResourceOrgID}")


def holds_for(condition: Condition, outsider: Outsider, *, resolves_variables: bool) -> Holds:
    """Return whether `condition` holds for `outsider`."""
    operator = parse_operator(condition.operator)
    if operator is None:
        return Holds.UNKNOWN
    identity = _IDENTITY.get(lower(condition.key))
    if identity is None:
        return Holds.AT_WILL
    presence, reach = identity
    present = outsider.carries(presence)
    if operator == "Null":
        return _settled(str(not present).lower() in map(lower, condition.values))
    if not present:
        return _settled(operator.on_absent_key())
    values = _without_fixed_variables(condition.values)
    if resolves_variables and any(map(has_variable, values)):
        return Holds.UNKNOWN
    answer = reach(operator, values)
    return answer.negated() if operator.negated else answer


def _settled(value: bool) -> Holds:  # noqa: FBT001 - turns a truth value into another
    return Holds.ALWAYS if value else Holds.NEVER


def _without_fixed_variables(values: tuple[str, ...]) -> tuple[str, ...]:
    for variable in _FIXED_VARIABLES:
        values = tuple(value.replace(variable, "fixed") for value in values)
    return values


_ACCOUNT_END = 5  # the account is the fifth part of an ARN

Reach = Callable[[Operator, tuple[str, ...]], Holds]
"""Whether the outsider's value of a key fits one of a policy's values."""


def _any(answers: list[Holds]) -> Holds:
    order = (Holds.ALWAYS, Holds.AT_WILL, Holds.UNKNOWN)
    return next((answer for answer in order if answer in answers), Holds.NEVER)


def _pattern(value: str, fixed_part: str) -> Holds:
    """A pattern whose `fixed_part` has no wildcard names somebody, and so not the outsider."""
    if is_open(value):
        return Holds.ALWAYS
    return Holds.AT_WILL if has_wildcard(fixed_part) else Holds.NEVER


def _name(separator: str = "") -> Reach:
    """Read an id: a fixed one, or a fixed beginning up to `separator` (o-abc/r-x/*, AROAEXAMPLE:*), is not theirs."""

    def reach(operator: Operator, values: tuple[str, ...]) -> Holds:
        match operator.family:
            case Family.EQUAL:
                return Holds.NEVER
            case Family.LIKE:
                return _any([_pattern(v, v.split(separator)[0] if separator else v) for v in values])
            case _:
                return Holds.UNKNOWN

    return reach


def _arn(operator: Operator, values: tuple[str, ...]) -> Holds:
    match operator.family:
        case Family.EQUAL:
            return Holds.NEVER
        case Family.LIKE:  # a * reaches over colons, so everything up to the account must be fixed
            return _any([_pattern(v, ":".join(v.split(":")[:_ACCOUNT_END])) for v in values])
        case Family.ARN:
            return _any([_arn_pattern(value) for value in values])
        case _:
            return Holds.UNKNOWN


def _arn_pattern(value: str) -> Holds:
    if is_open(value):
        return Holds.ALWAYS
    parts = arn_parts(value)
    if parts is None:
        return Holds.UNKNOWN
    owner = parts[4] or parts[5].split("/")[0]  # the ARN of a bucket has no account; bucket names are unique
    return Holds.AT_WILL if has_wildcard(owner) else Holds.NEVER


_WIDE = {4: 8, 6: 32}
"""Networks wider than this count as everybody, as for S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"""


def _address(operator: Operator, values: tuple[str, ...]) -> Holds:
    if operator.family is not Family.IP:
        return _name()(operator, values)
    try:
        networks = [ip_network(value, strict=False) for value in values]
    except ValueError:
        return Holds.UNKNOWN
    four = collapse_addresses(n for n in networks if isinstance(n, IPv4Network))
    six = collapse_addresses(n for n in networks if isinstance(n, IPv6Network))
    return _any([*map(_network, four), *map(_network, six)])


def _network(network: IPv4Network | IPv6Network) -> Holds:
    return Holds.AT_WILL if network.prefixlen < _WIDE[network.version] else Holds.NEVER


def _constant(constant: str) -> Reach:
    """Read a key that has the same value for every outsider."""

    def reach(operator: Operator, values: tuple[str, ...]) -> Holds:
        answers = [operator.compare(value, constant) for value in values]
        if True in answers:
            return Holds.ALWAYS
        return Holds.UNKNOWN if None in answers else Holds.NEVER

    return reach


_IDENTITY: dict[str, tuple[Presence, Reach]] = {
    "kms:calleraccount": (Presence.ALWAYS, _name()),
    "aws:principalaccount": (Presence.ALWAYS, _name()),
    "aws:principalarn": (Presence.ALWAYS, _arn),
    "aws:userid": (Presence.ALWAYS, _name(":")),
    "aws:principalisawsservice": (Presence.ALWAYS, _constant("false")),
    "aws:principalservicename": (Presence.NEVER, _name()),
    "aws:principalservicenameslist": (Presence.NEVER, _name()),
    "aws:principalorgid": (Presence.IN_ORGANIZATION, _name()),
    "aws:principalorgpaths": (Presence.IN_ORGANIZATION, _name("/")),
    "aws:sourceip": (Presence.BY_INTERNET, _address),
    "aws:sourcevpc": (Presence.BY_ENDPOINT, _name()),
    "aws:sourcevpce": (Presence.BY_ENDPOINT, _name()),
    "aws:vpceaccount": (Presence.BY_ENDPOINT, _name()),
    "aws:vpceorgid": (Presence.BY_ENDPOINT, _name()),
    "aws:vpceorgpaths": (Presence.BY_ENDPOINT, _name("/")),
    "aws:sourceaccount": (Presence.BY_SERVICE, _name()),
    "aws:sourcearn": (Presence.BY_SERVICE, _arn),
    "aws:sourceorgid": (Presence.BY_SERVICE, _name()),
    "aws:sourceorgpaths": (Presence.BY_SERVICE, _name("/")),
}
"""Keys that say who asks or from where. Private addresses (aws:VpcSourceIp) are missing: they name nobody."""
