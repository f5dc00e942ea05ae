"""What is wrong with a policy that is about to be written: what AWS refuses, and what it takes in another sense.

Sources:
- key policies: size, characters, Sid, required elements,
  https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
- identity policies: Sid, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html and size
  and characters, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
- operators that hold for an absent key,
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
- the statement for encrypted log groups, which conditions Describe* on a context it never has,
  https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from fluo_audit.policy.actions import KMS_ACTIONS, expand
from fluo_audit.policy.conditions import Operator, parse_operator
from fluo_audit.policy.document import Condition, Effect, PolicyDocument, Statement
from fluo_audit.policy.exposure import external_accounts, public_access
from fluo_audit.policy.parse import PolicySyntaxError, parse_policy
from fluo_audit.policy.wildcard import arn_parts, has_wildcard, is_open, lower

Kind: TypeAlias = Literal["key", "identity"]
"""A key policy, or a managed policy of a role or user."""

KEY_POLICY_BYTES = 32 * 1024
MANAGED_POLICY_CHARACTERS = 6_144
"""IAM leaves white space out of the count, KMS does not."""

_FOREIGN_CHARACTER = re.compile(r"[^\t\n\r\x20-\xff]")
_IDENTITY_SID = re.compile(r"[A-Za-z0-9]*")
_PRINCIPAL = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(root|(user|role)/.+)|sts::\d{12}:(assumed-role|federated-user)/.+)"
)
_UNIQUE_ID = re.compile(r"A(ROA|IDA)[A-Z0-9]{12,}")
_CONTEXT_KEYS = ("kms:encryptioncontext:", "kms:encryptioncontextkeys")
_LOGS_SERVICE = re.compile(r"logs\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
_LOGS_CONTEXT = "kms:encryptioncontext:aws:logs:arn"
_LOGS_DESCRIBE = frozenset({"kms:DescribeKey", "kms:DescribeCustomKeyStores"})
_NAMED = 3  # actions that a message lists before it counts the rest


class Severity(StrEnum):
    """Whether the policy must not be written, or may mean something else than it seems to."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One thing that is wrong: the place, such as Statement[2].Action (counted from 0), and what is wrong there."""

    where: str
    problem: str
    severity: Severity = Severity.ERROR


def problems(policy: str | PolicyDocument, *, kind: Kind, account: str) -> tuple[PolicyProblem, ...]:
    """Return what is wrong with `policy`, in the order of its statements; empty: it can be written.

    `account` is the account it is for. Give the text that will be sent: the size of a document is that of its canonical
    form. Not looked at: whether principals exist, and whether the caller could still change the key policy.
    """
    if isinstance(policy, PolicyDocument):
        document, text = policy, json.dumps(json.loads(policy.canonical()), ensure_ascii=False)
    else:
        text = policy
        try:
            document = parse_policy(text)
        except PolicySyntaxError as error:
            return (PolicyProblem(error.where, error.problem),)
    found = [*_of_text(text, kind), *_of_sids(document, kind)]
    for position, statement in enumerate(document.statements):
        found += _of_statement(statement, f"Statement[{position}]", kind, account)
    if kind == "key":
        found += _of_strangers(document, account)
    return tuple(found)


def _of_text(text: str, kind: Kind) -> Iterator[PolicyProblem]:
    if foreign := _FOREIGN_CHARACTER.search(text):
        yield PolicyProblem("document", f"the character {foreign.group()!a} is none that a policy may contain")
    size = len(text.encode()) if kind == "key" else sum(not character.isspace() for character in text)
    limit = KEY_POLICY_BYTES if kind == "key" else MANAGED_POLICY_CHARACTERS
    if size > limit:
        unit = "bytes" if kind == "key" else "characters, white space not counted"
        yield PolicyProblem("document", f"{size:,} {unit}: at most {limit:,} are accepted")


def _of_sids(document: PolicyDocument, kind: Kind) -> Iterator[PolicyProblem]:
    if not document.statements:
        yield PolicyProblem("Statement", "holds no statement")
    sids = [statement.sid for statement in document.statements]
    for position, sid in enumerate(sids):
        if sid and sid in sids[:position]:
            yield PolicyProblem(f"Statement[{position}].Sid", f"{sid!r} is the Sid of another statement too")
        if kind == "identity" and not _IDENTITY_SID.fullmatch(sid):
            yield PolicyProblem(f"Statement[{position}].Sid", f"{sid!r}: IAM takes letters and digits only")


def _of_statement(statement: Statement, where: str, kind: Kind, account: str) -> Iterator[PolicyProblem]:
    if kind == "key":
        yield from _of_principals(statement, f"{where}.Principal")
    elif statement.principals is not None:
        element = statement.principals.element("Principal")
        yield PolicyProblem(f"{where}.{element}", "an identity policy names nobody: it is attached to whom it is for")
    for element, selection in (("Action", statement.actions), ("Resource", statement.resources)):
        if selection is None or not selection.values:
            yield PolicyProblem(f"{where}.{element}", "names nothing: the statement has no effect")
    yield from _of_actions(statement, f"{where}.Action", kind)
    if kind == "identity" and statement.resources is not None:
        for resource in statement.resources.values:
            if not is_open(resource) and arn_parts(resource) is None:
                yield PolicyProblem(f"{where}.Resource", f"{resource!r} is neither an ARN nor *")
    yield from _of_conditions(statement, f"{where}.Condition", account)


