"""The policies on the key: what they allow, asked of the policy engine, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from fluo_audit.policy import Caller, PolicyDocument, PolicyProblem, Severity, enforces_context, parse_policy, problems
from fluo_audit.policy.conditions import has_variable
from fluo_audit.policy.powers import powers
from fluo_audit.policy.wildcard import has_wildcard, lower
from fluo_audit.provision.defects.check import MODULE, Answer, check, defect, listed, ok, short, unclear
from fluo_audit.provision.documents import USE

NEEDED = frozenset({"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"})
"""What the backend does with the key."""
ANY_POLICY = parse_policy(
    {"Statement": {"Sid": "kms:*", "Effect": "Allow", "Action": "kms:*", "Resource": "*"}}, name="any further policy"
)
"""Stands for whatever somebody attaches to a role one day."""

Context = Mapping[str, tuple[str, ...]]
Policies = Mapping[str, tuple[PolicyDocument, ...]]


@check(
    "context-in-key-policy",
    "The key policy enforces the encryption context",
    needs=("key_arn", "key_policy", "roles", "context"),
    beside=("role_policies",),
    means="Whatever the role's own policy asks, any purpose is served: in one account one Allow is enough.",
    fix=f"fluo-audit provision apply, or enforce_encryption_context in {MODULE}",
)
def context_in_key_policy(
    key_arn: str, key_policy: PolicyDocument, roles: tuple[str, ...], context: Context, role_policies: Policies | None
) -> Answer:
    """Try what should be denied to each role, also with a policy that allows it everything."""
    if not context:
        return ok("no encryption context is asked for")
    found = _openings(key_arn, key_policy, roles, context, role_policies or {})
    return _of_openings(found) or ok(f"whatever else allows it, use with no or another {', '.join(context)} is denied")


@check(
    "context-where-it-is-sent",
    "The encryption context is asked only of calls that send one",
    needs=("key_arn", "key_policy", "role_policies"),
    means="What such a statement allows never happens, and what it denies is denied always.",
    fix=f"fluo-audit provision apply, or the access policy of {MODULE}: kms:DescribeKey has a statement of its own",
)
def context_where_it_is_sent(key_arn: str, key_policy: PolicyDocument, role_policies: Policies) -> Answer:
    """Have the validator find conditions that never match."""
    account = key_arn.split(":")[4]
    found = [*_never_matching(key_policy, problems(key_policy, kind="key", account=account))]
    for document in dict.fromkeys(each for documents in role_policies.values() for each in documents):
        found += _never_matching(document, problems(document, kind="identity", account=account))
    return defect("; ".join(found)) if found else ok("no statement asks it of another call")


_CONTEXT_PLACE = re.compile(r"Statement\[(\d+)\]\.Condition\.kms:EncryptionContext", re.IGNORECASE)


def _never_matching(document: PolicyDocument, found: Sequence[PolicyProblem]) -> Iterator[str]:
    for each in found:
        if place := _CONTEXT_PLACE.match(each.where):
            yield f"{document.name}, {document.statements[int(place[1])].label}: {each.problem}"


@check(
    "roles-may-use-key",
    "The key policy is one that KMS takes, and every FLUO role may use the key",
    needs=("key_arn", "key_policy", "roles"),
    beside=("role_policies",),
    means="KMS refuses a policy with a statement that names no principal. A role that nothing lets in cannot work.",
    fix=f"fluo-audit provision apply --create-iam-role, or create_iam_role in {MODULE}: the key policy names the role",
)
def roles_may_use_key(
    key_arn: str, key_policy: PolicyDocument, roles: tuple[str, ...], role_policies: Policies | None
) -> Answer:
    """Have the validator look at the principals, and ask for each role whether it may use the key at all."""
    for each in problems(key_policy, kind="key", account=key_arn.split(":")[4]):
        if each.severity is Severity.ERROR and each.where.endswith(".Principal"):
            return defect(f"key policy, {each.where}: {each.problem}")
    doubt = None
    for role in roles:
        able = powers(role, key_arn, key_policy, _own(role_policies, role))
        allowed, unsettled = ({f"kms:{action.name}" for action in part} for part in (able.allowed, able.unsettled))
        if lacks := [action for action in USE if action not in allowed | unsettled]:
            return defect(f"nothing allows {listed(lacks)} to {short(role)}")
        if any(action not in allowed for action in USE):
            doubt = unclear(f"{short(role)}: {next(iter(able.unsettled.values())).reason}")
    return doubt or ok(f"{listed(map(short, roles))} may")


@check(
    "four-actions-only",
    "The backend may do the four actions it needs, and no other",
    needs=("key_arn", "key_policy", "roles", "attached"),
    beside=("role_policies",),
    means="Whoever takes over the backend may do all of that too.",
    fix=f"fluo-audit provision apply, or the access policy of {MODULE}; detach other policies by hand: "
    "aws iam detach-role-policy",
)
def four_actions_only(
    key_arn: str,
    key_policy: PolicyDocument,
    roles: tuple[str, ...],
    attached: Mapping[str, tuple[str, ...]],
    role_policies: Policies | None,
) -> Answer:
    """Ask for every action on the key, and look for policies of AWS that give all of a service."""
    found: list[str] = []
    doubt = None
    for role in roles:
        able = powers(role, key_arn, key_policy, _own(role_policies, role))
        more = [f"kms:{action.name}" for action in able.allowed if action.name not in NEEDED]
        of_aws = [name for arn in attached.get(role, ()) if (name := _full_access(arn))]
        if more or of_aws:
            found.append(f"{short(role)} has {listed([*of_aws, *more])}")
        for action, decision in able.unsettled.items():
            if action.name not in NEEDED:
                doubt = unclear(f"kms:{action.name} by {short(role)}: {decision.reason}")
    return defect("; ".join(found)) if found else doubt or ok(f"{listed(map(short, roles))}: no other on this key")


def _full_access(arn: str) -> str:
    """Return the name of a policy of AWS's that its name says is a wide one, otherwise empty text."""
    match = re.fullmatch(r"arn:aws[a-z-]*:iam::aws:policy/(?:.*/)?([^/]+)", arn)
    wide = re.compile(r".*FullAccess.*|AdministratorAccess.*|PowerUserAccess")
    return match[1] if match and wide.fullmatch(match[1]) else ""


