"""Find out what a set-up is: from what AWS has, which only reads tell, and from files that somebody gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fluo_audit.aws.door import ReadError
from fluo_audit.model.evidence import Missing
from fluo_audit.policy import PolicyDocument, PolicySyntaxError, parse_policy
from fluo_audit.provision.defects.set_up import Alarm, SetUp, Unknown
from fluo_audit.provision.desired import NAMESPACE
from fluo_audit.provision.files.env_file import is_env_file, variables_about_key
from fluo_audit.provision.files.key_files import CONFIGURATION_LIMIT, LIMIT, text_of
from fluo_audit.provision.files.module_files import Module, read_module
from fluo_audit.provision.files.terraform_output import read_outputs
from fluo_audit.provision.look import Look
from fluo_audit.provision.outputs import Output
from fluo_audit.provision.plan import Plan
from fluo_audit.provision.resource import KEY_ARN

T = TypeVar("T")
MARKER = ("Marker", "Marker")


@dataclass(frozen=True, slots=True)
class Given:
    """What the files say; what was not given is None."""

    module: Module | None = None
    outputs: Mapping[str, Any] | None = None
    properties: str | None = None
    environment_variables: Mapping[str, str] | None = None


def read_files(module: Path | None = None, terraform_output: str = "", properties: str = "") -> Given:
    """Read the files. Raises UsageError for one that cannot be read, or is not what it should be."""
    outputs = read_outputs(text_of(terraform_output, None, LIMIT), terraform_output) if terraform_output else None
    text = text_of(properties, None, CONFIGURATION_LIMIT) if properties else None
    variables = None
    if text is not None and is_env_file(properties, text):
        variables, text = variables_about_key(text), None
    return Given(read_module(module) if module else None, outputs, text, variables)


def set_up_of(look: Look, plan: Plan, given: Given, made_here: Mapping[str, Output]) -> SetUp:
    """Return what is known. `made_here` are the outputs of a key that fluo-audit manages: it has no module."""
    facts = _Facts(look, plan)
    facts.read_key()
    facts.read_roles()
    facts.ask("alarms", facts.alarms)
    spec, key = plan.spec, plan.change("KMS key")
    rotation = key.seen.facts["rotation"] if key and key.seen else None
    context = {"purpose": spec.purposes} | ({"tenantId": spec.tenants} if spec.tenants else {})
    return SetUp(
        key_arn=plan.known.get(KEY_ARN),
        roles=plan.roles,
        context=context if spec.enforce_encryption_context else {},
        creates_role=spec.create_iam_role,
        rotation_days=0 if rotation == "off" else rotation,
        wanted_rotation_days=spec.key_rotation_period_days,
        properties=given.properties,
        unknown=facts.unknown,
        **facts.values,
        **_of_files(given, made_here),
    )


def _of_files(given: Given, made_here: Mapping[str, Output]) -> dict[str, Any]:
    outputs: Mapping[str, Any] | None = given.outputs
    if outputs is None and made_here and given.module is None:
        outputs = {name: output.value for name, output in made_here.items()}
    module = given.module or (Module() if made_here else None)
    commands, variables = ((outputs or {}).get(name) for name in ("validation_commands", "fluo_backend_env_vars"))
    return {
        "module": module,
        "outputs": None if outputs is None else frozenset(outputs),
        "validation_commands": commands or (module and module.validation_commands),
        "environment_variables": given.environment_variables or variables,
    }


class _Facts:
    """The facts of AWS: values by field of `SetUp`, and why a field lacks some."""

    def __init__(self, look: Look, plan: Plan) -> None:
        self._look = look
        self._plan = plan
        self.values: dict[str, Any] = {}
        self.unknown: dict[str, Unknown] = {}

    def ask(self, field: str, read: Callable[[], Any]) -> None:
        """Keep what `read` returns, or why it could not be read."""
        try:
            self.values[field] = read()
        except (ReadError, PolicySyntaxError) as error:
            self.unknown[field] = _why(error)

    def _policy(self, source: Any, name: str) -> PolicyDocument:
        return parse_policy(source, name=name, partition=self._plan.place.partition)

    # --- the key -----------------------------------------------------------------------------------------------

    def read_key(self) -> None:
        """Read the policies of the key and of its replicas."""
        key = self._plan.change("KMS key")
        arn = self._plan.known.get(KEY_ARN)
        if arn is None:
            there_is_none = Unknown(f"there is no key {self._plan.spec.alias}", "fluo-audit provision plan")
            why = _unread(key.missing) if key and key.missing else there_is_none
            self.unknown |= dict.fromkeys(("key_arn", "key_policy", "replica_policies"), why)
            return
        self.ask("key_policy", lambda: self._key_policy(arn, "", "key policy"))
        self.values["replica_policies"] = {}
        self.ask("replica_policies", lambda: self._replica_policies(arn))

    def _key_policy(self, arn: str, region: str, name: str) -> PolicyDocument:
        answer = self._look.ask(
            "kms", "GetKeyPolicy", expect=("Policy",), region=region, KeyId=arn.rsplit("/", 1)[-1], PolicyName="default"
        )
        return self._policy(answer["Policy"], name)

    def _replica_policies(self, arn: str) -> dict[str, PolicyDocument]:
        described = self._look.ask("kms", "DescribeKey", expect=("KeyMetadata",), KeyId=arn.rsplit("/", 1)[-1])
        replicas = described["KeyMetadata"].get("MultiRegionConfiguration", {}).get("ReplicaKeys", ())
        regions = sorted(each["Region"] for each in replicas)
        return {region: self._key_policy(arn, region, f"key policy in {region}") for region in regions}

    # --- roles -------------------------------------------------------------------------------------------------

    def read_roles(self) -> None:
        """Read what belongs to each role of this account; of other accounts nothing can be read from here."""
        fields: dict[str, Callable[[str], Any]] = {
            "trust_policies": self._trust,
            "role_policies": self._policies,
            "attached": self._attached,
            "instance_profiles": self._profiles,
        }
        for field, read in fields.items():
            found: dict[str, Any] = {}
            self.values[field] = found
            for role in self._plan.roles:
                name = role.rsplit("/", 1)[-1]
                if role.split(":")[4] != self._plan.place.account:
                    self.unknown[field] = Unknown(f"{role} belongs to another account", "look at it there")
                    continue
                try:
                    found[role] = read(name)
                except (ReadError, PolicySyntaxError) as error:
                    self.unknown[field] = _why(error)

    def _trust(self, role: str) -> PolicyDocument:
        answer = self._look.ask("iam", "GetRole", expect=("Role.AssumeRolePolicyDocument",), RoleName=role)
        return self._policy(answer["Role"]["AssumeRolePolicyDocument"], f"trust policy of {role}")

    def _attached(self, role: str) -> tuple[str, ...]:
        pages = self._look.pages("iam", "ListAttachedRolePolicies", "AttachedPolicies", token=MARKER, RoleName=role)
        return tuple(each["PolicyArn"] for each in pages or ())

    def _policies(self, role: str) -> tuple[PolicyDocument, ...]:
        return (*self._managed(role), *self._inline(role))

    def _managed(self, role: str) -> Iterator[PolicyDocument]:
        for arn in self._attached(role):
            policy = self._look.ask("iam", "GetPolicy", expect=("Policy.DefaultVersionId",), PolicyArn=arn)["Policy"]
            version = self._look.ask(
                "iam", "GetPolicyVersion", expect=("PolicyVersion.Document",),
                PolicyArn=arn, VersionId=policy["DefaultVersionId"],
            )  # fmt: skip
            yield self._policy(version["PolicyVersion"]["Document"], f"policy {arn.rsplit('/', 1)[-1]}")

    def _inline(self, role: str) -> Iterator[PolicyDocument]:
        for name in self._look.pages("iam", "ListRolePolicies", "PolicyNames", token=MARKER, RoleName=role) or ():
            answer = self._look.ask("iam", "GetRolePolicy", expect=("PolicyDocument",), RoleName=role, PolicyName=name)
            yield self._policy(answer["PolicyDocument"], f"policy {name}")

    def _profiles(self, role: str) -> tuple[str, ...]:
        pages = self._look.pages("iam", "ListInstanceProfilesForRole", "InstanceProfiles", token=MARKER, RoleName=role)
        return tuple(each["InstanceProfileName"] for each in pages or ())

    # --- alarms ------------------------------------------------------------------------------------------------

    def alarms(self) -> tuple[Alarm, ...]:
        """Return the alarms of the key: by name, by the key in a dimension, or in the namespace of metric filters."""
        arn = self._plan.known.get(KEY_ARN, "")
        names = {arn, arn.rsplit("/", 1)[-1]} - {""}
        found = []
        for alarm in self._look.pages("cloudwatch", "DescribeAlarms", "MetricAlarms", AlarmTypes=["MetricAlarm"]) or ():
            computed = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", ()) if "MetricStat" in each]
            metrics = [alarm] if alarm.get("MetricName") else computed
            if alarm["AlarmName"].startswith("fluo-kms-") or any(_is_of_key(each, names) for each in metrics):
                found += [self._alarm(alarm["AlarmName"], each) for each in metrics or [{}]]
        return tuple(found)

    def _alarm(self, name: str, metric: Mapping[str, Any]) -> Alarm:
        namespace, metric_name = metric.get("Namespace", ""), metric.get("MetricName", "")
        filters: list[Mapping[str, Any]] = []
        if not namespace.startswith("AWS/"):
            filters = self._look.pages(
                "logs", "DescribeMetricFilters", "metricFilters", token=("nextToken", "nextToken"),
                metricName=metric_name, metricNamespace=namespace,
            ) or []  # fmt: skip
        dimensions = sorted((each["Name"], each["Value"]) for each in metric.get("Dimensions", ()))
        data = self._look.pages("cloudwatch", "ListMetrics", "Metrics", Namespace=namespace, MetricName=metric_name)
        has_data = any(
            dimensions == sorted((each["Name"], each["Value"]) for each in one.get("Dimensions", ()))
            for one in data or ()
        )
        return Alarm(name, namespace, metric_name, tuple(each["filterName"] for each in filters), has_data)


def _is_of_key(metric: Mapping[str, Any], names: set[str]) -> bool:
    values = {each.get("Value") for each in metric.get("Dimensions", ())}
    return metric.get("Namespace") == NAMESPACE or not names.isdisjoint(values)


def _why(error: ReadError | PolicySyntaxError) -> Unknown:
    return _unread(error.missing) if isinstance(error, ReadError) else Unknown(error.message, error.hint)


def _unread(missing: Missing) -> Unknown:
    return Unknown(f"{missing.operation} answered {missing.reason}", missing.remedy)
