"""Provisioning, stage by stage: spec, look, compare, pre-flight, apply, look again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from fluo_audit.aws.door import Door, ReadError
from fluo_audit.aws.permissions import PROVISION_READS, READS
from fluo_audit.aws.writes import WriteDoor
from fluo_audit.collect.all import collect
from fluo_audit.collect.job import Job, Progress
from fluo_audit.errors import FluoAuditError, RefusedError, UsageError
from fluo_audit.model import sources
from fluo_audit.model.evidence import Missing
from fluo_audit.model.scope import Scope
from fluo_audit.pipeline import Account, period_of, resolve_key
from fluo_audit.policy import PolicyDocument, parse_policy
from fluo_audit.provision import documents
from fluo_audit.provision.apply import PATIENCE, PAUSE, apply_plan, check_plan
from fluo_audit.provision.defects.observe import Given, set_up_of
from fluo_audit.provision.defects.set_up import SetUp
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.journal import Journal
from fluo_audit.provision.kinds.key import key_policy
from fluo_audit.provision.look import Look
from fluo_audit.provision.outputs import Output, outputs_of
from fluo_audit.provision.plan import Change, Difference, Plan, find_place, make_plan
from fluo_audit.provision.plan_file import CLOCK_SKEW, Preflight, SavedPlan, plan_document, require_current, save_plan
from fluo_audit.provision.preflight import would_be_denied
from fluo_audit.provision.resource import KEY_ARN, TRAIL_KEY_ARN, Place, Step, filled
from fluo_audit.provision.spec import ROLE_ARN, Spec, spec_of
from fluo_audit.provision.statements import PREFIX
from fluo_audit.settings import Settings

HISTORY = "90d"


def spec_for(settings: Settings, given: Mapping[str, Any], *, roles_needed: bool = True) -> Spec:
    """Return the desired state: options over --spec over [provision], completed by what [baseline] declares.

    `given` holds the first two. Raises UsageError, also when nobody is named who uses the key and `roles_needed`.
    """
    variables = {"environment": settings.environment, **settings.provision, **given}
    baseline = settings.baseline
    asked = any(variables.get(name) for name in ("fluo_role_arns", "create_iam_role", "attach_to_role"))
    if not asked and baseline.backend_roles:
        variables["fluo_role_arns"] = list(baseline.backend_roles)
    administrators = [arn for arn in baseline.key_administrators if ROLE_ARN.fullmatch(arn)]
    variables.setdefault("key_admin_arns", administrators)
    variables.setdefault("encryption_context_purposes", list(baseline.encryption_context_purposes))
    variables.setdefault("key_rotation_period_days", max(90, baseline.cryptoperiod_days))
    if not variables["environment"]:
        raise UsageError("no environment", "give --environment, such as production: the alias is alias/fluo-production")
    return spec_of(variables, "the desired state", roles_needed=roles_needed)


def named_key(account: Account) -> str:
    """Return the ARN of the key that --key or the settings name, or empty text: then alias and tags say it."""
    if not account.settings.key:
        return ""
    return resolve_key(replace(account, settings=replace(account.settings, environment=""))).arn


def plan_for(account: Account, spec: Spec, choice: Choice) -> Plan:
    """Return the plan. Only reads are sent."""
    door = Door(account.transport, account.region, PROVISION_READS)
    return make_plan(door.reader("provision"), account.region, spec, choice)


def preflight_of(account: Account, plan: Plan, progress: Progress) -> Preflight | None:
    """Return what the last 90 days of CloudTrail say about the planned policy; None when no key policy changes.

    It reads Event history, two pages a second: that takes a minute for every 6,000 calls.
    """
    key = plan.change("KMS key")
    stricter = [change for change in plan.changes if change.seen and any(_statements(change))]
    if key is None or key.seen is None or not {"KMS key", "replica key"} & {c.resource.kind for c in stricter}:
        return None
    gaps = [
        f"calls to the replica in {change.resource.region} were not read"
        for change in stricter
        if change.resource.kind == "replica key"
    ]
    if key not in stricter:
        return Preflight(gap="; ".join(gaps))
    now = account.clock.now()
    scope = Scope(plan.place.account, plan.place.region, plan.known[KEY_ARN], period_of(HISTORY, None, None, now), now)
    job = Job(scope, account.settings.baseline, progress=progress)
    facts = collect(Door(account.transport, account.region), job, only=(sources.EVENTS,))
    events = facts[sources.EVENTS.name]
    if isinstance(events, Missing):
        return Preflight(gap=f"CloudTrail could not be read: {events.operation} answered {events.reason}")
    roles = tuple(sorted({*plan.roles, *_roles_in(each.have for each in _statements(key))}))
    calls = would_be_denied(
        events.value,
        roles,
        plan.known[KEY_ARN],
        _policy(key_policy(key.resource, key.seen), "new key policy", plan),
        {role: _certain_policies(plan, role) for role in roles},
    )
    return Preflight(calls, "; ".join([*events.coverage.gaps, *gaps]))


def _statements(change: Change) -> Iterator[Difference]:
    return (each for each in change.differences if each.fact.startswith(PREFIX))


def _roles_in(statements: Iterable[Any]) -> set[str]:
    """Return the roles that statements to be replaced or removed allow something: they may lose it."""
    named = [
        name
        for statement in statements
        if statement and statement["Effect"] == "Allow"
        for name in statement.get("Principal", {}).get("AWS", ())
    ]
    return {name for name in named if ROLE_ARN.fullmatch(name)}


def _certain_policies(plan: Plan, role: str) -> tuple[PolicyDocument, ...]:
    """Return the identity policies that the plan itself gives a role. Others of the role count for nothing here.

    So a role that lives on policies of its own may be listed although nothing changes for it; one that loses the key
    is never passed over.
    """
    if not plan.spec.role_name or role.rsplit("/", 1)[-1] != plan.spec.role_name:
        return ()
    statements = documents.access_statements(plan.spec, plan.spec.replica_regions, plan.place)
    return (_policy(documents.document(statements), "new access policy", plan),)


def _policy(document: Mapping[str, Any], name: str, plan: Plan) -> PolicyDocument:
    return parse_policy(filled(document, plan.known), name=name, partition=plan.place.partition)


def write_plan(path: Path, account: Account, plan: Plan, preflight: Preflight | None) -> dict[str, Any]:
    """Save a plan, and return it as JSON values."""
    document = plan_document(plan, preflight, account.clock.now())
    save_plan(path, document)
    return document


def choice_for(
    account: Account, spec: Spec, path: Path, *, take_ownership: bool = False, prune: tuple[str, ...] = ()
) -> Choice:
    """Return what a plan is asked beside the spec, with what the journal beside the plan file remembers."""
    key, trail_key = journal_for(account, spec, path).made()
    return Choice(named_key(account), key, trail_key, prune, take_ownership)


def journal_for(account: Account, spec: Spec, path: Path) -> Journal:
    """Return the journal of an application in this account."""
    place = find_place(Door(account.transport, account.region).reader("provision"), account.region)
    return Journal.beside(path, spec.environment, place)


def require_appliable(
    account: Account, plan: Plan, saved: SavedPlan | None, *, preflight_clear: bool, accept_denied_calls: bool
) -> None:
    """Raise RefusedError unless the plan may be carried out now."""
    if saved is not None:
        require_current(saved, plan, account.clock.now())
    check_plan(plan)
    if not preflight_clear and not accept_denied_calls:
        raise RefusedError(
            "the new key policy would deny calls that succeed today, or CloudTrail could not say",
            "allow their purposes with --extra-context-purpose, change callers that send none, "
            "or accept it with --accept-denied-calls",
        )


def require_unchanged(account: Account, plan: Plan) -> None:
    """Raise RefusedError when what exists is no longer what was shown: a person may take long to answer."""
    if plan_for(account, plan.spec, plan.choice).observed_sha256 != plan.observed_sha256:
        raise RefusedError("something changed since the plan was shown", "plan again and look at what it says")


def carry_out(account: Account, plan: Plan, path: Path, tell: Callable[[Step], None]) -> Plan:
    """Carry a plan out, keep the journal beside it, and return the plan that is left: empty when all holds.

    Raises FluoAuditError when a write fails or the user interrupts. What is made shows up everywhere within a minute,
    so that long is waited.
    """
    journal = Journal.beside(path, plan.spec.environment, plan.place)
    done: list[Step] = []

    def record(step: Step, known: Mapping[str, str]) -> None:
        journal.record(step, known)
        done.append(step)
        tell(step)

    check_plan(plan)
    journal.require_writable()
    began = account.clock.now()
    door = WriteDoor(account.transport, account.region)
    try:
        known = apply_plan(plan, door, account.clock, lambda step: _key_made(account, plan.place, step, began), record)
    except KeyboardInterrupt as error:
        raise FluoAuditError(
            f"interrupted: {len(done)} of {len(plan.steps)} writes are done, the next one perhaps",
            "plan again: it goes on from there",
        ) from error
    choice = replace(plan.choice, prune=(), made=known.get(KEY_ARN, ""), made_for_trail=known.get(TRAIL_KEY_ARN, ""))
    deadline = account.clock.monotonic() + PATIENCE
    while True:
        left = plan_for(account, plan.spec, choice)
        if not left.pending or account.clock.monotonic() + PAUSE > deadline:
            return left
        account.clock.sleep(PAUSE)


def _key_made(account: Account, place: Place, step: Step, began: datetime) -> str:
    """Return the ARN of the one key that carries the tags of a CreateKey and is not older than it, or empty text."""
    look = Look(Door(account.transport, account.region, PROVISION_READS).reader("provision"), place)
    tags = {tag["TagKey"]: tag["TagValue"] for tag in step.parameters["Tags"]}
    try:
        found = [
            arn
            for arn in look.tagged_keys(tags)
            if look.ask("kms", "DescribeKey", KeyId=arn.rsplit("/", 1)[-1])["KeyMetadata"]["CreationDate"]
            >= began - CLOCK_SKEW
        ]
    except ReadError:
        return ""  # not known: the caller asks again, and gives up in the end
    return found[0] if len(found) == 1 else ""


def outputs_for(account: Account, spec: Spec, choice: Choice) -> dict[str, Output]:
    """Return every output of what exists. Only reads are sent. Raises FluoAuditError for what could not be read."""
    plan = plan_for(account, spec, choice)
    for change in plan.changes:
        if change.missing is not None:
            what = f"{change.missing.operation} answered {change.missing.reason}"
            raise FluoAuditError(f"{change.resource.label} could not be read: {what}", change.missing.remedy)
    return outputs_of(plan, collector_policy())


def set_up_for(account: Account, spec: Spec, choice: Choice, given: Given) -> SetUp:
    """Return what is known about the set-up in an account, with what files say about it. Only reads are sent."""
    plan = plan_for(account, spec, choice)
    key = plan.change("KMS key")
    made_here = bool(key and key.seen and key.seen.raw["managed by"] == "fluo-audit")
    reader = Door(account.transport, account.region, PROVISION_READS).reader("provision")
    return set_up_of(Look(reader, plan.place), plan, given, outputs_of(plan, collector_policy()) if made_here else {})


def collector_policy() -> dict[str, Any]:
    """Return the IAM policy that collecting needs: reads, and nothing else."""
    actions = sorted(READS | {"tag:GetResources"})
    return documents.document([{"Sid": "FluoAuditRead", "Effect": "Allow", "Action": actions, "Resource": "*"}])
