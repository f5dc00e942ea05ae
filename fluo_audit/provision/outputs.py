"""What the module puts out, under the same names and in the shape of `terraform output -json`: scripts keep working.

A value that does not exist, such as iam_role_arn where no role was created, is null.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluo_audit.provision import documents
from fluo_audit.provision.costs import monthly_cost
from fluo_audit.provision.desired import Choice, policy_arn
from fluo_audit.provision.plan import Plan
from fluo_audit.provision.resource import KEY_ARN, KEY_ID, Place, filled, pretty
from fluo_audit.provision.spec import Spec

PROPERTIES = {
    "fluo.kms.provider": "aws",
    "aws.kms.master-key-id": "{arn}",
    "aws.kms.region": "{region}",
    "kms.cache.private-key-ttl-minutes": "60",
    "kms.cache.public-key-ttl-hours": "24",
    "kms.cache.max-size": "1000",
    "kms.rotation.enabled": "true",
    "kms.rotation.max-age-days": "{rotation}",
}
"""Keys of application.properties that the backend reads."""
SEED_VARIABLES = ("FLUO_KMS_PROVIDER", "AWS_KMS_MASTER_KEY_ID", "AWS_KMS_REGION")


@dataclass(frozen=True, slots=True)
class Output:
    """One output: its value, what it is, and whether it must not be shown by accident."""

    value: Any
    about: str
    sensitive: bool = False

    @property
    def type(self) -> Any:
        """Return the type as Terraform would state it."""
        if isinstance(self.value, Mapping):
            return ["map", "string"]
        if isinstance(self.value, list):
            return ["list", "string"]
        return "number" if isinstance(self.value, float) else "string"

    def raw(self) -> str:
        """Return the value as plain text; empty for null, JSON for maps and lists."""
        if self.value is None:
            return ""
        if isinstance(self.value, Mapping | list):
            return json.dumps(self.value, indent=2)
        return f"{self.value:.2f}" if isinstance(self.value, float) else str(self.value)


def output_names() -> dict[str, str]:
    """Return the name of every output -> what it is."""
    nothing = Plan(Spec(environment="ENV"), Place("", "aws", "", ""), Choice(), (), {}, (), ())
    return {name: output.about for name, output in outputs_of(nothing, {}).items()}


def outputs_of(plan: Plan, collector_policy: Mapping[str, Any]) -> dict[str, Output]:
    """Return every output of what a plan found, by name.

    `collector_policy` is the read-only policy of whoever collects evidence.
    """
    return {
        **_identifiers(plan),
        **_configuration(plan),
        **_operation(plan),
        "auditor_iam_policy": Output(pretty(collector_policy), "read-only IAM policy for who collects evidence"),
        "iam_policy_document": Output(
            pretty(filled(documents.document(_access(plan)), plan.known)),
            "IAM policy for FLUO roles; attach it by hand to those of other accounts",
        ),
    }


def _access(plan: Plan) -> list[Any]:
    return documents.access_statements(plan.spec, plan.spec.replica_regions, plan.place)


def _exists(plan: Plan, kind: str, region: str = "") -> bool:
    change = plan.change(kind, region)
    return change is not None and change.seen is not None


def _identifiers(plan: Plan) -> dict[str, Output]:
    spec, place = plan.spec, plan.place
    key_arn, key_id = plan.known.get(KEY_ARN), plan.known.get(KEY_ID)
    has_alias, has_policy = _exists(plan, "alias"), _exists(plan, "IAM policy")
    has_role = spec.create_iam_role and _exists(plan, "role")
    replicas = [
        place.arn("kms", f"key/{key_id}", region)
        for region in spec.replica_regions
        if _exists(plan, "replica key", region)
    ]
    return {
        "kms_key_id": Output(key_id, "id of the key"),
        "kms_key_arn": Output(key_arn, "ARN of the key"),
        "kms_key_alias": Output(spec.alias if has_alias else None, "alias of the key"),
        "kms_key_alias_arn": Output(place.arn("kms", spec.alias) if has_alias else None, "ARN of the alias"),
        "aws_region": Output(place.region, "Region of the key"),
        "iam_policy_arn": Output(policy_arn(spec, place) if has_policy else None, "ARN of the access policy"),
        "iam_policy_name": Output(
            f"fluo-kms-access-{spec.environment}" if has_policy else None, "name of the access policy"
        ),
        "iam_role_name": Output(spec.role_name if has_role else None, "created role"),
        "iam_role_arn": Output(
            place.iam(f"role/fluo/{spec.role_name}") if has_role else None, "ARN of the created role"
        ),
        "instance_profile_name": Output(
            spec.role_name if _exists(plan, "instance profile") else None, "instance profile of the created role"
        ),
        "replica_key_arns": Output(replicas, "ARNs of the replicas"),
    }


def properties_text(key_arn: str, region: str, rotation_days: int) -> str:
    """Return the lines of application.properties that make the backend use the key."""
    values = {"arn": key_arn, "region": region, "rotation": str(rotation_days)}
    return "".join(f"{name}={value.format(**values)}\n" for name, value in PROPERTIES.items())


def environment_variables(key_arn: str, region: str, rotation_days: int) -> dict[str, str]:
    """Return the settings as environment variables: Quarkus reads a.b-c from A_B_C.

    Beside them the seed's three names as they are: https://quarkus.io/guides/config-reference#environment-variables
    """
    values = {"arn": key_arn, "region": region, "rotation": str(rotation_days)}
    return {
        name.upper().replace(".", "_").replace("-", "_"): value.format(**values) for name, value in PROPERTIES.items()
    }


def _configuration(plan: Plan) -> dict[str, Output]:
    key_arn = plan.known.get(KEY_ARN)
    if key_arn is None:
        return {name: Output(None, about) for name, about in _CONFIGURATION.items()}
    arguments = (key_arn, plan.place.region, plan.spec.key_rotation_period_days)
    variables = environment_variables(*arguments)
    flags = " \\\n".join(f"  -e {name}={value}" for name, value in variables.items())
    data = "".join(f'  {name}: "{value}"\n' for name, value in variables.items())
    values: dict[str, Any] = {
        "fluo_backend_config": properties_text(*arguments),
        "fluo_backend_env_vars": variables,
        "docker_run": f"docker run \\\n{flags} \\\n  fluo/backend:latest\n",
        "kubernetes_config_map": (
            f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: fluo-backend-kms\ndata:\n{data}"
        ),
    }
    return {name: Output(values[name], about) for name, about in _CONFIGURATION.items()}


_CONFIGURATION = {
    "fluo_backend_config": "application.properties block",
    "fluo_backend_env_vars": "the same as environment variables",
    "docker_run": "docker command with them",
    "kubernetes_config_map": "ConfigMap with them, for envFrom",
}


def _operation(plan: Plan) -> dict[str, Output]:
    cost = monthly_cost(plan.spec)
    return {
        "validation_commands": Output(_validation(plan), "commands that show that the key works"),
        "estimated_monthly_cost_usd": Output(cost.later_usd, f"US dollars after two rotations. {cost.basis}"),
        "security_checklist": Output(_checklist(plan), "what holds of the spec, found in the account or not"),
        "retire_steps": Output(_retire(plan), "how the key is retired by hand; nothing here does it"),
    }


def _validation(plan: Plan) -> str:
    key = plan.known.get(KEY_ARN, plan.spec.alias)
    context = f"purpose={plan.spec.purposes[0]}"
    context += f",tenantId={plan.spec.tenants[0]}" if plan.spec.tenants else ""
    return (
        f"aws kms describe-key --region {plan.place.region} --key-id {key}\n"
        f"aws kms get-key-rotation-status --region {plan.place.region} --key-id {key}\n"
        f"aws kms generate-data-key --region {plan.place.region} --key-id {key} --key-spec AES_256 \\\n"
        f"  --encryption-context {shlex.quote(context)} --dry-run\n"
        "# DryRunOperationException means: it would have been allowed. Run it as the FLUO role.\n"
    )


def _checklist(plan: Plan) -> dict[str, str]:
    spec, context = plan.spec, f"enforced by Allow and Deny in the key policy: {', '.join(plan.spec.purposes)}"
    wanted = {
        "rotation": (f"automatic, every {spec.key_rotation_period_days} days", ("rotation",)),
        "encryption_context": (
            context if spec.enforce_encryption_context else "not enforced",
            ("statement AllowFluoBackendKeyUsage", "statement DenyFluoBackendOther"),
        ),
        "least_privilege": (
            "kms:DescribeKey, GenerateDataKey, Encrypt, Decrypt and nothing else",
            ("statement AllowFluo", "statement FluoKms"),
        ),
        "key_administration": (
            "denied to the FLUO roles" if spec.deny_key_administration else "not denied to the FLUO roles",
            ("statement DenyFluoBackendKeyAdministration",),
        ),
        "root_statement": (
            "present: IAM administrators of the account can change the policy (accepted risk)",
            ("statement EnableIAMUserPermissions",),
        ),
    }
    return {name: _in_force(plan, text, facts) for name, (text, facts) in wanted.items()}


def _in_force(plan: Plan, text: str, facts: tuple[str, ...]) -> str:
    """Return a claim, or that it is not true yet: an output must not say what only the spec says."""
    if KEY_ARN not in plan.known:
        return f"planned, the key does not exist yet: {text}"
    if not plan.roles:
        return "not compared: name the FLUO roles as for `provision plan`"
    differs = any(each.fact.startswith(facts) for change in plan.pending for each in change.differences)
    return f"NOT IN FORCE, see fluo-audit provision plan; wanted: {text}" if differs or not plan.complete else text


def _retire(plan: Plan) -> str:
    spec, key = plan.spec, plan.known.get(KEY_ARN, plan.spec.alias)
    window = spec.deletion_window_days
    return (
        "# Data encrypted under a deleted key is lost for ever. By hand, and only when all of this is true:\n"
        "# 1. Nobody used the key for 90 days:\n"
        f"aws kms get-key-last-usage --region {plan.place.region} --key-id {key}\n"
        "# 2. All data was encrypted again under another key, and backups too.\n"
        "# 3. Disable it first, and wait: what still needs it fails and says so. This can be undone.\n"
        f"aws kms disable-key --region {plan.place.region} --key-id {key}\n"
        f"# 4. Schedule the deletion, {window} days ahead. It can be cancelled until then.\n"
        f"aws kms schedule-key-deletion --region {plan.place.region} --key-id {key} --pending-window-in-days {window}\n"
    )
