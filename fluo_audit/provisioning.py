"""Provisioning, stage by stage: spec, look, compare, pre-flight, apply, look again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
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
from fluo_audit.provision.apply import PATIENCE, PAUSE, apply_plan, check_plan, journal_line
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.kinds.key import key_policy
from fluo_audit.provision.look import Look
from fluo_audit.provision.observe import Given, set_up_of
from fluo_audit.provision.outputs import Output, outputs_of
from fluo_audit.provision.plan import Plan, find_place, make_plan
from fluo_audit.provision.plan_file import Preflight, SavedPlan, plan_document, require_current, save_plan
from fluo_audit.provision.preflight import would_be_denied
from fluo_audit.provision.resource import KEY_ARN, Place, Step, filled
from fluo_audit.provision.set_up import SetUp
from fluo_audit.provision.spec import ROLE_ARN, Spec, spec_of
from fluo_audit.provision.statements import PREFIX
from fluo_audit.settings import Settings

HISTORY = "90d"


def spec_for(settings: Settings, given: Mapping[str, Any]) -> Spec:
    """Return the desired state: options over --spec over [provision], completed by what [baseline] declares.

    `given` holds the first two. Raises UsageError.
    """
    variables = {"environment": settings.environment, **settings.provision, **given}
    baseline = settings.baseline
    asked = any(variables.get(name) for name in ("fluo_role_arns", "create_iam_role", "attach_to_role"))
    if not asked and baseline.backend_roles:
        variables["fluo_role_arns"] = list(baseline.backend_roles)
    variables.setdefault("encryption_context_purposes", list(baseline.encryption_context_purposes))
    variables.setdefault("key_rotation_period_days", max(90, baseline.cryptoperiod_days))
    if not variables["environment"]:
        raise UsageError("no environment", "give --environment, such as production: the alias is alias/fluo-production")
    return spec_of(variables, "the desired state")


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
    """Return what the last 90 days of CloudTrail say about the planned policy; None when nothing gets stricter.

    It reads Event history, two pages a second: that takes a minute for every 6,000 calls.
    """
    key = plan.change("KMS key")
    if key is None or key.seen is None or not plan.spec.enforce_encryption_context:
        return None
    statements = {each.fact for each in key.differences if each.fact.startswith(f"{PREFIX}AllowFluo")}
    statements |= {each.fact for each in key.differences if each.fact.startswith(f"{PREFIX}DenyFluo")}
    if not statements:
        return None
    now = account.clock.now()
    scope = Scope(plan.place.account, plan.place.region, plan.known[KEY_ARN], period_of(HISTORY, None, None, now), now)
    job = Job(scope, account.settings.baseline, progress=progress)
    facts = collect(Door(account.transport, account.region), job, only=(sources.EVENTS,))
    events = facts[sources.EVENTS.name]
    if isinstance(events, Missing):
        return Preflight(gap=f"CloudTrail could not be read: {events.operation} answered {events.reason}")
    roles = tuple(sorted({*plan.roles, *_roles_of_today(key.seen.facts)}))
    identity = _access_policy(plan)
    calls = would_be_denied(
        events.value,
        roles,
        plan.known[KEY_ARN],
        _policy(key_policy(key.resource, key.seen), "new key policy", plan),
        dict.fromkeys(roles, (identity,)),
    )
    return Preflight(calls, "; ".join(events.coverage.gaps))


def _roles_of_today(facts: Mapping[str, Any]) -> set[str]:
    """Return the roles that the statements to be replaced name: they may lose what they have."""
    named = [
        name
        for fact, statement in facts.items()
        if fact.startswith(f"{PREFIX}AllowFluo")
        for name in statement.get("Principal", {}).get("AWS", ())
    ]
    return {name for name in named if ROLE_ARN.fullmatch(name)}


def _policy(document: Mapping[str, Any], name: str, plan: Plan) -> PolicyDocument:
    return parse_policy(filled(document, plan.known), name=name, partition=plan.place.partition)


def _access_policy(plan: Plan) -> PolicyDocument:
    statements = documents.access_statements(plan.spec, plan.spec.replica_regions, plan.place)
    return _policy(documents.document(statements), "new access policy", plan)


def write_plan(path: Path, account: Account, plan: Plan, preflight: Preflight | None) -> dict[str, Any]:
    """Save a plan, and return it as JSON values."""
    document = plan_document(plan, preflight, account.clock.now())
    save_plan(path, document)
    return document


def made_by_journal(path: Path, account: str, region: str) -> str:
    """Return the ARN of the key that an interrupted application of this plan file created, or empty text."""
    journal = journal_of(path)
    if not journal.is_file():
        return ""
    try:
        lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines() if line.strip()]
        made = [str(line["known"].get(KEY_ARN, "")) for line in lines if line["done"] == "kms:CreateKey"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(f"{journal}: not the journal of a plan: {error}", "move it away and plan again") from error
    return next((arn for arn in reversed(made) if f":kms:{region}:{account}:" in arn), "")


def journal_of(path: Path) -> Path:
    """Return where the record of an application lies: beside its plan."""
    return path.with_name(f"{path.name}.journal")


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
            "allow their purposes with --extra-context-purpose, or accept it with --accept-denied-calls",
        )


def carry_out(account: Account, plan: Plan, path: Path, tell: Callable[[Step], None]) -> Plan:
    """Carry a plan out, keep the journal beside it, and return the plan that is left: empty when all holds.

    Raises FluoAuditError when a write fails. What is made shows up everywhere within a minute, so that long is waited.
    """
    journal = journal_of(path)

    def record(step: Step, known: Mapping[str, str]) -> None:
        with journal.open("a", encoding="utf-8") as file:
            file.write(journal_line(step, known) + "\n")
        tell(step)

    door = WriteDoor(account.transport, account.region)
    done = apply_plan(plan, door, account.clock, lambda step: _tagged_key(account, plan.place, step), record)
    choice = Choice(plan.choice.key, done.known.get(KEY_ARN, ""), plan.choice.prune, plan.choice.take_ownership)
    deadline = account.clock.monotonic() + PATIENCE
    while True:
        left = plan_for(account, plan.spec, choice)
        if not left.pending or account.clock.monotonic() + PAUSE > deadline:
            return left
        account.clock.sleep(PAUSE)


def _tagged_key(account: Account, place: Place, step: Step) -> str:
    """Return the ARN of the one key that carries the tags of a CreateKey, or empty text."""
    door = Door(account.transport, account.region, PROVISION_READS)
    tags = {tag["TagKey"]: tag["TagValue"] for tag in step.parameters["Tags"]}
    try:
        found = Look(door.reader("provision"), place).tagged_keys(tags)
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


def place_of(account: Account) -> tuple[str, str]:
    """Return the account id and the caller's ARN."""
    place = find_place(Door(account.transport, account.region).reader("provision"), account.region)
    return place.account, place.caller
