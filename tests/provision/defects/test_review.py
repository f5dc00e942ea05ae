"""The 14 defects: all of them in the original module, none in what is made here, and found however they are written."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from fluo_audit.policy import PolicyDocument, parse_policy
from fluo_audit.provision import documents
from fluo_audit.provision.defects.check import Outcome, Reviewed
from fluo_audit.provision.defects.observe import read_files
from fluo_audit.provision.defects.review import CHECKS, review
from fluo_audit.provision.defects.set_up import Alarm, SetUp, Unknown
from fluo_audit.provision.desired import Choice, desired_resources, fluo_roles
from fluo_audit.provision.files.module_files import Block, Module, read_module
from fluo_audit.provision.outputs import outputs_of
from fluo_audit.provision.plan import Plan
from fluo_audit.provision.resource import KEY_ARN, KEY_ID, Place, filled
from fluo_audit.provision.spec import spec_of

ORIGINAL = Path(__file__).parent / "data" / "original_module"
OUR_MODULE = Path(__file__).parent.parent.parent.parent / "provision" / "terraform" / "aws-kms"
DEFECTS = [
    "context-in-key-policy",
    "context-where-it-is-sent",
    "roles-may-use-key",
    "external-id-not-of-services",
    "variables-have-effect",
    "properties-are-plain",
    "outputs-passed-on",
    "validation-commands-run",
    "module-folder-loads",
    "four-actions-only",
    "instance-profile-exists",
    "alarms-have-metric",
    "replicas-enforce-too",
    "environment-variables-map",
]
PLACE = Place("123456789012", "aws", "us-east-1", "arn:aws:iam::123456789012:role/admin")
ID = "mrk-1234abcd12ab34cd56ef1234567890ab"
KEY = f"arn:aws:kms:us-east-1:123456789012:key/{ID}"
ROLE = "arn:aws:iam::123456789012:role/fluo-backend"
ROOT = "arn:aws:iam::123456789012:root"
PURPOSES = ["pii_redaction", "compliance_evidence"]
PURPOSE, TENANT = "kms:EncryptionContext:purpose", "kms:EncryptionContext:tenantId"
CRYPTO = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]


def policy(*statements: dict[str, Any], name: str = "key policy") -> PolicyDocument:
    return parse_policy({"Version": "2012-10-17", "Statement": list(statements)}, name=name)


def allow(principal: Any, actions: Any, **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*", **rest}


def deny(principal: Any, actions: Any, **rest: Any) -> dict[str, Any]:
    return allow(principal, actions, **rest) | {"Effect": "Deny"}


def identity(actions: Any, **rest: Any) -> PolicyDocument:
    statement = {"Effect": "Allow", "Action": actions, "Resource": KEY, **rest}
    return parse_policy({"Version": "2012-10-17", "Statement": statement}, name="role policy")


def when(operator: str, **values: Any) -> dict[str, Any]:
    return {
        "Condition": {operator: {{"purpose": PURPOSE, "tenant": TENANT}[key]: value for key, value in values.items()}}
    }


def found(set_up: SetUp, outcome: Outcome = Outcome.DEFECT) -> list[str]:
    return [each.id for each in review(set_up) if each.outcome is outcome]


def result(set_up: SetUp, id_: str) -> Reviewed:
    return next(each for each in review(set_up) if each.id == id_)


# --- the original module, and ours ---------------------------------------------------------------------------------


def original(*, existing_role: bool = False) -> SetUp:
    """Return the original module's set-up: option 2 of the seed document, or option 1."""
    facts = json.loads((ORIGINAL / "set_up.json").read_text())
    files = read_files(
        ORIGINAL / "module", str(ORIGINAL / "root_outputs.json"), str(ORIGINAL / "application.properties")
    )
    assert files.module is not None
    assert files.outputs is not None
    of_role = facts | facts["existing_role"] if existing_role else facts
    role = of_role.get("role", facts["roles"][0])
    facts["key_policy"]["Statement"][1]["Principal"]["AWS"] = [role] if existing_role else []
    return SetUp(
        key_arn=facts["key_arn"],
        roles=(role,),
        context={"purpose": tuple(facts["context"]["purpose"])},
        key_policy=parse_policy(facts["key_policy"], name="key policy"),
        replica_policies={r: parse_policy(each) for r, each in facts["replica_policies"].items()},
        role_policies={role: (parse_policy(facts["access_policy"], name="fluo-kms-access-production"),)},
        attached={role: tuple(facts["attached"])},
        trust_policies={role: parse_policy(of_role["trust_policy"])},
        instance_profiles={role: tuple(of_role["instance_profiles"])},
        alarms=tuple(Alarm(**each) for each in facts["alarms"]),
        rotation_days=facts["rotation_days"],
        wanted_rotation_days=facts["wanted_rotation_days"],
        module=files.module,
        outputs=frozenset(files.outputs),
        creates_role=not existing_role,
        validation_commands=files.module.validation_commands,
        properties=files.properties,
        environment_variables=facts["environment_variables"],
    )