@check(
    "replicas-enforce-too",
    "Every replica's key policy enforces what that of the primary key does",
    needs=("key_arn", "key_policy", "roles", "context", "replica_policies"),
    beside=("role_policies",),
    means="A replica made without a policy lets the account's IAM policies decide, and it decrypts the same data.",
    fix=f"fluo-audit provision apply --multi-region-enabled --replica-region REGION, or {MODULE}/modules/replica",
)
def replicas_enforce_too(  # noqa: PLR0917, the fields of SetUp that it compares
    key_arn: str,
    key_policy: PolicyDocument,
    roles: tuple[str, ...],
    context: Context,
    replica_policies: Mapping[str, PolicyDocument],
    role_policies: Policies | None,
) -> Answer:
    """Try on each replica what should be denied, and what is denied on the primary key."""
    for region, policy in replica_policies.items():
        parts = key_arn.split(":")
        replica = ":".join([*parts[:3], region, *parts[4:]])
        found = _openings(replica, policy, roles, context, role_policies or {}) if context else []
        if answer := _of_openings(found, f"{region}: "):
            return answer
        for role in roles:
            of_primary = powers(role, key_arn, key_policy, (ANY_POLICY,)).allowed
            able = powers(role, replica, policy, (ANY_POLICY,)).allowed
            if more := [f"kms:{action.name}" for action in able if action not in of_primary]:
                return defect(f"{region}: {listed(more)} is not denied to {short(role)}, as on the primary key")
    return ok(f"{listed(replica_policies)}: as the primary key" if replica_policies else "the key has no replica")


def _own(role_policies: Policies | None, role: str) -> tuple[PolicyDocument, ...] | None:
    return None if role_policies is None else role_policies.get(role)


# --- ways round the encryption context ---------------------------------------------------------------------------

_CONTEXT = "kms:encryptioncontext:"


@dataclass(frozen=True, slots=True)
class _Opening:
    """A request that should be denied and is not."""

    role: str
    action: str
    attempt: str
    reason: str
    today: bool
    """Whether it is allowed as things are, and not only once a further policy allows it."""
    certain: bool


def _openings(
    key_arn: str, key_policy: PolicyDocument, roles: Sequence[str], context: Context, role_policies: Policies
) -> list[_Opening]:
    found: dict[tuple[str, str, tuple[tuple[str, str], ...]], _Opening] = {}
    for role in roles:
        own = role_policies.get(role, ())
        allowed, others = _with_named(context, (key_policy, *own))
        for action, tried in product(USE, [allowed, {**others, **allowed}] if others else [allowed]):
            asked = (Caller(role), action, key_arn, tried)
            now = {
                gap.encryption_context: gap.decision.reason
                for gap in enforces_context(*asked, key_policy=key_policy, identity_policies=own)
                if gap.decision.is_allowed
            }
            for gap in enforces_context(*asked, key_policy=key_policy, identity_policies=(*own, ANY_POLICY)):
                sent = dict(gap.encryption_context)
                if all(sent.get(key) in values for key, values in allowed.items()):
                    continue  # what is wrong in it is a key that nobody asked to enforce
                reason = now.get(gap.encryption_context, gap.decision.reason)
                today, certain = gap.encryption_context in now, gap.decision.is_allowed and role in role_policies
                opening = _Opening(role, action, gap.attempt, reason, today, certain)
                found.setdefault((role, action, gap.encryption_context), opening)
    return list(found.values())


def _with_named(
    context: Context, policies: Sequence[PolicyDocument]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the allowed values of the context with those that the policies name, and what they name for other keys.

    More purposes than were asked for are no way round. The other keys may have to be right for one to be open.
    """
    allowed = {key: set(values) for key, values in context.items()}
    others: dict[str, set[str]] = {}
    spelled = {lower(key): key for key in allowed}
    for condition in (each for policy in policies for one in policy.statements for each in one.conditions):
        if not lower(condition.key).startswith(_CONTEXT):
            continue
        key = condition.key[len(_CONTEXT) :]
        for value in condition.values:
            if lower(key) not in spelled:
                others.setdefault(key, set()).add(value.replace("*", "x").replace("?", "x"))
            elif not has_wildcard(value) and not has_variable(value):
                allowed[spelled[lower(key)]].add(value)
    return allowed, others


def _of_openings(found: Sequence[_Opening], where: str = "") -> Answer | None:
    """Return the answer that ways round the encryption context give, or None when there is none."""
    if not found:
        return None
    worst = min(found, key=lambda each: (not each.certain, not each.today))
    same = (worst.role, worst.attempt, worst.reason)
    actions = listed(each.action for each in found if (each.role, each.attempt, each.reason) == same)
    said = f"{where}{short(worst.role)} {'may' if worst.today else 'could'} {actions} with {worst.attempt}"
    if not worst.certain:
        return unclear(f"{said}, unless one of its own policies, which were not all read, denies it: {worst.reason}")
    return defect(f"{said}: {worst.reason}")
