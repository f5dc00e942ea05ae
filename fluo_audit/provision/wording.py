"""A plan in words, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fluo_audit.policy import KMS_ACTIONS
from fluo_audit.provision.costs import monthly_cost
from fluo_audit.provision.plan import ADD, CHANGE, REFUSED, Change, Difference, Plan
from fluo_audit.provision.resource import Resource

# Canonical policies are in lower case, as IAM compares; people read the names as AWS writes them.
_SPELLED = {f"kms:{action.name}".lower(): f"kms:{action.name}" for action in KMS_ACTIONS} | {
    "kms:encryptioncontext:purpose": "kms:EncryptionContext:purpose",
    "kms:encryptioncontext:tenantid": "kms:EncryptionContext:tenantId",
}
SECRET = "(external id)"  # noqa: S105, what stands in its place


def summary_of(resource: Resource) -> str:
    """Return what is worth knowing about a resource that is to be created."""
    facts = resource.facts
    if resource.kind == "KMS key":
        regions = ", multi-Region" if facts["multi-Region"] else ""
        return f"rotation {facts['rotation']} days{regions}, {_count(facts, 'statement')} policy statements"
    if resource.kind == "IAM policy":
        return "4 actions" + _purposes(resource)
    if resource.kind == "alarm":
        return f"more than {facts['threshold']:.0f} in {facts['evaluation periods']} x {facts['period']} s"
    return ""


def _count(facts: Mapping[str, Any], word: str) -> int:
    return sum(fact.startswith(f"{word} ") for fact in facts)


def _purposes(resource: Resource) -> str:
    condition = resource.facts["statement FluoKmsUse"].get("Condition", {}).get("StringEquals", {})
    purposes = condition.get("kms:encryptioncontext:purpose", ())
    return f", {len(purposes)} purposes" if purposes else ", any encryption context"


def secrets_in(plan: Plan) -> frozenset[str]:
    """Return the external ids, those wanted and those found: neither is shown."""
    found = {plan.spec.external_id}
    for change in plan.changes:
        for facts in (change.resource.facts, change.seen.facts if change.seen else {}):
            found.update(_external_ids(facts))
    return frozenset(found - {""})


def _external_ids(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == "sts:externalid":
                yield from item
            else:
                yield from _external_ids(item)


def without_secrets(value: Any, secrets: frozenset[str]) -> Any:
    """Return JSON values with external ids blotted out: as values, and inside policy documents."""
    if isinstance(value, Mapping):
        return {name: without_secrets(item, secrets) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item, secrets) for item in value]
    if not isinstance(value, str) or value in secrets:
        return SECRET if value in secrets else value
    for secret in secrets:
        value = value.replace(json.dumps(secret), json.dumps(SECRET))
    return value


def difference_lines(difference: Difference, secrets: frozenset[str] = frozenset()) -> Iterator[str]:
    """Give what differs, one line a point; `secrets` are never shown, but that they differ is."""

    def changed(before: Any, after: Any) -> str:
        return _changed(without_secrets(before, secrets), without_secrets(after, secrets))

    have, want = difference.have, difference.want
    if isinstance(have, Mapping) and isinstance(want, Mapping):
        for element in sorted({*have, *want}):
            if have.get(element) != want.get(element):
                yield f"{difference.fact}, {element}: {changed(have.get(element), want.get(element))}"
    elif isinstance(want, Mapping):
        yield f"{difference.fact}: missing"
    elif isinstance(have, Mapping) and want is None:
        yield f"{difference.fact}: not wanted"
    else:
        yield f"{difference.fact}: {changed(have, want)}"


def _changed(before: Any, after: Any) -> str:
    """Return a change: of two lists that share something, what is added and what is taken away."""
    if isinstance(before, list) and isinstance(after, list) and any(item in after for item in before):
        added = [_said(item) for item in after if item not in before]
        gone = [_said(item) for item in before if item not in after]
        parts = [f"with {', '.join(added)}" if added else "", f"without {', '.join(gone)}" if gone else ""]
        return "; ".join(filter(None, parts))
    return f"{_said(before)} -> {_said(after)}"


def _said(value: Any) -> str:
    if value is None or value == {}:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{_said(key)} {_said(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_said(item) for item in value) + "]"
    text = str(value)
    return _SPELLED.get(text, text)


def counts(plan: Plan) -> str:
    """Return how much is to be done."""
    add, change, refused = (sum(each.mark == mark for each in plan.changes) for mark in (ADD, CHANGE, REFUSED))
    said = f"{add} to add, {change} to change, 0 to remove"
    return said + (f", {refused} that nothing here changes" if refused else "")


def price(plan: Plan) -> str:
    """Return what the keys cost a month: a new key less at first than after two rotations."""
    cost = monthly_cost(plan.spec)
    key = plan.change("KMS key")
    if key is None or key.seen is None:
        return (
            f"About ${cost.now_usd:.2f} a month for the keys at first, ${cost.later_usd:.2f} after the second rotation"
        )
    return f"Up to ${cost.later_usd:.2f} a month for the keys"


def name_of(change: Change) -> str:
    """Return the resource's name, with its Region when it is another one."""
    resource = change.resource
    return resource.name + (f" in {resource.region}" if resource.region else "")