OPTION_1 = {"fluo_role_arns": [ROLE], "attach_to_role": True, "fluo_iam_role_name": "fluo-backend"}
OPTION_2 = {
    "create_iam_role": True,
    "external_id": "fluo-prod-12345",
    "trusted_principals": ["210987654321"],
    "multi_region_enabled": True,
    "replica_regions": ["us-west-2", "eu-west-1"],
    "enable_alarms": True,
    "enable_audit_trail": True,
    "enable_cloudwatch_logs": True,
    "allowed_tenant_ids": ["tenant-123"],
}


def ours(variables: dict[str, Any]) -> SetUp:
    """Return the set-up that is made here for the variables."""
    spec = spec_of({"environment": "production", **variables})
    roles = fluo_roles(spec, PLACE, ROLE)
    known = {KEY_ARN: KEY, KEY_ID: ID}
    plan = Plan(spec, PLACE, Choice(), (), known, (), roles)
    outputs = outputs_of(plan, {})

    def key_policy(region: str) -> PolicyDocument:
        return parse_policy(documents.document(documents.key_statements(spec, PLACE, roles, region)), name="key policy")

    access = filled(documents.document(documents.access_statements(spec, spec.replica_regions, PLACE)), known)
    trust = documents.trust_statements(spec, PLACE) if spec.create_iam_role else [SERVICE_TRUST]
    return SetUp(
        key_arn=KEY,
        roles=roles,
        context={"purpose": spec.purposes} | ({"tenantId": spec.tenants} if spec.tenants else {}),
        key_policy=key_policy(PLACE.region),
        replica_policies={region: key_policy(region) for region in spec.replica_regions},
        role_policies={roles[0]: (parse_policy(access),)},
        attached={roles[0]: ("arn:aws:iam::123456789012:policy/fluo/fluo-kms-access-production",)},
        trust_policies={roles[0]: parse_policy(documents.document(trust))},
        instance_profiles={roles[0]: profiles(spec, roles)},
        alarms=alarms(spec),
        rotation_days=90,
        wanted_rotation_days=spec.key_rotation_period_days,
        module=read_module(OUR_MODULE),
        outputs=frozenset(outputs),
        creates_role=spec.create_iam_role,
        validation_commands=outputs["validation_commands"].raw(),
        properties=outputs["fluo_backend_config"].raw(),
        environment_variables=outputs["fluo_backend_env_vars"].value,
    )


SERVICE_TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def profiles(spec: Any, roles: tuple[str, ...]) -> tuple[str, ...]:
    if not spec.create_iam_role:
        return ("fluo-backend",)
    wanted = desired_resources(spec, PLACE, ROLE)
    return tuple(each.name for each in wanted if each.kind == "instance profile")


def alarms(spec: Any) -> tuple[Alarm, ...]:
    wanted = desired_resources(spec, PLACE, ROLE)
    filters = {
        (each.facts["namespace"], each.facts["metric"]): each.name for each in wanted if each.kind == "metric filter"
    }
    watched = [(each.name, each.facts["namespace"], each.facts["metric"]) for each in wanted if each.kind == "alarm"]
    return tuple(Alarm(*each, filters=(filters[each[1:]],)) for each in watched)


def test_the_original_module_has_all_14_defects():
    """Option 2 of the seed document, with its replica and its alarms."""
    assert found(original()) == DEFECTS


def test_with_an_existing_role_the_original_module_has_the_defects_that_are_not_of_the_created_one():
    of_created_role = {"roles-may-use-key", "external-id-not-of-services", "instance-profile-exists"}

    assert found(original(existing_role=True)) == [each for each in DEFECTS if each not in of_created_role]


