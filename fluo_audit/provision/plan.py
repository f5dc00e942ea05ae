"""Look, compare, plan: which writes lead from what is there to what is wanted. Only reads are sent.

The writes follow from what was compared, never from anything else: a plan read from a file is worked out again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fluo_audit.aws.door import Reader, ReadError
from fluo_audit.errors import ExitCode, FluoAuditError, RefusedError
from fluo_audit.model.evidence import Missing
from fluo_audit.provision.desired import Choice, desired_resources, fluo_roles
from fluo_audit.provision.documents import document
from fluo_audit.provision.kinds.all import KINDS
from fluo_audit.provision.look import Look
from fluo_audit.provision.resource import Place, Resource, Seen, Step, filled
from fluo_audit.provision.spec import ROLE_ARN, Spec
from fluo_audit.provision.statements import statement_facts

TERRAFORM = ("terraform", "opentofu")
"""Values of the tag ManagedBy, in any case, that say that another tool owns the key."""
_IN_NO_WAY = (None, "", "Creating")
"""What stands in no way: nothing, and a replica that KMS is still making."""
ADD, CHANGE, SAME, REFUSED, UNREAD = "+", "~", "=", "!", "?"


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact that is not as wanted. `instead` says what to do about one that nothing here changes."""

    fact: str
    have: Any
    want: Any
    variable: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done about one resource."""

    resource: Resource
    mark: str
    differences: tuple[Difference, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    missing: Missing | None = None
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was wanted, found and concluded."""

    spec: Spec
    place: Place
    choice: Choice
    changes: tuple[Change, ...]
    known: Mapping[str, str]
    """Placeholders that are filled already, such as the ARN of an existing key."""
    notes: tuple[str, ...]
    roles: tuple[str, ...]
    """ARNs of the FLUO roles."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return the writes, in order."""
        return tuple(step for change in self.changes for step in change.steps)

    @property
    def pending(self) -> tuple[Change, ...]:
        """Return what differs, or could not be read."""
        return tuple(change for change in self.changes if change.mark != SAME)

    @property
    def complete(self) -> bool:
        """Whether everything could be read."""
        return not any(change.mark == UNREAD for change in self.changes)

    @property
    def exit_code(self) -> ExitCode:
        """Return what a plan ends with: 1 for changes, else 3 for what could not be read, else 0."""
        if any(change.mark not in {SAME, UNREAD} for change in self.changes):
            return ExitCode.EXCEPTIONS
        return ExitCode.OK if self.complete else ExitCode.INCOMPLETE

    @property
    def observed_sha256(self) -> str:
        """Return the hash of everything that was found: a plan holds for this state alone."""
        found = [
            [change.resource.label, None if change.seen is None else [change.seen.facts, _stable(change.seen.raw)]]
            for change in self.changes
        ]
        return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()

    def change(self, kind: str, region: str = "") -> Change | None:
        """Return the first change of a kind in a Region."""
        return next((c for c in self.changes if (c.resource.kind, c.resource.region) == (kind, region)), None)

    @property
    def terraform_managed(self) -> bool:
        """Whether the key says that Terraform manages it."""
        key = self.change("KMS key")
        return bool(key and key.seen and key.seen.raw["managed by"].lower() in TERRAFORM)


