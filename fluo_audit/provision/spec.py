"""What the key and everything around it should be: the variables of the Terraform module, as one frozen value."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluo_audit.errors import UsageError
from fluo_audit.provision.key_name import REGION

ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
ROLE_ARN = re.compile(
    r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?P<path>([\x21-\x7e]+/)*)(?P<name>[\w+=,.@-]{1,64})"
)
ACCOUNT = re.compile(r"\d{12}")
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")
SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
LOG_GROUP = re.compile(r"[\w./#-]{1,512}", re.ASCII)
ROTATION_DAYS = range(90, 2561)
"""What KMS takes as RotationPeriodInDays."""
WAITING_DAYS = range(7, 31)
RESERVED_TAGS = frozenset({"Name", "Environment", "ManagedBy", "Purpose"})
OBSERVED_PURPOSES = ("health_check", "validation", "validation_encrypt", "validation_decrypt")
"""Purposes that the backend itself sends beside the two it encrypts data for."""


def _variable(default: Any, text: str) -> Any:
    """Return a field with its one-line explanation, which help and documentation show."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The desired state: each field is a variable of the Terraform module and an option of `provision plan`."""

    environment: str = _variable("", "Name of the environment: the alias is alias/fluo-ENV.")
    fluo_role_arns: tuple[str, ...] = _variable((), "Roles of the FLUO backend that may use the key.")
    create_iam_role: bool = _variable(False, "Create the role fluo-backend-ENV, with an instance profile.")  # noqa: FBT003
    attach_to_role: bool = _variable(False, "Attach the access policy to --fluo-iam-role-name.")  # noqa: FBT003
    fluo_iam_role_name: str = _variable("", "Existing role to attach the access policy to.")
    fluo_service_principals: tuple[str, ...] = _variable(
        ("ec2.amazonaws.com",), "AWS services that may assume the created role."
    )
    external_id: str = field(
        default="", repr=False, metadata={"help": "External id that trusted principals of other accounts must send."}
    )
    trusted_principals: tuple[str, ...] = _variable(
        (), "Account ids or role ARNs that may assume the created role with the external id."
    )
    multi_region_enabled: bool = _variable(False, "Create a multi-Region key. Cannot be changed later.")  # noqa: FBT003
    replica_regions: tuple[str, ...] = _variable((), "Regions that hold a replica of the multi-Region key.")
    enforce_encryption_context: bool = _variable(True, "Allow the key's use with the named purposes only.")  # noqa: FBT003
    encryption_context_purposes: tuple[str, ...] = _variable(
        ("pii_redaction", "compliance_evidence"), "Allowed values of purpose in the encryption context."
    )
    extra_context_purposes: tuple[str, ...] = _variable(
        (), f"Further allowed purposes. The backend's own checks send {', '.join(OBSERVED_PURPOSES)}."
    )
    allowed_tenant_ids: tuple[str, ...] = _variable((), "Allowed values of tenantId; none named: any.")
    enable_cloudwatch_logs: bool = _variable(False, "Let CloudWatch Logs use the key for its log groups.")  # noqa: FBT003
    log_group_prefix: str = _variable("/aws/fluo/", "Begin of the names of those log groups.")
    key_rotation_period_days: int = _variable(90, "Days between automatic rotations, 90 to 2560.")
    deletion_window_days: int = _variable(
        30, "Waiting period to use when the key is ever retired by hand, 7 to 30. Nothing here deletes a key."
    )
    key_admin_arns: tuple[str, ...] = _variable((), "Roles that may administer the key, but not use or delete it.")
    auditor_role_arns: tuple[str, ...] = _variable((), "Roles that may read the key's settings.")
    deny_key_administration: bool = _variable(True, "Deny key administration to the FLUO roles.")  # noqa: FBT003
    enable_alarms: bool = _variable(False, "Create alarms for throttled and failed requests.")  # noqa: FBT003
    alarm_actions: tuple[str, ...] = _variable((), "SNS topics that the alarms notify.")
    trail_log_group: str = _variable("", "Log group that a CloudTrail trail delivers to: the alarms count there.")
    enable_audit_trail: bool = _variable(
        False,  # noqa: FBT003
        "Create a multi-Region CloudTrail trail with log file validation, an encrypted bucket and a log group.",
    )
    tags: Mapping[str, str] = field(default_factory=dict, metadata={"help": "Further tags of what is created."})

    @property
    def purposes(self) -> tuple[str, ...]:
        """Return every allowed purpose, sorted."""
        return tuple(sorted({*self.encryption_context_purposes, *self.extra_context_purposes}))

    @property
    def tenants(self) -> tuple[str, ...]:
        """Return every allowed tenant, sorted; empty for any."""
        return tuple(sorted(set(self.allowed_tenant_ids)))

    @property
    def alias(self) -> str:
        """Return the alias of the key."""
        return f"alias/fluo-{self.environment}"

    @property
    def role_name(self) -> str:
        """Return the role that the access policy is attached to; empty for none."""
        if self.create_iam_role:
            return f"fluo-backend-{self.environment}"
        return self.fluo_iam_role_name if self.attach_to_role else ""

    @property
    def log_group(self) -> str:
        """Return the log group that the alarms count in."""
        return self.trail_log_group or (f"/fluo/cloudtrail-{self.environment}" if self.enable_audit_trail else "")

    @property
    def sha256(self) -> str:
        """Return the hash that binds a plan to this spec."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """Return the spec as JSON values, every variable included."""
        return {
            each.name: list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
            for each in dataclasses.fields(self)
            for value in [getattr(self, each.name)]
        }

    def warnings(self) -> tuple[str, ...]:
        """Return what is accepted and will surprise somebody."""
        said = []
        if self.external_id and not self.trusted_principals:
            said.append(
                "external_id without trusted_principals has no effect: AWS services send no external id, "
                "so it is not asked of them"
            )
        if self.key_rotation_period_days > ROTATION_DAYS.start:
            said.append(
                f"a rotation period of {self.key_rotation_period_days} days is longer than the 90 days FLUO declares: "
                "reports will say so unless the baseline declares it too"
            )
        if self.enable_alarms and not self.alarm_actions:
            said.append("alarms without alarm_actions change their state and tell nobody")
        if not self.enforce_encryption_context:
            said.append("without enforce_encryption_context the FLUO roles may use the key for any purpose")
        return tuple(said)


def read_spec(path: Path) -> dict[str, Any]:
    """Return the variables in a TOML or JSON file. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", "give another --spec") from error
    except (ValueError, RecursionError) as error:  # TOML's and JSON's decode errors are ValueErrors
        raise UsageError(f"{path}: neither TOML nor JSON: {error}", "correct the file") from error
    if not isinstance(document, dict):
        raise UsageError(f"{path}: must be a table of variables", "correct the file")
    return document