@pytest.mark.parametrize("variables", [OPTION_1, OPTION_2], ids=["existing role", "created role"])
def test_what_is_made_here_has_none_and_all_of_it_is_known(variables: dict[str, Any]):
    assert found(ours(variables), Outcome.OK) == DEFECTS


@pytest.mark.parametrize(
    ("id_", "words"),
    [
        ("context-in-key-policy", "could kms:Decrypt, kms:Encrypt, kms:GenerateDataKey with no encryption context"),
        ("context-where-it-is-sent", "kms:DescribeKey, kms:GetKeyPolicy, kms:GetKeyRotationStatus and 2 more"),
        ("roles-may-use-key", "Statement[1].Principal: names no principal"),
        ("external-id-not-of-services", "fluo-backend-production: refused to ec2.amazonaws.com"),
        ("variables-have-effect", "key_rotation_period_days, deletion_window_days"),
        ("properties-are-plain", "<<EOT"),
        ("outputs-passed-on", "kms_key_id, kms_key_alias, aws_region"),
        ("outputs-passed-on", "iam_role_name"),
        ("validation-commands-run", "aws kms describe-key"),
        ("module-folder-loads", "module fluo_kms, output key; no such folder: ./terraform/aws-kms"),
        ("four-actions-only", "CloudWatchLogsFullAccess, kms:CreateGrant"),
        ("instance-profile-exists", "role/fluo/fluo-backend-production"),
        ("alarms-have-metric", "UserErrorCount (fluo-kms-throttle-production)"),
        ("replicas-enforce-too", "us-west-2: role/fluo/fluo-backend-production could"),
        ("environment-variables-map", "KMS_CACHE_PRIVATE_KEY_TTL, KMS_CACHE_PUBLIC_KEY_TTL"),
    ],
)
def test_a_defect_names_what_was_seen(id_: str, words: str):
    assert words in result(original(), id_).seen


def test_the_void_enforcement_is_named_by_the_statement_that_allows_it_today():
    seen = result(original(existing_role=True), "context-in-key-policy").seen

    assert "role/fluo-backend may" in seen
    assert "AllowFluoBackendKeyUsage" in seen


def test_each_defect_has_a_name_a_meaning_and_a_fix_that_names_a_command_or_the_module():
    assert [check.id for check in CHECKS] == DEFECTS
    for each in review(original()):
        assert each.means
        assert "fluo-audit " in each.fix or "provision/terraform/aws-kms" in each.fix


# --- what is not known -----------------------------------------------------------------------------------------------


def test_of_what_nothing_is_known_nothing_is_judged():
    results = review(SetUp())

    assert {each.outcome for each in results} == {Outcome.NOT_KNOWN}
    assert {each.fix for each in results if each.fix.startswith("--")} == {
        "--module DIR",
        "--properties FILE",
        "--terraform-output FILE",
        "--terraform-output FILE, or --module DIR",
        "--terraform-output FILE, or --properties FILE with environment variables",
    }


@pytest.mark.parametrize("field", [each.name for each in fields(SetUp) if each.default is None])
def test_without_one_fact_no_check_turns_from_ok_to_defect(field: str):
    assert found(replace(ours(OPTION_2), **{field: None})) == []


def test_what_is_read_only_in_part_is_not_ok_and_says_why():
    """A role of another account: what belongs to it cannot be read from here."""
    elsewhere = "arn:aws:iam::210987654321:role/fluo-backend"
    known = ours(OPTION_1)
    why = Unknown("iam:GetRole answered AccessDenied", "grant iam:GetRole to the collector")
    partial = replace(known, roles=(ROLE, elsewhere), unknown={"trust_policies": why})

    unread = result(partial, "external-id-not-of-services")

    assert (unread.outcome, unread.seen, unread.fix) == (Outcome.NOT_KNOWN, why.why, why.remedy)


def test_a_defect_stands_although_not_all_is_known():
    partial = replace(original(), unknown={"trust_policies": Unknown("not read")})

    assert result(partial, "external-id-not-of-services").outcome is Outcome.DEFECT


def test_a_gap_in_the_key_policy_is_open_while_a_policy_of_the_role_may_close_it():
    unread = replace(
        original(existing_role=True), role_policies={}, unknown={"role_policies": Unknown("no", "grant it")}
    )

    judged = result(unread, "context-in-key-policy")

    assert (judged.outcome, judged.fix) == (Outcome.NOT_KNOWN, "grant it")
    assert "which were not all read" in judged.seen


