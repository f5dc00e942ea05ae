"""Why is a call of the backend denied? Key state, Deny, key policy, IAM policy, encryption context and grants tell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluo_audit.evaluate.checks.key_enabled import key_enabled
from fluo_audit.evaluate.principals import short_name
from fluo_audit.evaluate.registry import run_check
from fluo_audit.evaluate.rows import rows
from fluo_audit.model import sources
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.evidence import Have, Source
from fluo_audit.policy import Decision, Outcome, PolicyDocument, PolicySyntaxError, decide, parse_policy
from fluo_audit.policy.wildcard import arn_parts
from fluo_audit.provision.spec import OBSERVED_PURPOSES
from fluo_audit.runbook import remedies, rules
from fluo_audit.runbook.answers import Health, Unread
from fluo_audit.runbook.remedies import Remedies, enable_key, remedies_of
from fluo_audit.runbook.rules import NEEDED, USE, Facts, Rules, context_words, rules_of
from fluo_audit.runbook.step import Diagnosis, Step, beside, good, judged, unread, wrong

TOPIC = "access"
READS: tuple[Source[Any], ...] = (sources.KEY, *rules.READS, *remedies.READS)
_UNIQUE = re.compile(r"A(RO|ID)A[A-Z0-9]+")
_WITHOUT_PURPOSE = {"tenantId": "any", "keyType": "encryption"}
"""What the backend sends when it makes the keys of a tenant."""


@dataclass(frozen=True, slots=True)
class _Side:
    """What policies allow in some context, whatever others deny: action to the statements that decide."""

    allowed: Mapping[str, str]
    unsettled: Mapping[str, str]

    @property
    def lacking(self) -> tuple[str, ...]:
        """Return the actions it does not allow in any encryption context."""
        return tuple(action for action in NEEDED if action not in self.allowed and action not in self.unsettled)

    @property
    def words(self) -> str:
        """Return the statements that allow."""
        return "; ".join(dict.fromkeys(self.allowed.values()))


@dataclass(frozen=True, slots=True)
class _Case:
    """One role, the contexts it works in, and what each policy says about it."""

    role: str
    rules: Rules
    remedies: Remedies
    contexts: tuple[Mapping[str, str], ...]
    named: _Side
    """By statements of the key policy that name the role."""
    delegated: _Side
    """By statements of the key policy, if the role's own policies allow all."""
    identity: _Side
    """By the role's own policies, if the key policy leaves it to them."""

    @property
    def decisions(self) -> Iterator[tuple[str, Mapping[str, str], Decision]]:
        """Give every call that the backend needs to make, with the answer to it."""
        for action in NEEDED:
            for context in self.contexts if action in USE else ({},):
                yield action, context, self.rules.decide(self.role, action, context)

    @property
    def denied(self) -> tuple[str, ...]:
        """Return the actions that some call the backend needs to make is denied."""
        refused = {Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY}
        return tuple(dict.fromkeys(action for action, _, each in self.decisions if each.outcome in refused))


def diagnose_access(facts: Facts, criteria: Criteria, health: Health | Unread | None = None) -> tuple[Diagnosis, ...]:
    """Return why each backend role may or may not use the key. `health` is what the backend says, None if not asked."""
    roles = criteria.baseline.backend_roles
    if not roles:
        said = "not declared: set backend_roles under [baseline] in fluo-audit.toml"
        return (Diagnosis(TOPIC, "Nobody said which role the backend runs as.", (unread("backend roles", said),)),)
    try:
        found = rules_of(facts, criteria)
    except PolicySyntaxError as error:
        return (Diagnosis(TOPIC, "A policy could not be understood.", (unread("policies", error.message),)),)
    return tuple(_diagnosis(_case(role, found, facts, criteria), facts, criteria, health) for role in roles)


def _case(role: str, found: Rules, facts: Facts, criteria: Criteria) -> _Case:
    purposes = sorted(criteria.baseline.encryption_context_purposes) or [rules.PURPOSE]
    contexts = tuple(found.context(role, purpose) for purpose in purposes)
    partition, account = criteria.scope.partition, (arn_parts(role) or ("",) * 5)[4]
    everything = _open(f"arn:{partition}:iam::{account}:root")
    key_policy = rules.allows_alone((found.key_policy,))[0] if found.key_policy else None
    identity = found.of(role)
    own = None if identity is None else rules.allows_alone(identity)
    tried = (*contexts, *_wanted_contexts(found, role), {})
    return _Case(
        role=role,
        rules=found,
        remedies=remedies_of(facts, criteria),
        contexts=contexts,
        named=_side(found, role, tried, key_policy, ()),
        delegated=_side(found, role, tried, key_policy, (everything,)),
        identity=_side(found, role, tried, everything, own),
    )