def spec_of(document: Mapping[str, Any], where: str = "spec", *, roles_needed: bool = True) -> Spec:
    """Return the spec of named variables, valid in itself. Raises UsageError that names every problem.

    Without `roles_needed` nobody need be named who uses the key: enough to look at what exists, not to create it.
    """
    known = {each.name: each for each in dataclasses.fields(Spec)}
    problems, values = [], {}
    for name, value in document.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            problems.append(f"unknown variable {name}" + (f", did you mean {near[0]}?" if near else ""))
        elif (taken := _taken(getattr(Spec(), name), value)) is None:
            problems.append(f"{name} must be {_wanted(getattr(Spec(), name))}")
        else:
            values[name] = taken
    spec = Spec(**values)
    problems += [] if problems else _problems(spec)
    if roles_needed and not problems and not (spec.fluo_role_arns or spec.role_name):
        problems.append("nobody may use the key: name fluo_role_arns, or create_iam_role, or attach_to_role")
    if problems:
        raise UsageError(f"{where}: {'; '.join(problems)}", "correct the variables; --help explains each")
    return spec


def _taken(default: Any, value: Any) -> Any:
    """Return the value as the variable holds it, or None when it has another type."""
    if isinstance(default, bool) or isinstance(value, bool):
        return value if isinstance(value, bool) and isinstance(default, bool) else None
    if isinstance(default, tuple):
        texts = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        return tuple(value) if texts else None
    if isinstance(default, Mapping):
        return dict(value) if isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values()) else None
    return value if isinstance(value, type(default)) else None


def _wanted(default: Any) -> str:
    kinds = {bool: "true or false", int: "a whole number", str: "text", tuple: "a list of texts"}
    return kinds.get(type(default), "a table of texts")


def _problems(spec: Spec) -> list[str]:
    return [*_naming(spec), *_roles(spec), *_trust(spec), *_context(spec), *_limits(spec), *_watching(spec)]


def _naming(spec: Spec) -> Iterator[str]:
    if not ENVIRONMENT.fullmatch(spec.environment):
        yield "environment must be 1 to 31 lower-case letters, digits and hyphens, not beginning with a hyphen"
    for tag in sorted(RESERVED_TAGS & set(spec.tags)):
        yield f"tags.{tag} is set by the tool: leave it out"
    for tag in spec.tags:
        if not 1 <= len(tag) <= 128 or tag.lower().startswith("aws:") or len(spec.tags[tag]) > 256:  # noqa: PLR2004, AWS's limits
            yield f"tags.{tag} is not a tag that AWS takes"


