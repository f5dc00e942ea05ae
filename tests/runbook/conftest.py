"""Backends that answer over HTTP for the length of a test, accounts to look at, and facts as plain rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from fluo_audit import pipeline
from fluo_audit.aws.live import LiveTransport
from fluo_audit.frames import frame
from fluo_audit.model import sources
from fluo_audit.model.baseline import Baseline, Criteria
from fluo_audit.model.evidence import Coverage, Fact, Have, Missing, Source
from fluo_audit.model.facts import KeyMetadata, KeyPolicy, RotationStatus
from fluo_audit.model.scope import Period, Scope
from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.sandbox.backend import BackendServer, BackendState, serving

ACCOUNT = "123456789012"
ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fluo-backend"
ROOT = {
    "Sid": "Root",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


@pytest.fixture
def account() -> Iterator[SimulatedAccount]:
    """Give an account of the test's own."""
    with SimulatedAccount() as account:
        yield account


@pytest.fixture
def serve() -> Iterator[Callable[..., BackendServer]]:
    """Give a function that starts a backend: `fault` breaks it, other keywords are its state."""
    with ExitStack() as open_servers:

        def start(kms: Any = None, fault: str = "", **state: Any) -> BackendServer:
            server = BackendServer(BackendState(**{"key": ARN, **state}), kms)
            server.fault = fault
            return open_servers.enter_context(serving(server))

        yield start


@pytest.fixture
def opened() -> Callable[..., pipeline.Account]:
    """Give a function that opens an account as one of its roles sees it."""

    def open_as(account: SimulatedAccount, role: str = "fluo-audit-reader") -> pipeline.Account:
        transport = LiveTransport(account.session_as(role), account.clock)
        settings = pipeline.sample_settings()
        return pipeline.Account(transport, account.clock, "us-east-1", settings, sample=True, offline=False)

    return open_as


@pytest.fixture
def put_policy() -> Callable[..., None]:
    """Give a function that replaces the policy of an account's production key by the given statements."""

    def put(account: SimulatedAccount, *statements: Mapping[str, Any]) -> None:
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        account.gateway.call("kms", "PutKeyPolicy", KeyId=account.truth.key_id, Policy=policy)

    return put


@pytest.fixture
def criteria() -> Callable[..., Criteria]:
    """Give a function that builds criteria for 2 July 2026 with one backend role."""

    def build(**baseline: Any) -> Criteria:
        now = datetime(2026, 7, 2, 12, tzinfo=UTC)
        period = Period(datetime(2026, 6, 2, 12, tzinfo=UTC), now)
        declared = {"backend_roles": (ROLE,), **baseline}
        return Criteria(Scope(ACCOUNT, "us-east-1", ARN, period, now, environment="test"), Baseline(**declared))

    return build


KEY = {
    "key_id": ARN.rpartition("/")[2],
    "arn": ARN,
    "account": ACCOUNT,
    "state": "Enabled",
    "manager": "CUSTOMER",
    "origin": "AWS_KMS",
    "spec": "SYMMETRIC_DEFAULT",
    "usage": "ENCRYPT_DECRYPT",
    "description": "",
    "multi_region": False,
    "multi_region_type": "",
    "replica_regions": (),
    "created_at": datetime(2026, 1, 10, 9, 30, tzinfo=UTC),
    "deletion_at": None,
    "valid_to": None,
    "current_material_id": "m1",
}
ROTATION = {
    "enabled": True,
    "period_days": 90,
    "next_at": datetime(2026, 7, 9, 9, 30, tzinfo=UTC),
    "on_demand_started_at": None,
}
ROTATED = (datetime(2026, 4, 10, 9, 30, tzinfo=UTC),)


@pytest.fixture
def facts() -> Callable[..., dict[str, Fact[Any]]]:
    """Give a function that builds the facts of a healthy key; keywords say what is otherwise, `Missing` included."""
    return facts_of


def facts_of(
    *,
    key: Any = (),
    rotation: Any = (),
    key_policy: Any = (ROOT,),
    role_policies: Any = (),
    grants: Any = (),
    rotations: Any = ROTATED,
    cost: Any = (),
    metrics: Any = (),
    tags: Any = (),
    aliases: Any = ("alias/fluo-test",),
) -> dict[str, Fact[Any]]:
    return {
        "key": _fact(key, lambda given: KeyMetadata(**{**KEY, **dict(given)})),
        "rotation": _fact(rotation, lambda given: RotationStatus(**{**ROTATION, **dict(given)})),
        "key_policy": _fact(key_policy, lambda given: KeyPolicy(policy_text(given))),
        "role_policies": _table(
            sources.ROLE_POLICIES, role_policies, lambda given: map(_role_policy, dict(given).items())
        ),
        "grants": _table(sources.GRANTS, grants, lambda given: ({**GRANT, **each} for each in given)),
        "rotations": _table(sources.ROTATIONS, rotations, _rotation_rows),
        "cost": _table(sources.COST, cost, lambda given: given),
        "metrics": _table(sources.METRICS, metrics, lambda given: ({**METRIC, **each} for each in given)),
        "tags": _table(
            sources.TAGS, tags, lambda given: ({"tag_key": n, "tag_value": v} for n, v in dict(given).items())
        ),
        "aliases": _table(sources.ALIASES, aliases, lambda given: map(_alias, given)),
    }


GRANT = {
    "grant_id": "g-1",
    "name": None,
    "grantee": ROLE,
    "retiring_principal": None,
    "issuing_account": None,
    "operations": '["Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"]',
    "constraints": "{}",
    "created_at": None,
}
METRIC = {"namespace": "AWS/KMS", "metric": "SuccessfulRequest", "statistic": "Sum", "day": None}


def _fact(given: Any, build: Callable[[Any], Any]) -> Fact[Any]:
    return given if isinstance(given, Missing) else Have(build(given), ("E01",), Coverage("all", "all", 1))


def _table(source: Source[Any], given: Any, rows: Callable[[Any], Any]) -> Fact[Any]:
    return _fact(given, lambda given: frame(source, rows(given)))


def policy_text(statements: Sequence[Mapping[str, Any]] | str) -> str:
    if isinstance(statements, str):
        return statements
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _role_policy(named: tuple[str, Any]) -> dict[str, Any]:
    document = json.dumps({"Version": "2012-10-17", "Statement": named[1]})
    return {"role_arn": ROLE, "policy_name": named[0], "policy_arn": None, "kind": "inline", "document": document}


def _rotation_rows(rotated: Sequence[datetime]) -> Iterator[dict[str, Any]]:
    for number, at in enumerate([None, *rotated], start=1):
        yield {
            "rotated_at": at,
            "rotation_type": at and "AUTOMATIC",
            "key_material_id": f"m{number}",
            "key_material_state": "CURRENT" if number > len(rotated) else "NON_CURRENT",
        }


def _alias(name: str) -> dict[str, Any]:
    target = {"target_key_id": ARN.rpartition("/")[2], "created_at": None, "updated_at": None}
    return {"alias_name": name, "alias_arn": f"{ARN.rpartition(':')[0]}:{name}", **target}