def _open(root: str) -> PolicyDocument:
    """Return a policy that leaves everything to the account, as a key policy, and allows all, as an identity policy."""
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    return parse_policy({"Version": "2012-10-17", "Statement": statement}, name="")


def _wanted_contexts(found: Rules, role: str) -> Iterator[Mapping[str, str]]:
    """Give a context for each purpose that a statement names: what would be allowed, if not what is declared."""
    for policy in (*((found.key_policy,) if found.key_policy else ()), *(found.of(role) or ())):
        for statement in policy.statements:
            for condition in statement.conditions:
                if condition.key.lower() == "kms:encryptioncontext:purpose":
                    yield from (found.context(role, value.replace("*", "x")) for value in condition.values)


def _side(
    found: Rules,
    role: str,
    contexts: Iterable[Mapping[str, str]],
    key_policy: PolicyDocument | None,
    identity: Sequence[PolicyDocument] | None,
) -> _Side:
    allowed: dict[str, str] = {}
    unsettled: dict[str, str] = {}
    for action in NEEDED:
        for context in contexts:
            decision = decide(found.request(role, action, context), key_policy, identity)
            if decision.is_allowed:
                words = " with ".join(str(each) for each in decision.statements if each.policy)
                allowed.setdefault(action, words)
            elif decision.outcome is Outcome.UNKNOWN:
                unsettled.setdefault(action, decision.reason)
    return _Side(allowed, {action: why for action, why in unsettled.items() if action not in allowed})


def _diagnosis(case: _Case, facts: Facts, criteria: Criteria, health: Health | Unread | None) -> Diagnosis:
    steps = (
        _key_state(facts, criteria, case.remedies),
        _deny(case),
        _key_policy(case),
        _iam_policy(case, facts),
        _context(case),
        _grants(case),
        _own_checks(case, health),
    )
    return Diagnosis(TOPIC, _sentence(case, steps), steps)


def _sentence(case: _Case, steps: Sequence[Step]) -> str:
    who = short_name(case.role)
    if case.denied:
        return f"{who} may not {', '.join(case.denied)}."
    if any(decision.outcome is Outcome.UNKNOWN for _, _, decision in case.decisions):
        return f"Whether {who} may use the key could not be decided."
    if any(step.is_wrong for step in steps):
        return f"The policies let {who} use the key, and yet something is wrong."
    return f"{who} may use the key."


def _key_state(facts: Facts, criteria: Criteria, fixes: Remedies) -> Step:
    return judged("key state", run_check(key_enabled, facts, criteria), enable_key(facts, fixes))


def _deny(case: _Case) -> Step:
    """A Deny that looks at the encryption context is the business of that step."""
    for action, _, decision in case.decisions:
        if decision.outcome is Outcome.EXPLICIT_DENY and not _is_about_context(case, decision):
            return wrong("Deny", f"{action} is {decision.reason}", _remove(case, decision))
    return good("Deny", "no statement denies what the role needs, whatever the encryption context")


def _is_about_context(case: _Case, decision: Decision) -> bool:
    policies = (case.rules.key_policy, *(case.rules.of(case.role) or ()))
    return any(
        rules.asks_context(statement)
        for ref in decision.statements
        for policy in policies
        if policy is not None and policy.name == ref.policy
        for statement in policy.statements
        if statement.label == ref.statement
    )


def _remove(case: _Case, decision: Decision) -> str:
    ref, fixes = decision.statements[0], case.remedies
    if case.rules.key_policy is None or ref.policy != case.rules.key_policy.name:
        return f"take {ref.statement} out of the {ref.policy}"
    return f"{fixes.plan()} {shlex.join(['--prune', ref.statement])}"


def _key_policy(case: _Case) -> Step:
    name, side = "key policy", case.delegated
    if case.rules.key_policy is None:
        return unread(name, case.rules.missing[sources.KEY_POLICY.name])
    if not case.named.lacking and not case.named.unsettled:
        return good(name, f"names the role ({case.named.words})")
    if side.lacking:
        actions = "" if len(side.lacking) == len(NEEDED) else f" that allows {', '.join(side.lacking)}"
        said = f"no statement for this role or its account{actions}"
        if not set(side.lacking) & set(case.denied):
            return beside(name, f"{said}; not needed, because a grant allows it")
        gone = "".join(f"; {name} is a principal that was deleted" for name in _deleted(case.rules.key_policy))
        return wrong(name, said + gone, case.remedies.plan(fluo_role_arns=case.remedies.roles))
    if side.unsettled:
        return unread(name, next(iter(side.unsettled.values())))
    return good(name, f"leaves it to the policies of the role ({side.words})")