def _stable(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is found without the spelling of policies: KMS lists their parts in another order each time."""
    return {name: value for name, value in raw.items() if name not in {"kept", "sids"}}


def find_place(read: Reader, region: str) -> Place:
    """Return where the plan is made, and by whom. Raises FluoAuditError when AWS does not say."""
    try:
        identity = read.call("sts", "GetCallerIdentity", ("Account", "Arn"))
    except ReadError as error:
        raise FluoAuditError(f"AWS does not say who calls: {error.missing.reason}", error.missing.remedy) from error
    return Place(identity["Account"], identity["Arn"].split(":")[1], region, identity["Arn"])


def make_plan(read: Reader, region: str, spec: Spec, choice: Choice) -> Plan:
    """Return the plan for a Region. Only reads are sent.

    Raises RefusedError for a spec that cannot hold in this account, KeyNotFoundError when several keys may be meant.
    """
    place = find_place(read, region)
    look = Look(read, place)
    if place.region in spec.replica_regions:
        raise RefusedError(f"{place.region} holds the primary key", "leave it out of replica_regions")
    attached, notes = _check_roles(look, spec)
    known: dict[str, str] = {}
    unread: dict[str, Missing] = {}
    changes = []
    for wanted in desired_resources(spec, place, attached, choice):
        missing = _hangs_on(wanted, unread)
        change = (
            Change(wanted, UNREAD, missing=missing) if missing else _compare(look, _resolved(wanted, known), choice)
        )
        changes.append(change)
        if wanted.kind == "KMS key" and change.missing is not None:
            unread |= dict.fromkeys(wanted.details["placeholders"], change.missing)
        if wanted.kind == "KMS key" and change.seen is not None:
            arn, key_id = wanted.details["placeholders"]
            known |= {arn: change.seen.raw["arn"], key_id: change.seen.raw["id"]}
    roles = fluo_roles(spec, place, attached)
    if both := set(roles) & set(spec.key_admin_arns):
        raise RefusedError(f"{min(both)} would use the key and administer it", "take it out of key_admin_arns")
    return Plan(spec, place, choice, tuple(changes), known, (*spec.warnings(), *notes), roles)


def _hangs_on(wanted: Resource, unread: Mapping[str, Missing]) -> Missing | None:
    """Return why a resource that names a key cannot be judged: the key itself could not be read."""
    text = json.dumps([wanted.facts, wanted.details], default=str)
    return next((missing for placeholder, missing in unread.items() if placeholder in text), None)


def _check_roles(look: Look, spec: Spec) -> tuple[str, tuple[str, ...]]:
    """Return the ARN of the role to attach to, and what should be known about roles that cannot be seen from here.

    Raises RefusedError for a role that does not exist: KMS would refuse the policy that names it.
    """
    attached = ""
    if spec.attach_to_role:
        attached = _role_arn(look, spec.fluo_iam_role_name)
    notes = []
    for arn in dict.fromkeys((*spec.fluo_role_arns, *spec.key_admin_arns, *spec.auditor_role_arns)):
        match = ROLE_ARN.fullmatch(arn)
        assert match is not None, "the spec was checked"  # noqa: S101
        if spec.create_iam_role and match["name"] == spec.role_name:
            continue  # the plan creates it
        if match["account"] != look.place.account:
            notes.append(
                f"{arn} belongs to another account: it also needs an identity policy there, "
                "see fluo-audit output iam_policy_document"
            )
        elif _role_arn(look, match["name"]) != arn:
            raise RefusedError(f"no role {arn}: {match['name']} has another path", "give the ARN that IAM shows")
    return attached, tuple(notes)


def _role_arn(look: Look, name: str) -> str:
    try:
        answer = look.ask("iam", "GetRole", absent=("NoSuchEntity",), expect=("Role.Arn",), RoleName=name)
    except ReadError as error:
        raise FluoAuditError(
            f"whether the role {name} exists could not be read: {error.missing.reason}", error.missing.remedy
        ) from error
    if answer is None:
        raise RefusedError(f"the role {name} does not exist in account {look.place.account}", "check the name")
    return str(answer["Role"]["Arn"])


def _resolved(wanted: Resource, known: Mapping[str, str]) -> Resource:
    facts, details = filled(wanted.facts, known), filled(wanted.details, known)
    if "statements" in details:  # the order of what a canonical form lists depends on what filled it
        facts |= statement_facts(document(details["statements"]), wanted.label, "aws")
    return replace(wanted, facts=facts, details=details)


def _compare(look: Look, wanted: Resource, choice: Choice) -> Change:
    kind = KINDS[wanted.kind]
    try:
        seen = kind.observe(look, wanted)
    except ReadError as error:
        return Change(wanted, UNREAD, missing=error.missing)
    if seen is None:
        return Change(wanted, ADD, steps=tuple(kind.steps(wanted, None, ())))
    differences = tuple(_differences(wanted, seen, choice))
    if not differences:
        return Change(wanted, SAME, notes=seen.notes, seen=seen)
    changed = {each.fact for each in differences if not each.instead}
    steps = tuple(kind.steps(wanted, seen, changed)) if changed else ()
    mark = REFUSED if any(each.instead for each in differences) else CHANGE
    return Change(wanted, mark, differences, steps, seen.notes, seen=seen)


def _owned_elsewhere(fact: str, have: Any, choice: Choice) -> bool:
    return fact == "tag ManagedBy" and str(have).lower() in TERRAFORM and not choice.take_ownership


def _differences(wanted: Resource, seen: Seen, choice: Choice) -> Iterator[Difference]:
    for fact in [*wanted.facts, *(fact for fact in seen.facts if fact not in wanted.facts)]:
        have, want = seen.facts.get(fact), wanted.facts.get(fact)
        if have == want or _owned_elsewhere(fact, have, choice):
            continue
        yield Difference(
            fact, have, want, wanted.variable(fact), wanted.instead(fact) if have not in _IN_NO_WAY else ""
        )