# --- the same, written differently -----------------------------------------------------------------------------------

BACKEND = {"AWS": ROLE}
BY_ROOT = allow({"AWS": ROOT}, "kms:*")
CONDITIONED = allow(
    BACKEND, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], **when("StringEquals", purpose=PURPOSES)
)
OTHER_PURPOSE = deny(BACKEND, CRYPTO, **when("StringNotEquals", purpose=PURPOSES))
DESCRIBE = allow(BACKEND, "kms:DescribeKey")

KEY_POLICIES = {
    "an Allow without condition beside the Deny of another role": (
        [BY_ROOT, allow(BACKEND, CRYPTO), deny({"AWS": f"{ROLE}-2"}, CRYPTO, **when("StringNotEquals", purpose=PURPOSES))],
        Outcome.DEFECT,
    ),
    "a wildcard for the actions, in another case": ([BY_ROOT, allow(BACKEND, "KMS:d*")], Outcome.DEFECT),
    "the condition only IfExists": (
        [allow(BACKEND, CRYPTO, **when("StringEqualsIfExists", purpose=PURPOSES))],
        Outcome.DEFECT,
    ),
    "any purpose at all": ([allow(BACKEND, CRYPTO, **when("StringLike", purpose="*"))], Outcome.DEFECT),
    "a Deny of two keys at once": (
        [BY_ROOT, CONDITIONED, deny(BACKEND, CRYPTO, **when("StringNotEquals", purpose=PURPOSES, tenant="tenant-1"))],
        Outcome.DEFECT,
    ),
    "a Deny that spares one action": (
        [BY_ROOT, CONDITIONED, deny(BACKEND, "kms:Decrypt", **when("StringNotEquals", purpose=PURPOSES))],
        Outcome.DEFECT,
    ),
    "everybody, narrowed by account alone": (
        [allow("*", CRYPTO, Condition={"StringEquals": {"kms:CallerAccount": "123456789012"}})],
        Outcome.DEFECT,
    ),
    "the Deny is for everybody": (
        [BY_ROOT, CONDITIONED, deny("*", CRYPTO, **when("StringNotEquals", purpose=PURPOSES))],
        Outcome.OK,
    ),
    "one Deny a purpose that is not there, one for another": (
        [BY_ROOT, CONDITIONED, deny(BACKEND, CRYPTO, **when("Null", purpose="true")), OTHER_PURPOSE],
        Outcome.OK,
    ),
    "no statement of the account, so the Allow is all there is": ([CONDITIONED], Outcome.OK),
    "the role by NotAction, and a Deny": (
        [{"Effect": "Allow", "Principal": BACKEND, "NotAction": "kms:ScheduleKeyDeletion", "Resource": "*"}, OTHER_PURPOSE],
        Outcome.OK,
    ),
    "more purposes than were declared": (
        [BY_ROOT, allow(BACKEND, CRYPTO, **when("StringEquals", purpose=[*PURPOSES, "health_check"])),
         deny(BACKEND, CRYPTO, **when("StringNotEquals", purpose=[*PURPOSES, "health_check"]))],
        Outcome.OK,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "outcome"), KEY_POLICIES.values(), ids=KEY_POLICIES)
def test_enforcement_is_asked_of_the_policy_and_not_read_from_it(statements: list[dict[str, Any]], outcome: Outcome):
    set_up = replace(ours(OPTION_1), key_policy=policy(*statements))

    assert result(set_up, "context-in-key-policy").outcome is outcome


def test_a_tenant_that_is_not_enforced_is_found_beside_another_roles_wildcard():
    wide = allow({"AWS": f"{ROLE}-2"}, CRYPTO, **when("StringLike", purpose="*"))
    asked = {"purpose": tuple(PURPOSES), "tenantId": ("tenant-123",)}
    set_up = replace(ours(OPTION_1), key_policy=policy(BY_ROOT, CONDITIONED, OTHER_PURPOSE, wide), context=asked)

    assert "tenantId missing" in result(set_up, "context-in-key-policy").seen