def _of_principals(statement: Statement, where: str) -> Iterator[PolicyProblem]:
    if statement.principals is None or not statement.principals.values:
        yield PolicyProblem(where, "names no principal: KMS refuses the whole policy")
        return
    for kind, name in statement.principals.values:
        if kind != "AWS" or name == "*":
            continue
        if _UNIQUE_ID.fullmatch(name):
            words = f"{name} is the id of a deleted role or user: it gives access to nobody, and KMS may refuse it"
            yield PolicyProblem(where, words, Severity.WARNING)
        elif has_wildcard(name) or not _PRINCIPAL.fullmatch(name):
            words = "is neither * nor the ARN of an account, a role, a user or a session; wildcards are not known here"
            yield PolicyProblem(where, f"{name!r} {words}")


def _of_actions(statement: Statement, where: str, kind: Kind) -> Iterator[PolicyProblem]:
    for pattern in statement.actions.values if statement.actions else ():
        service = lower(pattern).partition(":")[0]
        if not is_open(pattern) and service != "kms":
            if kind == "key" or has_wildcard(service):
                yield PolicyProblem(where, f"{pattern!r} is no action of KMS")
        elif not (covered := expand(pattern)):
            yield PolicyProblem(where, f"{pattern!r} is no action of KMS, nor a pattern that fits one")
        elif kind == "key" and not any(action.on_key for action in covered):
            yield PolicyProblem(where, f"no key policy decides about {pattern}: it has no effect", Severity.WARNING)


def _of_conditions(statement: Statement, where: str, account: str) -> Iterator[PolicyProblem]:
    yield from _of_context(statement, where, account)
    for condition in statement.conditions:
        place = f"{where}.{condition.operator}.{condition.key}"
        operator = parse_operator(condition.operator)
        if operator is None:
            yield PolicyProblem(place, f"{condition.operator} is no condition operator known here")
        elif not condition.values:
            yield PolicyProblem(place, "lists no value: nothing is equal to it", Severity.WARNING)
        elif statement.effect is Effect.ALLOW and (words := _allows_more(condition, operator, statement.conditions)):
            yield PolicyProblem(place, words, Severity.WARNING)
    if statement.effect is Effect.DENY and len(keys := _excluded_context(statement.conditions)) > 1:
        words = f"denies only when {' and '.join(keys)} are all wrong: give each a statement of its own"
        yield PolicyProblem(where, words, Severity.WARNING)


def _of_context(statement: Statement, where: str, account: str) -> Iterator[PolicyProblem]:
    keys = [condition.key for condition in statement.conditions if _is_context(condition)]
    without = _without_context(statement)
    if keys and without and not _is_for_logs(statement, without, account):
        more = f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
        words = f"a request of {', '.join(without[:_NAMED])}{more} never carries it: give them a statement without it"
        yield PolicyProblem(f"{where}.{keys[0]}", words)


def _is_context(condition: Condition) -> bool:
    return lower(condition.key).startswith(_CONTEXT_KEYS)


def _without_context(statement: Statement) -> list[str]:
    """Return the actions of a statement whose requests carry no encryption context."""
    actions = (f"kms:{action.name}" for action in KMS_ACTIONS if not action.encryption_context)
    found = [action for action in actions if statement.covers_action(action)]
    if statement.actions is not None and not statement.actions.excluded:
        found += [pattern for pattern in statement.actions.values if not lower(pattern).startswith(("kms:", "*"))]
    return found


def _is_for_logs(statement: Statement, without: Sequence[str], account: str) -> bool:
    """Return whether this is the statement that AWS documents for CloudWatch Logs, for log groups of the account."""
    principals = statement.principals
    if principals is None or principals.excluded or statement.effect is not Effect.ALLOW:
        return False
    is_logs = all(kind == "Service" and _LOGS_SERVICE.fullmatch(name) for kind, name in principals.values)
    context = [condition for condition in statement.conditions if _is_context(condition)]
    of_account = all(
        lower(condition.key) == _LOGS_CONTEXT and (arn_parts(value) or ("",) * 5)[4] == account
        for condition in context
        for value in condition.values
    )
    return is_logs and of_account and _LOGS_DESCRIBE.issuperset(without)


def _allows_more(condition: Condition, operator: Operator | Literal["Null"], conditions: Sequence[Condition]) -> str:
    """Return what an Allow lets in beyond the values it lists, or empty text."""
    others = [each for each in conditions if each is not condition and lower(each.key) == lower(condition.key)]
    if operator == "Null":
        if not _wants_presence(condition):
            return "allows requests without it"
        return "" if others else "allows every value"
    words = ["allows every value but those listed"] if operator.negated else []
    if operator.on_absent_key() and not any(map(_wants_presence, others)):
        words.append("also allows requests without it")
    return "; ".join(words)


def _wants_presence(condition: Condition) -> bool:
    return condition.operator == "Null" and [lower(value) for value in condition.values] == ["false"]


def _excluded_context(conditions: Sequence[Condition]) -> list[str]:
    """Return the encryption context keys of negated conditions."""
    found: dict[str, str] = {}
    for condition in filter(_is_context, conditions):
        operator = parse_operator(condition.operator)
        if isinstance(operator, Operator) and operator.negated:
            found.setdefault(lower(condition.key), condition.key)
    return list(found.values())


def _of_strangers(document: PolicyDocument, account: str) -> Iterator[PolicyProblem]:
    places = {each.label: f"Statement[{position}]" for position, each in enumerate(document.statements)}
    for exposure in public_access(document):
        words = f"{exposure.reason}: any AWS principal may use the key"
        yield PolicyProblem(places[exposure.statement], words, Severity.WARNING)
    for other in external_accounts(document, account):
        words = f"lets account {other.account} in ({other.named_as})"
        yield PolicyProblem(places[other.statement], words, Severity.WARNING)
