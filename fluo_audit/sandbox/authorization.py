"""Decide the calls that use a key, from its key policy, the caller's policies and the key's grants.

Encrypt, Decrypt, ReEncrypt and GenerateDataKey(WithoutPlaintext) are decided, and whether a new key policy lets its
author change it again. Every other operation, of KMS or of another service, is carried out for whoever asks:
`SimulatedAccount.deny` refuses those. Permissions boundaries, session policies and policies of an organization do not
exist here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fluo_audit.policy import Caller, Decision, Grant, Outcome, PolicySyntaxError, Request, decide, parse_policy
from fluo_audit.sandbox.calls import SOURCE_IP
from fluo_audit.sandbox.emulator import not_simulated
from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fluo_audit.policy import PolicyDocument
    from fluo_audit.sandbox.directory import Directory
    from fluo_audit.sandbox.gateway import Request as ApiRequest
    from fluo_audit.sandbox.identities import Roles

KEY_POLICY = "key policy"
_ROOT = Caller(f"arn:aws:iam::{ACCOUNT}:root")


class Authorization:
    """Answers whether a caller may do something with a key."""

    def __init__(self, directory: Directory, roles: Roles) -> None:
        self._directory = directory
        self._roles = roles

    def require(
        self, request: ApiRequest, action: str, key: Mapping[str, Any], context: Mapping[str, str], named: str = ""
    ) -> None:
        """Raise AccessDeniedException, in AWS's words, unless the caller may use the key `named` so."""
        if request.inside:
            return
        text = request.ask("GetKeyPolicy", KeyId=key["KeyId"], PolicyName="default")["Policy"]
        alias = named[named.find("alias/") :] if "alias/" in named else ""
        facts: dict[str, tuple[str, ...] | None] = {
            "kms:RequestAlias": (alias,) if alias else None,
            "kms:KeySpec": (key["KeySpec"],),
            "kms:KeyUsage": (key["KeyUsage"],),
            "kms:KeyOrigin": (key["Origin"],),
            "kms:MultiRegion": (str(key["MultiRegion"]).lower(),),
        }
        question = replace(self._question(request, action, key["Arn"], facts), encryption_context=context)
        policy = parsed(text, KEY_POLICY)
        grants = [_grant(one) for one in request.ask("ListGrants", KeyId=key["KeyId"])["Grants"]]
        decision = settled(decide(question, policy, self._policies_of(request), grants))
        if not decision.is_allowed:
            raise AwsError("AccessDeniedException", refusal(question, policy, decision))

    def may_change_again(self, request: ApiRequest, key_arn: str, text: str) -> bool:
        """Return whether the key policy `text` lets the caller put another one in its place."""
        facts: dict[str, tuple[str, ...] | None] = {
            "kms:PolicyName": ("default",),
            "kms:BypassPolicyLockoutSafetyCheck": ("false",),
        }
        question = self._question(request, "kms:PutKeyPolicy", key_arn, facts)
        return settled(decide(question, parsed(text, KEY_POLICY), self._policies_of(request), ())).is_allowed

    def _question(
        self, request: ApiRequest, action: str, key_arn: str, facts: dict[str, tuple[str, ...] | None]
    ) -> Request:
        usual: dict[str, tuple[str, ...] | None] = {
            "aws:SourceIp": (SOURCE_IP,),
            "aws:SecureTransport": ("true",),
            "aws:MultiFactorAuthPresent": ("false",),
            "aws:RequestedRegion": (request.call.region,),
            "aws:PrincipalType": ("AssumedRole",),
            **dict.fromkeys(
                ("aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp", "aws:PrincipalOrgID", "aws:username")
            ),
        }
        caller = Caller(request.session.arn, self._roles.arn(request.session.role))
        return Request(action=action, caller=caller, key_arn=key_arn, context=usual | facts)

    def _policies_of(self, request: ApiRequest) -> list[PolicyDocument]:
        return [parsed(text, name) for name, text in self._directory.policies_of(request.session.role)]


def refusal(question: Request, policy: PolicyDocument, decision: Decision) -> str:
    """Return AWS's message for a refused request: it tells which kind of policy is to blame.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    action = question.action
    told = f"User: {question.caller.arn} is not authorized to perform: {action} on resource: {question.key_arn}"
    if decision.outcome is Outcome.EXPLICIT_DENY:
        based = "resource" if _in_key_policy(decision) else "identity"
        return f"{told} with an explicit deny in {'an' if based == 'identity' else 'a'} {based}-based policy"
    delegated = decide(replace(question, caller=_ROOT), policy).is_allowed
    return f"{told} because no {'identity' if delegated else 'resource'}-based policy allows the {action} action"


def _in_key_policy(decision: Decision) -> bool:
    return any(statement.policy == KEY_POLICY for statement in decision.statements)


def settled(decision: Decision) -> Decision:
    """Return a decision that is one. Raises AwsError, status 501, where the policies ask what is not simulated."""
    if decision.outcome is Outcome.UNKNOWN:
        raise not_simulated(f"a policy asks what no call carries here: {decision.reason}")
    return decision


@lru_cache(maxsize=256)
def parsed(text: str, name: str) -> PolicyDocument:
    """Return the policy in a JSON text. Raises AwsError, status 501, for one that cannot be judged."""
    try:
        return parse_policy(text, name=name)
    except PolicySyntaxError as error:
        raise not_simulated(str(error)) from error


def _grant(listed: Mapping[str, Any]) -> Grant:
    constraints = listed.get("Constraints") or {}
    operations: Iterable[str] = listed["Operations"]
    return Grant(
        grant_id=listed["GrantId"],
        grantee=listed["GranteePrincipal"],
        operations=tuple(operations),
        context_equals=constraints.get("EncryptionContextEquals", {}),
        context_subset=constraints.get("EncryptionContextSubset", {}),
        source_arn=constraints.get("SourceArn", ""),
        name=listed.get("Name") or "",
    )