def test_what_is_allowed_today_is_named_before_what_a_further_policy_could_allow():
    set_up = replace(ours(OPTION_1), key_policy=policy(BY_ROOT, allow(BACKEND, "kms:GenerateDataKey")))

    assert "may kms:GenerateDataKey with" in result(set_up, "context-in-key-policy").seen


def test_a_deny_in_the_roles_own_policy_enforces_too():
    own = parse_policy(
        {
            "Statement": {
                "Effect": "Deny",
                "Action": CRYPTO,
                "Resource": "*",
                **when("StringNotEquals", purpose=PURPOSES),
            }
        }
    )
    set_up = replace(ours(OPTION_1), key_policy=policy(BY_ROOT), role_policies={ROLE: (own,)})

    assert result(set_up, "context-in-key-policy").outcome is Outcome.OK


def test_without_a_context_to_enforce_nothing_is_void():
    set_up = replace(original(existing_role=True), context={})

    assert result(set_up, "context-in-key-policy").outcome is Outcome.OK


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        (identity("kms:*", **when("StringEquals", purpose=PURPOSES)), Outcome.DEFECT),
        (identity(["kms:Decrypt", "kms:describekey"], **when("StringLike", tenant="tenant-*")), Outcome.DEFECT),
        (identity(["kms:Decrypt", "kms:CreateGrant"], **when("StringEquals", purpose=PURPOSES)), Outcome.OK),
        (identity("kms:DescribeKey", Condition={"StringEquals": {"kms:ViaService": "s3"}}), Outcome.OK),
    ],
)
def test_a_context_that_a_call_never_carries_is_found_by_the_call(document: PolicyDocument, outcome: Outcome):
    set_up = replace(ours(OPTION_1), role_policies={ROLE: (document,)})

    assert result(set_up, "context-where-it-is-sent").outcome is outcome


@pytest.mark.parametrize(
    ("statements", "own", "outcome"),
    [
        ([BY_ROOT, allow({"AWS": []}, "kms:Decrypt")], (identity("kms:*"),), Outcome.DEFECT),
        ([BY_ROOT, allow({"AWS": f"{ROLE}*"}, CRYPTO)], (identity("kms:*"),), Outcome.DEFECT),
        ([BY_ROOT, allow({"AWS": f"{ROLE}-2"}, CRYPTO)], (), Outcome.DEFECT),
        ([BY_ROOT, allow(BACKEND, "kms:Decrypt")], (), Outcome.DEFECT),
        ([BY_ROOT], (identity("kms:*"),), Outcome.OK),
        ([allow({"AWS": ["123456789012"]}, "kms:*")], (identity("kms:*"),), Outcome.OK),
        ([allow(BACKEND, CRYPTO)], (), Outcome.OK),
        ([CONDITIONED], (), Outcome.OK),
    ],
    ids=[
        "nobody",
        "a wildcard",
        "another role",
        "one action",
        "through the account",
        "an account id",
        "named",
        "named, with a context",
    ],
)
def test_a_role_that_nothing_lets_in_is_found(statements: list[dict[str, Any]], own: Any, outcome: Outcome):
    set_up = replace(ours(OPTION_1), key_policy=policy(*statements), role_policies={ROLE: own})

    assert result(set_up, "roles-may-use-key").outcome is outcome


EXTERNAL_ID = {"StringEquals": {"sts:ExternalId": "x-12345"}}


def trust(*statements: dict[str, Any]) -> PolicyDocument:
    rest = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    return parse_policy({"Version": "2012-10-17", "Statement": [rest | each for each in statements]})


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        (
            trust({"Principal": {"Service": "lambda.amazonaws.com", "AWS": ROOT}, "Condition": EXTERNAL_ID}),
            Outcome.DEFECT,
        ),
        (trust(SERVICE_TRUST | {"Condition": {"StringLike": {"STS:externalid": "*"}}}), Outcome.DEFECT),
        (trust(SERVICE_TRUST | {"Condition": {"Null": {"sts:ExternalId": "false"}}}), Outcome.DEFECT),
        (
            trust(
                SERVICE_TRUST,
                {"Effect": "Deny", "Principal": "*", "Condition": {"StringNotEquals": {"sts:ExternalId": "x"}}},
            ),
            Outcome.DEFECT,
        ),
        (trust(SERVICE_TRUST, {"Principal": {"AWS": ROOT}, "Condition": EXTERNAL_ID}), Outcome.OK),
        (trust(SERVICE_TRUST | {"Condition": {"StringEqualsIfExists": {"sts:ExternalId": "x"}}}), Outcome.OK),
        (trust(SERVICE_TRUST | {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}), Outcome.OK),
        (trust(SERVICE_TRUST, SERVICE_TRUST | {"Condition": EXTERNAL_ID}), Outcome.OK),
        (trust({"Principal": {"AWS": ROOT}, "Condition": EXTERNAL_ID}), Outcome.OK),
    ],
)
def test_whether_a_service_can_assume_the_role_without_an_external_id_is_asked_of_the_trust_policy(
    document: PolicyDocument, outcome: Outcome
):
    set_up = replace(ours(OPTION_1), trust_policies={ROLE: document})

    assert result(set_up, "external-id-not-of-services").outcome is outcome