def _roles(spec: Spec) -> Iterator[str]:
    for name in ("fluo_role_arns", "key_admin_arns", "auditor_role_arns"):
        for arn in getattr(spec, name):
            if not ROLE_ARN.fullmatch(arn):
                yield f"{name}: {arn!r} is not the ARN of a role"
    for arn in sorted(set(spec.fluo_role_arns) & set(spec.key_admin_arns)):
        yield f"{arn} cannot be both a FLUO role and a key administrator: who uses the key does not administer it"
    if spec.create_iam_role and spec.attach_to_role:
        yield "create_iam_role and attach_to_role exclude each other"
    if spec.attach_to_role and not spec.fluo_iam_role_name:
        yield "attach_to_role needs fluo_iam_role_name"
    if spec.fluo_iam_role_name and not spec.attach_to_role:
        yield "fluo_iam_role_name has no effect without attach_to_role"


def _trust(spec: Spec) -> Iterator[str]:
    for service in spec.fluo_service_principals:
        if not SERVICE.fullmatch(service):
            yield f"fluo_service_principals: {service!r} is not an AWS service such as ec2.amazonaws.com"
    if spec.create_iam_role and not (spec.fluo_service_principals or spec.trusted_principals):
        yield "nobody may assume the created role: name fluo_service_principals or trusted_principals"
    for principal in spec.trusted_principals:
        if not (ACCOUNT.fullmatch(principal) or ROLE_ARN.fullmatch(principal)):
            yield f"trusted_principals: {principal!r} is neither an account id nor the ARN of a role"
    if spec.trusted_principals and not spec.external_id:
        yield "trusted_principals need an external_id"
    if spec.external_id and not EXTERNAL_ID.fullmatch(spec.external_id):
        yield "external_id must be 2 to 1224 letters, digits and any of + = , . @ : / -"


def _context(spec: Spec) -> Iterator[str]:
    if not spec.encryption_context_purposes:
        yield "encryption_context_purposes must name at least one"
    if spec.allowed_tenant_ids and not spec.enforce_encryption_context:
        yield "allowed_tenant_ids have no effect without enforce_encryption_context"
    for name in ("encryption_context_purposes", "extra_context_purposes", "allowed_tenant_ids"):
        for value in getattr(spec, name):
            if not value or any(sign in value for sign in "*?$"):
                # StringEquals takes wildcards literally: such a value matches nothing that was meant.
                yield f"{name}: {value!r} must be a plain value without * ? $"


def _limits(spec: Spec) -> Iterator[str]:
    if spec.key_rotation_period_days not in ROTATION_DAYS:
        yield f"key_rotation_period_days must be 90 to 2560, is {spec.key_rotation_period_days}"
    if spec.deletion_window_days not in WAITING_DAYS:
        yield f"deletion_window_days must be 7 to 30, is {spec.deletion_window_days}"
    if spec.replica_regions and not spec.multi_region_enabled:
        yield "replica_regions need multi_region_enabled"
    if len(set(spec.replica_regions)) < len(spec.replica_regions):
        yield "replica_regions names a Region twice"
    for region in spec.replica_regions:
        if not REGION.fullmatch(region):
            yield f"replica_regions: {region!r} is not a Region"
    if not re.fullmatch(r"[\w./#-]{1,400}", spec.log_group_prefix, re.ASCII):
        yield "log_group_prefix must be the begin of a log group name"


def _watching(spec: Spec) -> Iterator[str]:
    if spec.enable_audit_trail and ("--" in spec.environment or spec.environment.endswith("-")):
        yield "environment must not end with a hyphen or hold two in a row: CloudTrail takes no such name of a trail"
    if spec.enable_alarms and not spec.log_group:
        yield "enable_alarms needs trail_log_group (where a trail delivers), or enable_audit_trail"
    if spec.trail_log_group and not LOG_GROUP.fullmatch(spec.trail_log_group):
        yield f"trail_log_group: {spec.trail_log_group!r} is not the name of a log group"
    if spec.trail_log_group and spec.enable_audit_trail:
        yield "trail_log_group and enable_audit_trail exclude each other: the created trail has a log group of its own"
    if spec.alarm_actions and not spec.enable_alarms:
        yield "alarm_actions have no effect without enable_alarms"
    for arn in spec.alarm_actions:
        if not arn.startswith("arn:aws"):
            yield f"alarm_actions: {arn!r} is not an ARN"
