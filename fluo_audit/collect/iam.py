"""Facts about who collects, and about the roles the backend runs as."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from fluo_audit.aws.door import Failure, Reader
from fluo_audit.collect.job import Facts, Job, point_in_time, undeclared
from fluo_audit.frames import as_json, frame
from fluo_audit.model.evidence import Have
from fluo_audit.model.facts import Caller
from fluo_audit.model.sources import INSTANCE_PROFILES, ROLE_POLICIES, ROLES

MARKER = ("Marker", "Marker")


def collect_caller(read: Reader, _job: Job, _: Facts) -> Have[Caller]:
    """sts:GetCallerIdentity: it needs no permission."""
    answer = read.call("sts", "GetCallerIdentity", ("Account", "Arn"))
    return point_in_time(read, Caller(answer["Account"], answer["Arn"], answer.get("UserId", "")), 1)


def collect_roles(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """iam:GetRole of every declared backend role."""
    rows = []
    for arn, name in _backend_roles(read, job, "iam:GetRole"):
        role = read.call("iam", "GetRole", ("Role",), RoleName=name)["Role"]
        trust = role.get("AssumeRolePolicyDocument")
        rows.append(
            {
                "role_arn": role.get("Arn", arn),
                "role_name": role.get("RoleName", name),
                "trust_policy": None if trust is None else as_json(trust),
                "created_at": role.get("CreateDate"),
                "last_used_at": role.get("RoleLastUsed", {}).get("LastUsedDate"),
            }
        )
    return point_in_time(read, frame(ROLES, rows), len(rows))


def collect_role_policies(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """Every managed and inline policy of every declared backend role, with its document."""
    rows = []
    for arn, name in _backend_roles(read, job, "iam:ListAttachedRolePolicies"):
        for policy_arn, policy_name, document in _managed(read, name):
            rows.append(_policy_row(arn, policy_name, policy_arn, "managed", document))
        for policy_name, document in _inline(read, name):
            rows.append(_policy_row(arn, policy_name, None, "inline", document))
    return point_in_time(read, frame(ROLE_POLICIES, rows), len(rows))


def collect_instance_profiles(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """iam:ListInstanceProfilesForRole of every declared backend role."""
    rows: list[dict[str, Any]] = []
    for arn, name in _backend_roles(read, job, "iam:ListInstanceProfilesForRole"):
        found = read.pages("iam", "ListInstanceProfilesForRole", "InstanceProfiles", token=MARKER, RoleName=name)
        rows.extend(
            {"role_arn": arn, "profile_name": each.get("InstanceProfileName"), "profile_arn": each.get("Arn")}
            for each in found
        )
    return point_in_time(read, frame(INSTANCE_PROFILES, rows), len(rows))


def _backend_roles(read: Reader, job: Job, api: str) -> Iterator[tuple[str, str]]:
    if not job.baseline.backend_roles:
        raise undeclared(read, api, "backend_roles")
    for arn in job.baseline.backend_roles:
        if arn.split(":")[4:5] != [job.scope.account]:
            raise read.failed(api, Failure("another account", f"{arn} is not in account {job.scope.account}"))
        kind, _, name = arn.split(":", 5)[-1].partition("/")
        if kind != "role" or not name:
            raise read.failed(api, Failure("not a role", f"{arn} in backend_roles is not the ARN of a role"))
        yield arn, name.rpartition("/")[2]


def _managed(read: Reader, role: str) -> Iterator[tuple[str, str, Any]]:
    attached = read.pages(
        "iam",
        "ListAttachedRolePolicies",
        "AttachedPolicies",
        token=MARKER,
        each=("PolicyArn", "PolicyName"),
        RoleName=role,
    )
    for policy in attached:
        arn = policy["PolicyArn"]
        known = read.call("iam", "GetPolicy", ("Policy.DefaultVersionId",), PolicyArn=arn)
        version = known["Policy"]["DefaultVersionId"]
        found = read.call("iam", "GetPolicyVersion", ("PolicyVersion.Document",), PolicyArn=arn, VersionId=version)
        yield arn, policy["PolicyName"], found["PolicyVersion"]["Document"]


def _inline(read: Reader, role: str) -> Iterator[tuple[str, Any]]:
    for name in read.pages("iam", "ListRolePolicies", "PolicyNames", token=MARKER, RoleName=role):
        answer = read.call("iam", "GetRolePolicy", ("PolicyDocument",), RoleName=role, PolicyName=name)
        yield name, answer["PolicyDocument"]


def _policy_row(role: str, name: str, arn: str | None, kind: str, document: Any) -> dict[str, Any]:
    return {"role_arn": role, "policy_name": name, "policy_arn": arn, "kind": kind, "document": as_json(document)}
