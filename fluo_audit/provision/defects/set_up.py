"""What is known about somebody's set-up of the key, however it was made: plain values, from AWS and from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fluo_audit.policy import PolicyDocument
from fluo_audit.provision.files.module_files import Module


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why something is not known, and what makes it known."""

    why: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One metric that an alarm watches."""

    name: str
    namespace: str
    metric: str
    """Empty for what is computed."""
    filters: tuple[str, ...] = ()
    """Metric filters that publish it."""
    has_data: bool = False
    """Whether CloudWatch lists it: it had data in the last two weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """Each field is a value, or None: not known. A mapping by role or Region may also lack some, and so may a tuple.

    `unknown` says why a field is not known, or not all of it.
    """

    key_arn: str | None = None
    roles: tuple[str, ...] | None = None
    """ARNs of the FLUO roles."""
    context: Mapping[str, tuple[str, ...]] | None = None
    """Encryption context that should be enforced: its keys with their allowed values; empty for none."""
    key_policy: PolicyDocument | None = None
    replica_policies: Mapping[str, PolicyDocument] | None = None
    """Region -> key policy of the replica there; empty when there is none."""
    role_policies: Mapping[str, tuple[PolicyDocument, ...]] | None = None
    """Role -> its attached and inline policies."""
    attached: Mapping[str, tuple[str, ...]] | None = None
    """Role -> ARNs of attached policies, those of AWS included."""
    trust_policies: Mapping[str, PolicyDocument] | None = None
    instance_profiles: Mapping[str, tuple[str, ...]] | None = None
    """Role -> names of the instance profiles that hold it."""
    alarms: tuple[Alarm, ...] | None = None
    """Of the key."""
    rotation_days: int | None = None
    """What the key does; 0 for no rotation."""
    wanted_rotation_days: int | None = None
    """What was asked for."""
    module: Module | None = None
    """The Terraform module; one without blocks where there is none."""
    outputs: frozenset[str] | None = None
    """Names of what the root module puts out, those of modules that it puts out whole included."""
    creates_role: bool = False
    """Whether a role is made for the backend."""
    validation_commands: str | None = None
    """The output of this name, as it is printed."""
    properties: str | None = None
    """Text of the backend's application.properties."""
    environment_variables: Mapping[str, str] | None = None
    unknown: Mapping[str, Unknown] = field(default_factory=dict)
