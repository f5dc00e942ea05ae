"""The request a decision is about: who asks, for what, with which context.

The context keys follow https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fluo_audit.errors import UsageError
from fluo_audit.policy.actions import kms_action
from fluo_audit.policy.conditions import CONTEXT_NOT_KNOWN, ContextValue, Unstated
from fluo_audit.policy.wildcard import arn_parts, lower

_ISSUERS = ("iam", "sts")  # the services in the ARN of a principal
_CONTEXT_PREFIX = "kms:encryptioncontext:"
_CONTEXT_KEYS = "kms:encryptioncontextkeys"

# Set only on calls that an AWS service makes for somebody, or (RequestAlias) on calls that name an alias.
_ABSENT_UNLESS_STATED = frozenset(
    {"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "kms:requestalias"}
)
_ABOUT_GRANTS = frozenset(map(kms_action, ("kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant")))
# Facts of an IAM principal; a service acting for itself has none.
_PRINCIPAL_FACTS = frozenset(
    {"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"}
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes the request.

    `arn` is a role, user, role session (arn:aws:sts::...:assumed-role/NAME/SESSION) or account root ARN, or the name of
    an AWS service such as logs.eu-west-1.amazonaws.com. A role ARN stands for any session of the role. `role_arn` is
    a session's role: its own ARN does not tell the role's path. `organization` is the o-... id; None: not stated.
    """

    arn: str
    role_arn: str = ""
    organization: str | None = None

    def __post_init__(self) -> None:
        parts = arn_parts(self.arn)
        # A policy may name any text as a service; asking about it must not fail.
        is_principal = bool(self.arn) if self.is_service else parts is not None and parts[2] in _ISSUERS
        if not is_principal:
            raise UsageError(f"{self.arn!r} is neither the ARN of an IAM principal nor the name of an AWS service")

    @property
    def is_service(self) -> bool:
        """Whether the caller is an AWS service itself."""
        return not self.arn.startswith("arn:")

    @property
    def account(self) -> str:
        """The caller's account id; empty for a service."""
        parts = arn_parts(self.arn)
        return parts[4] if parts else ""

    @property
    def is_root(self) -> bool:
        """Whether the caller is the account's root user."""
        return self.arn.endswith(":root")

    @property
    def is_role(self) -> bool:
        """Whether the caller is a role, without saying in which session."""
        return self._resource.startswith("role/")

    @property
    def is_session(self) -> bool:
        """Whether the caller is a session of a role."""
        return self._resource.startswith("assumed-role/")

    @property
    def role_name(self) -> str:
        """The name of the role, without its path; empty when the caller is no role. Unique in its account."""
        if self.is_session:
            return self._resource.split("/")[1]
        return self._resource.rsplit("/", 1)[-1] if self.is_role else ""

    @property
    def principal_arn(self) -> str:
        """The value of aws:PrincipalArn: for a session the role's ARN; empty when it is not known."""
        return self.role_arn if self.is_session else self.arn

    @property
    def _resource(self) -> str:
        parts = arn_parts(self.arn)
        return parts[5] if parts else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of `action` ("kms:Decrypt") on the key `key_arn`, made directly unless `via_service` names a service.

    `context` states further condition keys: their values, or None for "certainly absent". A key that is neither given
    here, nor derived from the rest, nor absent by nature is not stated: conditions on it are not known. `Unstated` says
    so of one key, None so of the whole encryption context.
    """

    action: str
    caller: Caller
    key_arn: str
    encryption_context: Mapping[str, str] | None = field(default_factory=dict)
    via_service: str = ""
    context: Mapping[str, ContextValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = arn_parts(self.key_arn)
        if parts is None or parts[2] != "kms" or not parts[5].startswith("key/"):
            raise UsageError(f"{self.key_arn!r} is not the ARN of a KMS key")

    @property
    def key_account(self) -> str:
        """The account that owns the key."""
        return self.key_arn.split(":")[4]

    @property
    def is_cross_account(self) -> bool:
        """Whether caller and key belong to different accounts."""
        return not self.caller.is_service and self.caller.account != self.key_account

    def lookup(self, key: str) -> ContextValue:
        """Return what the request carries under the condition key `key`, in any case."""
        name = lower(key)
        for stated, values in self.context.items():
            if lower(stated) == name:
                return values
        if name.startswith(_CONTEXT_PREFIX) or name == _CONTEXT_KEYS:
            return self._from_encryption_context(name)
        derived = self._derived()
        if name in derived:
            return derived[name]
        if name in _ABSENT_UNLESS_STATED and not self.caller.is_service:
            return None
        return Unstated(f"the request does not state {key}")

    def _from_encryption_context(self, name: str) -> ContextValue:
        """Condition key names ignore case, so kms:EncryptionContext:Purpose also reads the pair `purpose`."""
        action = kms_action(self.action)
        if action is None:
            return Unstated(f"whether {self.action} carries an encryption context is not known")
        if not action.encryption_context:
            return None
        if self.encryption_context is None:
            return CONTEXT_NOT_KNOWN
        if name == _CONTEXT_KEYS:
            return tuple(self.encryption_context) or None
        wanted = name.removeprefix(_CONTEXT_PREFIX)
        return tuple(value for key, value in self.encryption_context.items() if lower(key) == wanted) or None

    def _derived(self) -> dict[str, ContextValue]:
        caller = self.caller
        found: dict[str, ContextValue] = {
            "aws:principalisawsservice": (str(caller.is_service).lower(),),
            "aws:viaawsservice": (str(bool(self.via_service)).lower(),),
            "kms:viaservice": (self.via_service,) if self.via_service else None,
            "aws:resourceaccount": (self.key_account,),
        }
        if caller.is_service:
            return found | dict.fromkeys(_PRINCIPAL_FACTS) | {"aws:principalservicename": (caller.arn,)}
        found |= {"kms:calleraccount": (caller.account,), "aws:principalaccount": (caller.account,)}
        found["aws:principalservicename"] = None
        if kms_action(self.action) in _ABOUT_GRANTS:
            if not self.via_service:  # true is left to services that ask on the caller's behalf
                found["kms:grantisforawsresource"] = ("false",)
        else:
            found["kms:grantisforawsresource"] = None
        if caller.principal_arn:
            found["aws:principalarn"] = (caller.principal_arn,)
        if caller.organization is not None:
            found["aws:principalorgid"] = (caller.organization,)
        return found