def test_a_rotation_period_that_did_not_arrive_is_a_variable_without_effect():
    """It is used somewhere, but not for the key."""
    set_up = replace(ours(OPTION_1), rotation_days=90, wanted_rotation_days=120)

    assert result(set_up, "variables-have-effect").seen == (
        "key_rotation_period_days is 120, and the key rotates every 90 days"
    )


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("<<-TEXT\nfluo.kms.provider=aws\nTEXT\n", Outcome.DEFECT),
        ('aws.kms.region="us-east-1"\n', Outcome.DEFECT),
        ("aws.kms.region=us-east-1\naws.kms.region : eu-west-1\n", Outcome.DEFECT),
        ("# aws.kms.region=us-east-1\naws.kms.region=eu-west-1\n%dev.aws.kms.region=us-east-1\n", Outcome.OK),
        ("greeting=<<EOT\na=1\na=2\n", Outcome.OK),
        ("", Outcome.OK),
        ("broken=\\u12\n", Outcome.NOT_KNOWN),
    ],
    ids=["another mark", "quotes", "twice", "comment and profile", "settings of others", "empty", "not readable"],
)
def test_properties_are_read_as_the_backend_reads_them(text: str, outcome: Outcome):
    assert result(replace(ours(OPTION_1), properties=text), "properties-are-plain").outcome is outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("aws kms describe-key \\\\\n  --key-id x\n", Outcome.DEFECT),
        ("aws kms describe-key \\ \n  --key-id x\n", Outcome.DEFECT),
        ("aws kms describe-key\n  --key-id x\n", Outcome.DEFECT),
        ("aws kms describe-key \\\\\\\\\n", Outcome.DEFECT),
        ("aws kms describe-key \\\r\n  --key-id x\r\n", Outcome.OK),
        ('# try it\naws kms encrypt --encryption-context \'{\n  "purpose": "a\\\\"\n}\' \\\n --dry-run\n', Outcome.OK),
        ('aws kms encrypt --plaintext "a\\\\b" | jq .\n\n', Outcome.OK),
    ],
    ids=["two", "a blank behind", "none", "four at the end", "Windows", "a quote over lines", "quoted backslashes"],
)
def test_commands_are_read_as_a_shell_reads_them(text: str, outcome: Outcome):
    assert result(replace(ours(OPTION_1), validation_commands=text), "validation-commands-run").outcome is outcome


def block(file: str, kind: str, *labels: str) -> Block:
    return Block(file, kind, labels, {}, frozenset())


@pytest.mark.parametrize(
    ("module", "outcome"),
    [
        (
            Module((block("a.tf", "resource", "aws_kms_key", "x"), block("b.tf", "resource", "aws_kms_key", "x"))),
            Outcome.DEFECT,
        ),
        (Module((block("a.tf", "module", "x"),), missing=("../x",)), Outcome.DEFECT),
        (Module((block("a.tf", "output", "x"), block("a_override.tf", "output", "x"))), Outcome.OK),
        (Module((block("a.tf", "provider", "aws"), block("a.tf", "provider", "aws"))), Outcome.OK),
        (
            Module((block("a.tf", "resource", "aws_kms_key", "x"), block("a.tf", "data", "aws_kms_key", "x"))),
            Outcome.OK,
        ),
    ],
)
def test_a_folder_that_terraform_cannot_load_is_found(module: Module, outcome: Outcome):
    assert result(replace(ours(OPTION_1), module=module), "module-folder-loads").outcome is outcome


