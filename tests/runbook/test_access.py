"""Why a backend role may not use the key: each cause of the troubleshooting tree is found, and no other is blamed."""

from __future__ import annotations

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.model.evidence import Missing
from fluo_audit.runbook.access import diagnose_access
from fluo_audit.runbook.answers import Health, Unread
from fluo_audit.runbook.step import exit_code

ACCOUNT = "arn:aws:iam::123456789012:"
ROLE = f"{ACCOUNT}role/fluo-backend"
PURPOSE, TENANT = "kms:EncryptionContext:purpose", "kms:EncryptionContext:tenantId"
USE = ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"]
FOUR = ["kms:DescribeKey", *USE]
PURPOSES = ["compliance_evidence", "pii_redaction"]
DENIED = Missing("kms:GetKeyPolicy", "AccessDeniedException", "", "grant kms:GetKeyPolicy to the collector")


def statement(sid, action, principal=ROLE, effect="Allow", **condition):
    found = {"Sid": sid, "Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


def of_role(action, effect="Allow", sid="Kms", **condition):
    found = {"Sid": sid, "Effect": effect, "Action": action, "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


def enforced(*purposes, **more):
    wanted = {PURPOSE: list(purposes), **more}
    return [
        statement("Describe", "kms:DescribeKey"),
        statement("Use", USE, StringEquals=wanted),
        *(
            statement(f"DenyOther{name}", USE, effect="Deny", StringNotEquals={name: values})
            for name, values in wanted.items()
        ),
    ]


ROOT = statement("Root", "kms:*", f"{ACCOUNT}root")
NAMED = statement("AllowUse", FOUR)

# name, key policy, policies of the role, further facts, cause, what it says, what its fix holds
CAUSES = [
    ("key disabled", [ROOT, NAMED], {}, {"key": {"state": "Disabled"}}, "key state", "Disabled", "aws kms enable-key --key-id arn"),
    ("key pending deletion", [ROOT, NAMED], {}, {"key": {"state": "PendingDeletion"}}, "key state", "PendingDeletion", "cancel-key-deletion"),
    ("key without material", [ROOT, NAMED], {}, {"key": {"state": "PendingImport"}}, "key state", "PendingImport", ""),
    ("a Deny in the key policy", [ROOT, NAMED, statement("No", "kms:Enc*", effect="Deny")], {}, {}, "Deny", "kms:Encrypt is denied by key policy, No", "--prune No"),
    ("a Deny in the role's policy", [ROOT, NAMED], {"p": of_role("kms:*", "Deny", "Never")}, {}, "Deny", "denied by role policy p, Never", "take Never out of the role policy p"),
    ("the policy is not attached", [ROOT], {}, {}, "IAM policy", "none is attached", "--attach-to-role --fluo-iam-role-name fluo-backend"),
    ("the policy lacks an action", [ROOT], {"p": of_role(["kms:DescribeKey", "kms:Encrypt", "kms:Decrypt"])}, {}, "IAM policy", "p: no statement allows kms:GenerateDataKey", "provision plan --environment test"),
    ("the policy is about another key", [ROOT], {"p": of_role(FOUR) | {"Resource": "arn:aws:kms:us-east-1:123456789012:key/other"}}, {}, "IAM policy", "no statement allows", ""),
    ("nobody named, no delegation", [statement("Admin", "kms:*", f"{ACCOUNT}role/admin")], {"p": of_role("kms:*")}, {}, "key policy", "no statement for this role or its account", f"--fluo-role-arn {ROLE}"),
    ("another role is named", [statement("AllowUse", FOUR, f"{ACCOUNT}role/old-backend")], {}, {}, "key policy", "no statement for this role or its account", "--fluo-role-arn"),
    ("the role was made again", [statement("AllowUse", FOUR, "AROAEXAMPLEEXAMPLE123")], {}, {}, "key policy", "AROAEXAMPLEEXAMPLE123 is a principal that was deleted", ""),
    ("the key policy names it for less", [statement("AllowUse", ["kms:DescribeKey", "kms:Decrypt"])], {"p": of_role(FOUR)}, {}, "key policy", "that allows kms:GenerateDataKey, kms:Encrypt", ""),
    ("the context is on DescribeKey too", [ROOT, statement("AllowUse", FOUR, StringEquals={PURPOSE: PURPOSES})], {}, {}, "IAM policy", "none is attached", ""),
    ("another purpose is allowed", [ROOT, statement("Describe", "kms:DescribeKey"), statement("Use", USE, StringEquals={PURPOSE: "other"})], {}, {}, "encryption context", "purpose=compliance_evidence is not allowed: nothing allows kms:GenerateDataKey", "--encryption-context-purpose compliance_evidence --encryption-context-purpose pii_redaction"),
    ("one declared purpose is denied", [ROOT, *enforced("pii_redaction")], {}, {}, "encryption context", "denied by key policy, DenyOtherkms:EncryptionContext:purpose", ""),
    ("the role's policy asks another purpose", [ROOT], {"p": [of_role("kms:DescribeKey"), of_role(USE, StringEquals={PURPOSE: "other"})]}, {}, "encryption context", "is not allowed", ""),
]  # fmt: skip


@pytest.mark.parametrize("case", CAUSES, ids=[case[0] for case in CAUSES])
def test_the_cause_is_found(facts, criteria, case):
    _, key_policy, role_policies, more, name, said, fix = case

    (diagnosis,) = diagnose_access(facts(key_policy=key_policy, role_policies=role_policies, **more), criteria())

    assert diagnosis.cause is not None, diagnosis
    assert (diagnosis.cause.name, said in diagnosis.cause.said) == (name, True), diagnosis.cause
    assert fix in diagnosis.cause.fix
    assert [step.name for step in diagnosis.steps if step.is_wrong] == [name], "one cause, and nothing else is blamed"
    assert exit_code(diagnosis.steps) == ExitCode.EXCEPTIONS


FINE = [
    ("by the key policy", [ROOT, NAMED], {}, {}),
    ("by the key policy without root", [NAMED], {}, {}),
    ("by the role's policy", [ROOT], {"p": of_role(FOUR)}, {}),
    ("half by each", [ROOT, statement("Use", USE)], {"p": of_role("kms:DescribeKey")}, {}),
    ("for the declared purposes", [ROOT, *enforced(*PURPOSES)], {}, {}),
    ("for named tenants", [ROOT, *enforced(*PURPOSES, **{TENANT: ["tenant-1", "tenant-2"]})], {}, {}),
    ("with a statement for log groups", [ROOT, NAMED, statement("Logs", "kms:*", StringEquals={"kms:EncryptionContext:aws:logs:arn": "x"}) | {"Principal": {"Service": "logs.us-east-1.amazonaws.com"}}], {}, {}),
    ("by a grant", [statement("Admin", "kms:*", f"{ACCOUNT}role/admin")], {}, {"grants": [{}]}),
]  # fmt: skip


@pytest.mark.parametrize("case", FINE, ids=[case[0] for case in FINE])
def test_where_the_role_may_nothing_is_blamed(facts, criteria, case):
    _, key_policy, role_policies, more = case

    (diagnosis,) = diagnose_access(facts(key_policy=key_policy, role_policies=role_policies, **more), criteria())

    assert diagnosis.sentence == "role/fluo-backend may use the key."
    assert exit_code(diagnosis.steps) == ExitCode.OK, diagnosis.steps


@pytest.mark.parametrize("source", ["key", "key_policy", "role_policies", "grants"])
def test_what_was_not_read_is_not_judged(facts, criteria, source):
    (diagnosis,) = diagnose_access(facts(**{"key_policy": [ROOT], source: DENIED}), criteria())

    open_ = [step for step in diagnosis.steps if step.conclusion.value == "inconclusive"]
    assert any("kms:GetKeyPolicy, AccessDeniedException; grant kms:GetKeyPolicy" in step.said for step in open_)
    if source == "key_policy":
        assert diagnosis.cause is None
        assert "could not be decided" in diagnosis.sentence
        assert exit_code(diagnosis.steps) == ExitCode.INCOMPLETE


def test_an_answer_that_depends_on_the_address_is_left_open(facts, criteria):
    office = statement("Office", FOUR, IpAddress={"aws:SourceIp": "10.0.0.0/8"})

    (diagnosis,) = diagnose_access(facts(key_policy=[office]), criteria())

    assert diagnosis.cause is None
    assert exit_code(diagnosis.steps) == ExitCode.INCOMPLETE


def test_a_policy_that_is_none_is_left_open(facts, criteria):
    (diagnosis,) = diagnose_access(facts(key_policy='{"Statement": [{}]}'), criteria())

    assert exit_code(diagnosis.steps) == ExitCode.INCOMPLETE
    assert "Effect" in diagnosis.steps[0].said


def test_roles_have_to_be_declared(facts, criteria):
    (diagnosis,) = diagnose_access(facts(), criteria(backend_roles=()))

    assert exit_code(diagnosis.steps) == ExitCode.INCOMPLETE
    assert "backend_roles" in diagnosis.steps[0].said


def test_each_role_has_its_own_answer(facts, criteria):
    other = f"{ACCOUNT}role/batch"

    first, second = diagnose_access(facts(key_policy=[NAMED]), criteria(backend_roles=(ROLE, other)))

    assert first.cause is None
    assert second.sentence.startswith("role/batch may not kms:DescribeKey, kms:GenerateDataKey")
    assert second.cause.name == "key policy"
    assert f"--fluo-role-arn {ROLE} --fluo-role-arn {other}" in second.cause.fix


def test_a_key_that_terraform_manages_is_mended_there_first(facts, criteria):
    found = facts(key_policy=[NAMED | {"Principal": {"AWS": f"{ACCOUNT}role/x"}}], tags={"ManagedBy": "terraform"})

    (diagnosis,) = diagnose_access(found, criteria())

    assert diagnosis.cause.fix.startswith(f'set fluo_role_arns = ["{ROLE}"] in the Terraform module')
    assert diagnosis.cause.fix.endswith("--take-ownership")


# --- the purposes that the backend's own checks send ------------------------------------------------------------------

UP, DOWN = Health(up=True, provider="aws", key="", error=""), Health(up=False, provider="aws", key="", error="denied")


def own_checks(found, criteria, health):
    (diagnosis,) = diagnose_access(found, criteria(), health)
    return diagnosis, diagnosis.steps[-1]


def test_enforcement_that_turns_the_health_check_down_is_the_cause(facts, criteria):
    diagnosis, step = own_checks(facts(key_policy=[ROOT, *enforced(*PURPOSES)]), criteria, DOWN)

    assert diagnosis.cause is step
    assert "purpose=health_check" in step.said
    assert "no purpose: denied" in step.said
    assert "--extra-context-purpose health_check" in step.fix


def test_a_backend_that_is_up_does_not_need_them(facts, criteria):
    diagnosis, step = own_checks(facts(key_policy=[ROOT, *enforced(*PURPOSES)]), criteria, UP)

    assert diagnosis.cause is None
    assert "does not need them" in step.said


def test_without_the_backend_nothing_is_concluded_from_them(facts, criteria):
    diagnosis, step = own_checks(facts(key_policy=[ROOT, *enforced(*PURPOSES)]), criteria, None)

    assert diagnosis.cause is None
    assert step.conclusion.value == "not applicable"
    assert "--backend-url" in step.said


def test_a_backend_that_does_not_answer_is_left_open(facts, criteria):
    diagnosis, step = own_checks(facts(key_policy=[NAMED]), criteria, Unread("connection refused"))

    assert step.said == "connection refused"
    assert exit_code(diagnosis.steps) == ExitCode.INCOMPLETE


def test_down_although_every_policy_allows_points_beyond_what_is_read(facts, criteria):
    diagnosis, step = own_checks(facts(key_policy=[NAMED]), criteria, DOWN)

    assert diagnosis.cause is step
    assert "permissions boundaries" in step.said