def _deleted(policy: PolicyDocument) -> Iterator[str]:
    """Give the unique ids that stand for deleted principals: a new role of the same name has another.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    """
    for statement in policy.statements:
        if statement.principals is not None:
            yield from (name for kind, name in statement.principals.values if kind == "AWS" and _UNIQUE.fullmatch(name))


def _iam_policy(case: _Case, facts: Facts) -> Step:
    name, side = "IAM policy", case.identity
    if case.rules.identity is None:
        return unread(name, case.rules.missing[sources.ROLE_POLICIES.name])
    attached = _policy_names(facts, case.role)
    if not side.lacking and not side.unsettled:
        return good(name, f"attached, allows it ({side.words})")
    if not side.lacking:
        return unread(name, next(iter(side.unsettled.values())))
    said = f"{', '.join(attached)}: no statement allows {', '.join(side.lacking)}" if attached else "none is attached"
    if not set(side.lacking) & set(case.named.lacking) & set(case.denied):
        return beside(name, f"{said}; not needed, because the key policy or a grant allows it")
    if set(side.lacking) <= set(case.delegated.lacking):
        return beside(name, f"{said}; the key policy keeps the role out before that")
    role = short_name(case.role).rpartition("/")[2]
    return wrong(name, said, case.remedies.plan(attach_to_role=True, fluo_iam_role_name=role))


def _policy_names(facts: Facts, role: str) -> tuple[str, ...]:
    fact = facts.get(sources.ROLE_POLICIES.name)
    found = rows(fact.value) if isinstance(fact, Have) else ()
    return tuple(row["policy_name"] or "" for row in found if row["role_arn"] == role)


def _context(case: _Case) -> Step:
    name = "encryption context"
    for action, context, decision in case.decisions:
        if decision.is_allowed or action not in USE:
            continue
        if decision.outcome is Outcome.UNKNOWN:
            return unread(name, f"{action} with {context_words(context)}: {decision.reason}")
        about_context = _is_about_context(case, decision)
        if decision.outcome is Outcome.EXPLICIT_DENY and not about_context:
            return beside(name, f"{action} is denied whatever it is")
        if not about_context and not _allowed_in_other_context(case, action):
            return beside(name, f"{action} is allowed with none")
        fix = case.remedies.plan(encryption_context_purposes=tuple(each["purpose"] for each in case.contexts))
        return wrong(name, f"{context_words(context)} is not allowed: {decision.reason}", fix)
    asked = [context_words(context) for context in case.contexts]
    return good(name, f"{' and '.join(asked)} {'are' if len(asked) > 1 else 'is'} allowed")


def _allowed_in_other_context(case: _Case, action: str) -> bool:
    by_account = action in case.delegated.allowed and action in case.identity.allowed
    return action in case.named.allowed or by_account


def _grants(case: _Case) -> Step:
    if case.rules.grants is None:
        return unread("grants", case.rules.missing[sources.GRANTS.name])
    held = [grant for grant in case.rules.grants if grant.grantee == case.role]
    if not held:
        return beside("grants", "none for this role")
    return good("grants", "; ".join(f"{each.label}: {', '.join(each.operations)}" for each in held))


def _own_checks(case: _Case, health: Health | Unread | None) -> Step:
    """The backend's own checks send purposes that nobody declares: where those are enforced, it is DOWN."""
    name = "backend's own checks"
    contexts = {f"purpose={p}": case.rules.context(case.role, p) for p in OBSERVED_PURPOSES}
    contexts["no purpose"] = _WITHOUT_PURPOSE
    calls = {words: case.rules.decide(case.role, "kms:GenerateDataKey", c) for words, c in contexts.items()}
    denied = [words for words, d in calls.items() if d.outcome in {Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY}]
    if isinstance(health, Unread):
        return unread(name, health.reason)
    if not denied:
        return beside(name, "nothing they send is denied") if health is None else _of_health(name, health)
    said = f"{', '.join(denied)}: denied"
    if health is None:
        return beside(name, f"{said}; --backend-url shows whether the backend needs them")
    if health.up:
        return good(name, f"{said}, and the backend is UP: it does not need them")
    fix = case.remedies.plan(extra_context_purposes=OBSERVED_PURPOSES)
    return wrong(name, f"{said}, and the backend is DOWN: {health.error or 'it does not say why'}", fix)


def _of_health(name: str, health: Health) -> Step:
    if health.up:
        return good(name, "the backend is UP")
    return wrong(
        name,
        f"the backend is DOWN: {health.error or 'it does not say why'}; if access was denied to it, look at what is "
        "not read here: permissions boundaries, policies of the organization, VPC endpoint policies",
    )
