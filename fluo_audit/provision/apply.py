"""Carry out a plan: the checks before, the writes in order, and a look afterwards whether they hold."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fluo_audit.aws.clock import Clock
from fluo_audit.aws.writes import WriteDoor, WriteError
from fluo_audit.errors import FluoAuditError, RefusedError
from fluo_audit.policy import Caller, Outcome, Request, decide, parse_policy
from fluo_audit.policy.validate import Severity, problems
from fluo_audit.provision.documents import ROOT_SID
from fluo_audit.provision.plan import REFUSED, UNREAD, Plan
from fluo_audit.provision.resource import KEY_ARN, KEY_ID, TRAIL_KEY_ARN, TRAIL_KEY_ID, Place, Step, filled

PATIENCE = 60.0
"""Seconds to wait for a role or policy made a moment ago to become visible."""
PAUSE = 4.0


def check_plan(plan: Plan) -> None:
    """Raise RefusedError for a plan that must not be carried out: nothing is written then.

    That is a plan with facts that could not be read or that need a decision by hand, on a key that Terraform manages,
    or with a policy that AWS would refuse or that would lock the caller out.
    """
    for change in plan.changes:
        if change.mark == UNREAD and change.missing is not None:
            raise RefusedError(
                f"{change.resource.label} could not be read: {change.missing.operation} answered "
                f"{change.missing.reason}",
                change.missing.remedy,
            )
        if change.mark == REFUSED:
            told = next(each for each in change.differences if each.instead)
            raise RefusedError(f"{change.resource.label}: {told.fact} is {told.have}, not {told.want}", told.instead)
        orphans = change.seen.raw.get("orphans") if change.seen else None
        if orphans and any(step.operation == "PutKeyPolicy" for step in change.steps):
            raise RefusedError(
                f"{change.resource.label}: KMS refuses a policy that names deleted roles or users, as "
                f"{', '.join(orphans)} does",
                "plan again with " + " ".join(f"--prune {shlex.quote(sid)}" for sid in orphans),
            )
    if plan.steps and plan.terraform_managed and not plan.choice.take_ownership:
        named = ",".join(each.variable for change in plan.pending for each in change.differences if each.variable)
        variables = sorted({name.strip() for name in named.split(",") if name})
        raise RefusedError(
            "Terraform manages this key (tag ManagedBy): two tools would undo each other's work",
            f"change {', '.join(variables) or 'the variables'} there, or hand the key over with --take-ownership",
        )
    for step in plan.steps:
        check_step(step, plan)


def check_step(step: Step, plan: Plan) -> None:
    """Raise RefusedError when a policy in the step is one AWS would refuse, or one that locks the caller out."""
    for member, kind in _POLICIES.get(step.operation, {}).items():
        text = str(filled(step.parameters[member], {**_stand_ins(plan.place), **plan.known}))
        found = [
            each for each in problems(text, kind=kind, account=plan.place.account) if each.severity is Severity.ERROR
        ]
        if found:
            raise RefusedError(
                f"{step.label}: {found[0].where}: {found[0].problem}",
                "correct the spec, or remove a statement that is not ours with --prune",
            )
        if kind == "key":
            check_lockout(text, plan.place, plan.roles)


_POLICIES: Mapping[str, Mapping[str, Any]] = {
    "CreateKey": {"Policy": "key"},
    "ReplicateKey": {"Policy": "key"},
    "PutKeyPolicy": {"Policy": "key"},
    "CreatePolicy": {"PolicyDocument": "identity"},
    "CreatePolicyVersion": {"PolicyDocument": "identity"},
}


def _stand_ins(place: Place) -> dict[str, str]:
    """Return ids in place of those of keys that do not exist yet, so that policies about them can be judged."""
    key_id = "00000000-0000-0000-0000-000000000000"
    arn = place.arn("kms", f"key/{key_id}")
    return {KEY_ARN: arn, KEY_ID: key_id, TRAIL_KEY_ARN: arn, TRAIL_KEY_ID: key_id}


def check_lockout(text: str, place: Place, fluo_roles: Iterable[str]) -> None:
    """Raise RefusedError when the new key policy would keep the account or the caller from changing it again.

    AWS's own check can be switched off; this one cannot, and the request that would is never sent.
    """
    policy = parse_policy(text, name="new key policy", partition=place.partition)
    root = [statement for statement in policy.statements if statement.sid == ROOT_SID]
    caller = Caller(place.caller)
    if not root:
        raise RefusedError(f"the new key policy has no statement {ROOT_SID}: IAM could not mend it", "keep it")
    if caller.role_name and (caller.account, caller.role_name) in {_account_and_name(arn) for arn in fluo_roles}:
        raise RefusedError(
            f"{place.caller} is a FLUO role: it uses the key and may not administer it",
            "apply as a role that administers keys",
        )
    request = Request(action="kms:PutKeyPolicy", caller=caller, key_arn=_stand_ins(place)[KEY_ARN])
    # The caller is about to make this very call: its own policies allow it, or AWS refuses the call itself.
    own = parse_policy(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:PutKeyPolicy", "Resource": "*"}}
    )
    decision = decide(request, policy, [own])
    if decision.outcome is not Outcome.ALLOW:
        raise RefusedError(
            f"the new key policy would keep {place.caller} from changing it again: {decision.reason}",
            "apply as another role, or correct the spec",
        )


def _account_and_name(role_arn: str) -> tuple[str, str]:
    return role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]


def apply_plan(
    plan: Plan,
    door: WriteDoor,
    clock: Clock,
    search: Callable[[Step], str],
    tell: Callable[[Step, Mapping[str, str]], None],
) -> dict[str, str]:
    """Carry out the writes in order, tell each one once it is done, and return what the placeholders stand for.

    A failed write ends it: what was done stays, and the next plan goes on from there. When the answer to CreateKey is
    lost, `search` is asked for the ARN of the key that it may have made. Raises FluoAuditError.
    """
    known = dict(plan.known)
    for done, step in enumerate(plan.steps):
        try:
            answer = _patiently(step, filled(step.parameters, known), door, clock, search)
        except WriteError as error:
            raise FluoAuditError(
                f"{step.label}: {step.api} answered {error.code}: {error.message}",
                f"{done} of {len(plan.steps)} writes are done. Plan again: it goes on from there",
            ) from error
        for placeholder, path in step.gives.items():
            known[placeholder] = _member(answer, path)
        tell(step, known)
    return known


def _patiently(
    step: Step, parameters: dict[str, Any], door: WriteDoor, clock: Clock, search: Callable[[Step], str]
) -> Mapping[str, Any]:
    deadline = clock.monotonic() + PATIENCE
    while True:
        try:
            return door.write(step.service, step.operation, step.region, parameters)
        except WriteError as error:
            if error.lost and step.operation == "CreateKey":
                return _made_after_all(step, error, clock, search)
            if error.code not in step.waits_for or clock.monotonic() + PAUSE > deadline:
                raise
            clock.sleep(PAUSE)


def _made_after_all(step: Step, error: WriteError, clock: Clock, search: Callable[[Step], str]) -> Mapping[str, Any]:
    """Return the answer that was lost. CreateKey knows no idempotency token: sent again, it makes a second key."""
    deadline = clock.monotonic() + PATIENCE
    while not (arn := search(step)):
        if clock.monotonic() + PAUSE > deadline:
            hint = "wait a few minutes and plan again: a key that was made after all is found by its tags"
            raise FluoAuditError(f"{step.label}: the answer to {step.api} was lost ({error.code})", hint) from error
        clock.sleep(PAUSE)
    return {"KeyMetadata": {"Arn": arn, "KeyId": arn.rsplit("/", 1)[-1]}}


def _member(answer: Mapping[str, Any], path: str) -> str:
    found: Any = answer
    for name in path.split("."):
        found = found[name]
    return str(found)