@pytest.mark.parametrize(
    ("own", "attached", "outcome"),
    [
        (identity("kms:GenerateDataKeyPair", **when("StringEquals", purpose=PURPOSES)), (), Outcome.DEFECT),
        (identity("kms:RevokeGrant"), (), Outcome.DEFECT),
        (identity("kms:Decrypt"), ("arn:aws-cn:iam::aws:policy/service-role/AmazonS3FullAccess",), Outcome.DEFECT),
        (identity("kms:TagResource", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}), (), Outcome.NOT_KNOWN),
        (identity("kms:*", Resource=KEY.replace(ID, "another")), (), Outcome.OK),
        (identity("kms:ScheduleKeyDeletion"), (), Outcome.OK),
        (identity("kms:Decrypt"), ("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",), Outcome.OK),
    ],
    ids=[
        "in one context",
        "another",
        "a policy of AWS",
        "from an address",
        "another key",
        "denied by the key",
        "a narrow one of AWS",
    ],
)
def test_what_a_role_may_do_is_the_sum_of_its_policies(own: PolicyDocument, attached: Any, outcome: Outcome):
    set_up = replace(ours(OPTION_1), role_policies={ROLE: (own,)}, attached={ROLE: attached})

    assert result(set_up, "four-actions-only").outcome is outcome


def test_only_a_role_for_ec2_needs_an_instance_profile():
    tasks = trust({"Principal": {"Service": "ecs-tasks.amazonaws.com"}})
    set_up = replace(ours(OPTION_1), instance_profiles={ROLE: ()})

    assert result(set_up, "instance-profile-exists").outcome is Outcome.DEFECT
    assert result(replace(set_up, trust_policies={ROLE: tasks}), "instance-profile-exists").outcome is Outcome.OK


@pytest.mark.parametrize(
    ("alarm", "outcome"),
    [
        (Alarm("calls", "AWS/KMS", "NumberOfCalls"), Outcome.DEFECT),
        (Alarm("calls", "AWS/KMS", "NumberOfCalls", has_data=True), Outcome.OK),
        (Alarm("expiry", "AWS/KMS", "SecondsUntilKeyMaterialExpiration"), Outcome.OK),
        (Alarm("errors", "FLUO", "Errors", filters=("kms-errors",)), Outcome.OK),
        (Alarm("errors", "FLUO", "Errors"), Outcome.NOT_KNOWN),
        (Alarm("computed", "", ""), Outcome.NOT_KNOWN),
    ],
)
def test_an_alarm_is_dead_when_nobody_publishes_its_metric(alarm: Alarm, outcome: Outcome):
    assert result(replace(ours(OPTION_1), alarms=(alarm,)), "alarms-have-metric").outcome is outcome


def test_a_replica_is_held_against_the_primary_key_where_no_context_is_asked_for():
    """The default key policy denies the backend nothing that its IAM policies allow."""
    unenforced = {**OPTION_2, "enforce_encryption_context": False, "allowed_tenant_ids": []}
    alike = replace(ours(unenforced), context={})

    assert result(alike, "replicas-enforce-too").outcome is Outcome.OK
    judged = result(replace(alike, replica_policies={"us-west-2": policy(BY_ROOT)}), "replicas-enforce-too")
    assert judged.outcome is Outcome.DEFECT
    assert "kms:ScheduleKeyDeletion" in judged.seen or "is not denied" in judged.seen


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({"AWS_KMS_KEY": "x"}, Outcome.DEFECT),
        ({"KMS_CACHE_PUBLIC_KEY_TTL_HOURS": "1440"}, Outcome.DEFECT),
        ({"KMS_CACHE_PRIVATE_KEY_TTL_MINUTES": "1"}, Outcome.DEFECT),
        ({"KMS_CACHE_PUBLIC_KEY_TTL_HOURS": "48", "DATABASE_URL": "x"}, Outcome.OK),
        ({"KMS_CACHE_MAX_SIZE": "9" * 5000}, Outcome.OK),
        ({}, Outcome.OK),
    ],
    ids=["no setting", "minutes for hours", "hours for minutes", "another value", "no number", "none"],
)
def test_environment_variables_are_those_that_quarkus_makes_of_the_settings(
    variables: dict[str, str], outcome: Outcome
):
    set_up = replace(ours(OPTION_1), environment_variables=variables)

    assert result(set_up, "environment-variables-map").outcome is outcome
