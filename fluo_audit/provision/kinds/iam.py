"""IAM: the access policy, roles, what is attached to them, and instance profiles."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fluo_audit.errors import RefusedError
from fluo_audit.provision.documents import document
from fluo_audit.provision.look import Look
from fluo_audit.provision.resource import Resource, Seen, Step, pretty
from fluo_audit.provision.statements import PREFIX, statement_facts

_KEY_REGION = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):")
MOST_VERSIONS = 5
"""Versions of a managed policy that IAM keeps: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
NONE = ("NoSuchEntity",)
"""What IAM answers for what does not exist, and for a moment about what was made just now."""
NOT_VISIBLE_YET = ("MalformedPolicyDocument",)
"""What IAM answers while a role that a trust policy names is not visible to it."""


class ManagedPolicy:
    """A managed policy that is wholly ours. `details`: arn, path, statements, description, tags."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return the default version of the policy."""
        arn = wanted.details["arn"]
        versions = look.pages(
            "iam", "ListPolicyVersions", "Versions", token=("Marker", "Marker"), absent=NONE, PolicyArn=arn
        )
        if versions is None:
            self._require_free(look, wanted)
            return None
        default = next(one["VersionId"] for one in versions if one["IsDefaultVersion"])
        answer = look.ask(
            "iam", "GetPolicyVersion", expect=("PolicyVersion.Document",), PolicyArn=arn, VersionId=default
        )
        text = answer["PolicyVersion"]["Document"]
        _require_same_region(look, wanted, text)
        oldest = min((one["VersionId"] for one in versions if not one["IsDefaultVersion"]), key=_number, default="")
        surplus = oldest if len(versions) >= MOST_VERSIONS else ""
        return Seen(statement_facts(text, f"policy {wanted.name}", look.place.partition), {"surplus": surplus})

    def _require_free(self, look: Look, wanted: Resource) -> None:
        """Raise RefusedError when another path holds a policy of the name: names are unique whatever the path."""
        listed = look.pages("iam", "ListPolicies", "Policies", token=("Marker", "Marker"), Scope="Local")
        for one in listed or ():
            if one.get("PolicyName") == wanted.name:
                raise RefusedError(
                    f"{one['Arn']} has the name of the access policy under another path", "rename or remove it by hand"
                )

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give CreatePolicy, or a new default version; the oldest version makes room when IAM keeps no more."""
        arn, text = wanted.details["arn"], pretty(document(wanted.details["statements"]))
        if seen is None:
            create = {
                "PolicyName": wanted.name,
                "Path": wanted.details["path"],
                "PolicyDocument": text,
                "Description": wanted.details["description"],
                "Tags": _tags(wanted.details["tags"]),
            }
            yield Step(wanted.label, "created", "iam", "CreatePolicy", "", create)
        elif changed:
            if seen.raw["surplus"]:
                oldest = {"PolicyArn": arn, "VersionId": seen.raw["surplus"]}
                yield Step(wanted.label, "oldest version removed", "iam", "DeletePolicyVersion", "", oldest)
            version = {"PolicyArn": arn, "PolicyDocument": text, "SetAsDefault": True}
            yield Step(wanted.label, "new version", "iam", "CreatePolicyVersion", "", version)


class Role:
    """A role of ours. `details`: path, statements (who may assume it), description, tags."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return the role's trust policy and session length."""
        answer = look.ask(
            "iam", "GetRole", absent=NONE, expect=("Role.Arn", "Role.AssumeRolePolicyDocument"), RoleName=wanted.name
        )
        if answer is None:
            return None
        role = answer["Role"]
        facts = {
            "path": role.get("Path", "/"),
            "session": role.get("MaxSessionDuration", 3600),
            **statement_facts(role["AssumeRolePolicyDocument"], f"trust policy of {wanted.name}", look.place.partition),
        }
        return Seen(facts, {"arn": role["Arn"]})

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give CreateRole, or the parts that differ."""
        trust = pretty(document(wanted.details["statements"]))
        if seen is None:
            create = {
                "RoleName": wanted.name,
                "Path": wanted.details["path"],
                "AssumeRolePolicyDocument": trust,
                "MaxSessionDuration": wanted.facts["session"],
                "Description": wanted.details["description"],
                "Tags": _tags(wanted.details["tags"]),
            }
            yield Step(wanted.label, "created", "iam", "CreateRole", "", create, {}, NOT_VISIBLE_YET)
            return
        if any(fact.startswith(PREFIX) for fact in changed):
            parameters = {"RoleName": wanted.name, "PolicyDocument": trust}
            yield Step(wanted.label, "trust set", "iam", "UpdateAssumeRolePolicy", "", parameters, {}, NOT_VISIBLE_YET)
        if "session" in changed:
            parameters = {"RoleName": wanted.name, "MaxSessionDuration": wanted.facts["session"]}
            yield Step(wanted.label, "session length set", "iam", "UpdateRole", "", parameters)


class InlinePolicy:
    """A role's inline policy that is wholly ours. `details`: role, statements."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return the policy in the role."""
        answer = look.ask(
            "iam", "GetRolePolicy", absent=NONE, expect=("PolicyDocument",),
            RoleName=wanted.details["role"], PolicyName=wanted.name,
        )  # fmt: skip
        if answer is None:
            return None
        return Seen(statement_facts(answer["PolicyDocument"], f"policy {wanted.name}", look.place.partition))

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give PutRolePolicy."""
        if seen is None or changed:
            text = pretty(document(wanted.details["statements"]))
            parameters = {"RoleName": wanted.details["role"], "PolicyName": wanted.name, "PolicyDocument": text}
            yield Step(wanted.label, "set", "iam", "PutRolePolicy", "", parameters, {}, NONE)


class Attachment:
    """The access policy on a role. `details`: role, arn."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return whether the role carries the policy."""
        listed = look.pages(
            "iam", "ListAttachedRolePolicies", "AttachedPolicies", token=("Marker", "Marker"), absent=NONE,
            RoleName=wanted.details["role"],
        )  # fmt: skip
        attached = any(one["PolicyArn"] == wanted.details["arn"] for one in listed or ())
        return Seen({"attached": True}) if attached else None

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give AttachRolePolicy."""
        if seen is None and not changed:
            parameters = {"RoleName": wanted.details["role"], "PolicyArn": wanted.details["arn"]}
            yield Step(wanted.label, "attached", "iam", "AttachRolePolicy", "", parameters, {}, NONE)


class InstanceProfile:
    """The instance profile that brings the role to EC2: a role by itself cannot be named there. `details`: path."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return which role the profile holds."""
        answer = look.ask(
            "iam", "GetInstanceProfile", absent=NONE, expect=("InstanceProfile.Roles",), InstanceProfileName=wanted.name
        )
        if answer is None:
            return None
        roles = [role["RoleName"] for role in answer["InstanceProfile"]["Roles"]]
        return Seen({"role": roles[0] if roles else ""})

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give CreateInstanceProfile, and AddRoleToInstanceProfile. A profile holds one role, which is not replaced."""
        if seen is None:
            parameters = {"InstanceProfileName": wanted.name, "Path": wanted.details["path"]}
            yield Step(wanted.label, "created", "iam", "CreateInstanceProfile", "", parameters)
        if seen is None or (changed and not seen.facts["role"]):
            parameters = {"InstanceProfileName": wanted.name, "RoleName": wanted.facts["role"]}
            yield Step(wanted.label, "role added", "iam", "AddRoleToInstanceProfile", "", parameters, {}, NONE)


def _require_same_region(look: Look, wanted: Resource, text: str | Mapping[str, Any]) -> None:
    """Raise RefusedError when the policy belongs to a key elsewhere: IAM is global, and names hold no Region."""
    regions = {match[1] for match in _KEY_REGION.finditer(json.dumps(text))}
    if regions and look.place.region not in regions:
        raise RefusedError(
            f"{wanted.label} belongs to a key in {', '.join(sorted(regions))}, not in {look.place.region}",
            "use another environment for a key in another Region, or replica_regions for the same key there",
        )


def _number(version: str) -> int:
    return int(version.removeprefix("v"))


def _tags(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Key": name, "Value": value} for name, value in sorted(tags.items())]
