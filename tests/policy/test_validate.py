"""What a policy is held against before it is written: a table of one fault a row, and policies without fault."""

from __future__ import annotations

import json

import pytest

from fluo_audit.policy import parse_policy
from fluo_audit.policy.validate import KEY_POLICY_BYTES, MANAGED_POLICY_CHARACTERS, Severity, problems

ACCOUNT = "111122223333"
OTHER = "444455556666"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fluo/backend"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
LOGS = "logs.eu-west-1.amazonaws.com"
LOGS_ACTIONS = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
PURPOSE, TENANT = "kms:EncryptionContext:purpose", "kms:EncryptionContext:tenantId"

USE = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}
ROLE_USE = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY}
ERROR, WARNING = Severity.ERROR, Severity.WARNING


def document(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def without(statement: dict, *elements: str) -> dict:
    return {name: value for name, value in statement.items() if name not in elements}


def when(operator: str, key: str, *values: str) -> dict:
    return {"Condition": {operator: {key: list(values)}}}


def logs(**changes: object) -> dict:
    arn = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/fluo/*"
    statement = {"Effect": "Allow", "Principal": {"Service": LOGS}, "Action": LOGS_ACTIONS, "Resource": "*"}
    return statement | when("ArnLike", "kms:EncryptionContext:aws:logs:arn", arn) | changes


# name | statements of a key policy | the problems: severity, place, words
KEY_POLICIES = [
    ("Principal is missing", [without(USE, "Principal")], [(ERROR, "Statement[0].Principal", "no principal")]),
    ("Principal is an empty list", [USE | {"Principal": {"AWS": []}}], [(ERROR, "Statement[0].Principal", "no principal")]),
    ("Principal is an empty object", [USE | {"Principal": {}}], [(ERROR, "Statement[0].Principal", "no principal")]),
    ("the second statement names nobody", [USE, USE | {"Principal": {"AWS": []}}], [(ERROR, "Statement[1].Principal", "no principal")]),
    ("NotPrincipal of nobody", [without(USE, "Principal") | {"NotPrincipal": {"AWS": []}}], [(ERROR, "Statement[0].Principal", "no principal"), (WARNING, "Statement[0]", "any AWS principal")]),
    ("a wildcard in a principal", [USE | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/fluo-*"}}], [(ERROR, "Statement[0].Principal", "wildcards are not known")]),
    ("a group as principal", [USE | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:group/ops"}}], [(ERROR, "Statement[0].Principal", "group/ops' is neither")]),
    ("a name as principal", [USE | {"Principal": {"AWS": "backend"}}], [(ERROR, "Statement[0].Principal", "'backend' is neither")]),
    ("the id of a deleted role", [USE | {"Principal": {"AWS": "AROAEXAMPLEEXAMPLE12"}}], [(WARNING, "Statement[0].Principal", "deleted role")]),
    ("no Action", [without(USE, "Action")], [(ERROR, "Statement[0].Action", "names nothing")]),
    ("an empty Action", [USE | {"Action": []}], [(ERROR, "Statement[0].Action", "names nothing")]),
    ("no Resource", [without(USE, "Resource")], [(ERROR, "Statement[0].Resource", "names nothing")]),
    ("no statement", [], [(ERROR, "Statement", "no statement")]),
    ("a misspelt action", [USE | {"Action": ["kms:Decrypt", "kms:Decyrpt"]}], [(ERROR, "Statement[0].Action", "'kms:Decyrpt' is no action of KMS")]),
    ("the API's name for two permissions", [USE | {"Action": "kms:ReEncrypt"}], [(ERROR, "Statement[0].Action", "'kms:ReEncrypt' is no action")]),
    ("a pattern that fits nothing", [USE | {"Action": "kms:Generate*Key?"}], [(ERROR, "Statement[0].Action", "nor a pattern that fits one")]),
    ("an action of another service", [USE | {"Action": "s3:GetObject"}], [(ERROR, "Statement[0].Action", "'s3:GetObject' is no action of KMS")]),
    ("a wildcard in the service", [USE | {"Action": "k*:Decrypt"}], [(ERROR, "Statement[0].Action", "'k*:Decrypt' is no action of KMS")]),
    ("an action no key policy decides", [USE | {"Action": "kms:CreateKey"}], [(WARNING, "Statement[0].Action", "no effect")]),
    ("one Sid twice", [USE | {"Sid": "A"}, USE | {"Sid": "A"}], [(ERROR, "Statement[1].Sid", "another statement")]),
    ("a character beyond Latin-1", [USE | {"Sid": "\u20ac"}], [(ERROR, "document", r"'\u20ac'")]),
    ("a context on DescribeKey", [USE | {"Action": ["kms:Decrypt", "kms:DescribeKey"]} | when("StringEquals", PURPOSE, "a")], [(ERROR, f"Statement[0].Condition.{PURPOSE}", "kms:DescribeKey never carries it")]),
    ("a context on every action", [USE | {"Action": "kms:*"} | when("StringEquals", PURPOSE, "a")], [(ERROR, f"Statement[0].Condition.{PURPOSE}", "kms:CancelKeyDeletion, kms:ConnectCustomKeyStore, kms:CreateAlias and 45 more never carries")]),
    ("a context on Generate*", [USE | {"Action": "kms:Generate*"} | when("StringEquals", PURPOSE, "a")], [(ERROR, f"Statement[0].Condition.{PURPOSE}", "kms:GenerateMac, kms:GenerateRandom never")]),
    ("a context on NotAction", [without(USE, "Action") | {"NotAction": ["kms:[A-Z]*", "kms:D*"]} | when("StringEquals", PURPOSE, "a")], [(ERROR, "Statement[0].Action", "kms:[A-Z]*"), (ERROR, f"Statement[0].Condition.{PURPOSE}", "never carries it")]),
    ("the keys of a context on Sign", [USE | {"Action": "kms:Sign"} | when("ForAnyValue:StringEquals", "kms:EncryptionContextKeys", "purpose")], [(ERROR, "Statement[0].Condition.kms:EncryptionContextKeys", "kms:Sign never")]),
    ("a context in any case, in a Deny", [USE | {"Effect": "Deny", "Action": "kms:DescribeKey"} | when("StringNotEquals", "KMS:encryptioncontext:x", "a")], [(ERROR, "Statement[0].Condition.KMS:encryptioncontext:x", "kms:DescribeKey never")]),
    ("the logs statement of another account", [logs(**when("ArnLike", "kms:EncryptionContext:aws:logs:arn", f"arn:aws:logs:eu-west-1:{OTHER}:*"))], [(ERROR, "Statement[0].Condition.kms:EncryptionContext:aws:logs:arn", "kms:DescribeCustomKeyStores, kms:DescribeKey never")]),
    ("the logs statement with more actions", [logs(Action=[*LOGS_ACTIONS, "kms:Get*"])], [(ERROR, "Statement[0].Condition.kms:EncryptionContext:aws:logs:arn", "never carries it")]),
    ("the logs statement for another service", [logs(Principal={"Service": "s3.amazonaws.com"})], [(ERROR, "Statement[0].Condition.kms:EncryptionContext:aws:logs:arn", "never carries it")]),
    ("the logs statement for a role too", [logs(Principal={"Service": LOGS, "AWS": ROLE})], [(ERROR, "Statement[0].Condition.kms:EncryptionContext:aws:logs:arn", "never carries it")]),
    ("the logs statement with another context", [logs(**when("StringEquals", PURPOSE, ACCOUNT))], [(ERROR, f"Statement[0].Condition.{PURPOSE}", "never carries it")]),
    ("an operator that IAM does not know", [USE | when("StringEqual", PURPOSE, "a")], [(ERROR, f"Statement[0].Condition.StringEqual.{PURPOSE}", "no condition operator")]),
    ("no value to compare with", [USE | when("StringEquals", PURPOSE)], [(WARNING, f"Statement[0].Condition.StringEquals.{PURPOSE}", "lists no value")]),
    ("ForAllValues in an Allow", [USE | when("ForAllValues:StringEquals", "kms:EncryptionContextKeys", "purpose")], [(WARNING, "Statement[0].Condition.ForAllValues:StringEquals.kms:EncryptionContextKeys", "also allows requests without it")]),
    ("IfExists in an Allow", [USE | when("StringEqualsIfExists", PURPOSE, "a")], [(WARNING, f"Statement[0].Condition.StringEqualsIfExists.{PURPOSE}", "also allows requests without it")]),
    ("Null true in an Allow", [USE | when("Null", PURPOSE, "true")], [(WARNING, f"Statement[0].Condition.Null.{PURPOSE}", "allows requests without it")]),
    ("Null false alone in an Allow", [USE | when("Null", PURPOSE, "false")], [(WARNING, f"Statement[0].Condition.Null.{PURPOSE}", "allows every value")]),
    ("a negated operator in an Allow", [USE | when("StringNotEquals", PURPOSE, "a")], [(WARNING, f"Statement[0].Condition.StringNotEquals.{PURPOSE}", "every value but those listed; also allows requests without it")]),
    ("a negated operator for some value", [USE | when("ForAnyValue:StringNotEquals", "kms:EncryptionContextKeys", "a")], [(WARNING, "Statement[0].Condition.ForAnyValue:StringNotEquals.kms:EncryptionContextKeys", "every value but those listed")]),
    ("two contexts in one Deny", [USE | {"Effect": "Deny", "Condition": {"StringNotEquals": {PURPOSE: "a", TENANT: "t"}}}], [(WARNING, "Statement[0].Condition", f"denies only when {PURPOSE} and {TENANT} are all wrong")]),
    ("everybody", [USE | {"Principal": "*"}], [(WARNING, "Statement[0]", "any AWS principal may use the key")]),
    ("another account", [USE, USE | {"Principal": {"AWS": OTHER}}], [(WARNING, "Statement[1]", f"lets account {OTHER} in")]),
]  # fmt: skip

# name | statements of an identity policy | the problems
IDENTITY_POLICIES = [
    ("Principal", [USE | {"Resource": KEY}], [(ERROR, "Statement[0].Principal", "names nobody")]),
    ("NotPrincipal", [ROLE_USE | {"NotPrincipal": "*"}], [(ERROR, "Statement[0].NotPrincipal", "names nobody")]),
    ("a Sid with spaces", [ROLE_USE | {"Sid": "Use the key"}], [(ERROR, "Statement[0].Sid", "letters and digits")]),
    ("a Sid with a hyphen", [ROLE_USE | {"Sid": "use-key"}], [(ERROR, "Statement[0].Sid", "letters and digits")]),
    ("a Sid with a letter that is not ASCII", [ROLE_USE | {"Sid": "Schl\u00fcssel"}], [(ERROR, "Statement[0].Sid", "letters and digits")]),
    ("one Sid twice", [ROLE_USE | {"Sid": "A"}, ROLE_USE | {"Sid": "A"}], [(ERROR, "Statement[1].Sid", "another statement")]),
    ("a Resource that is no ARN", [ROLE_USE | {"Resource": "alias/fluo"}], [(ERROR, "Statement[0].Resource", "neither an ARN nor *")]),
    ("no Resource", [without(ROLE_USE, "Resource")], [(ERROR, "Statement[0].Resource", "names nothing")]),
    ("a misspelt action", [ROLE_USE | {"Action": "kms:GenerateDatakeys"}], [(ERROR, "Statement[0].Action", "no action of KMS")]),
    ("a context on DescribeKey", [ROLE_USE | {"Action": ["kms:Encrypt", "kms:DescribeKey"]} | when("StringEquals", PURPOSE, "a")], [(ERROR, f"Statement[0].Condition.{PURPOSE}", "kms:DescribeKey never")]),
    ("a context on another service", [ROLE_USE | {"Action": ["kms:Encrypt", "s3:GetObject"]} | when("StringEquals", PURPOSE, "a")], [(ERROR, f"Statement[0].Condition.{PURPOSE}", "s3:GetObject never")]),
    ("a context on everything", [ROLE_USE | {"Action": "*"} | when("StringEquals", PURPOSE, "a")], [(ERROR, f"Statement[0].Condition.{PURPOSE}", "and 45 more never")]),
    ("IfExists in an Allow", [ROLE_USE | when("StringEqualsIfExists", "aws:SourceVpce", "vpce-1")], [(WARNING, "Statement[0].Condition.StringEqualsIfExists.aws:SourceVpce", "also allows requests without it")]),
]  # fmt: skip

ROWS = [("key", *row) for row in KEY_POLICIES] + [("identity", *row) for row in IDENTITY_POLICIES]


@pytest.mark.parametrize(("kind", "statements", "expected"), [(k, s, e) for k, _, s, e in ROWS], ids=[f"{r[0]} policy: {r[1]}" for r in ROWS])  # fmt: skip
def test_a_fault_is_named_with_its_place(kind, statements, expected):
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, ensure_ascii=False)
    found = problems(text, kind=kind, account=ACCOUNT)
    assert [(each.severity, each.where) for each in found] == [row[:2] for row in expected], found
    assert all(words in each.problem for each, (*_, words) in zip(found, expected, strict=True)), found


SOUND = [
    ("key", [USE | {"Principal": {"AWS": ROOT}, "Action": "kms:*", "Sid": "Enable IAM User-Permissions_1"}]),
    ("key", [USE | when("StringEquals", PURPOSE, "a")]),
    ("key", [USE | {"Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:CreateGrant", "kms:RetireGrant"]} | when("StringEquals", PURPOSE, "a")]),
    ("key", [USE | {"Effect": "Deny", "Action": "KMS:reencryptto"} | when("StringNotEquals", PURPOSE, "a")]),
    ("key", [USE | {"Effect": "Deny", "Action": "kms:*"} | when("StringNotEqualsIfExists", "aws:PrincipalOrgID", "o-1")]),
    ("key", [USE | {"Effect": "Deny", "Condition": {"StringNotEquals": {PURPOSE: "a"}, "StringNotLike": {PURPOSE: "b*"}}}]),
    ("key", [USE | {"Condition": {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "purpose"}, "Null": {"kms:EncryptionContextKeys": "false"}}}]),
    ("key", [USE | {"Principal": {"Service": "s3.amazonaws.com"}}, USE | {"Principal": {"AWS": ACCOUNT}}]),
    ("key", [USE | {"Principal": {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/backend/i-1"}}]),
    ("key", [USE | {"Principal": "*"} | when("StringEquals", "kms:CallerAccount", ACCOUNT)]),
    ("key", [USE, USE]),
    ("key", [logs()]),
    ("key", [logs(**when("ArnEquals", "kms:EncryptionContext:aws:logs:arn", f"arn:aws:logs:eu-west-1:{ACCOUNT}:*"))]),
    ("identity", [ROLE_USE | {"Sid": "Use1"}]),
    ("identity", [ROLE_USE | {"Action": ["s3:GetObject", "kms:List*"], "Resource": "*"}]),
    ("identity", [ROLE_USE | {"Action": "kms:ListKeys", "Resource": "*"}]),
    ("identity", [{"Effect": "Deny", "NotAction": "kms:Decrypt", "NotResource": KEY}]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "statements"), SOUND)
def test_a_sound_policy_has_no_problem(kind, statements):
    assert problems(document(*statements), kind=kind, account=ACCOUNT) == ()


@pytest.mark.parametrize("name", ["default_key", "draft_key", "draft_tenants_key", "no_root_key"])
def test_the_corrected_key_policies_have_no_problem(load, name):
    assert problems(load(name), kind="key", account=ACCOUNT) == ()


def test_the_role_policies_of_the_seed_and_of_the_draft(load):
    assert problems(load("draft_role"), kind="identity", account=ACCOUNT) == ()
    (problem,) = problems(load("seed_role"), kind="identity", account=ACCOUNT)
    assert problem.severity is Severity.ERROR
    assert "kms:DescribeKey, kms:GetKeyPolicy, kms:GetKeyRotationStatus and 2 more never carries it" in problem.problem


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Statement": [{"Effect": "Allow", "Efect": "Deny"}]}'])
def test_what_is_no_policy_is_one_problem_with_its_place(text):
    (problem,) = problems(text, kind="key", account=ACCOUNT)
    assert problem.severity is Severity.ERROR
    assert problem.where
    assert problem.problem


def padded(size: int, filling: str) -> str:
    text = document(USE | {"Sid": ""})
    return text.replace(
        '"Sid": ""', '"Sid": "' + filling * ((size - len(text.encode())) // len(filling.encode())) + '"'
    )


@pytest.mark.parametrize("filling", ["a", "\u00e9"])
def test_a_key_policy_is_measured_in_bytes_with_its_white_space(filling):
    fits = padded(KEY_POLICY_BYTES, filling)
    fits += " " * (KEY_POLICY_BYTES - len(fits.encode()))
    assert problems(fits, kind="key", account=ACCOUNT) == ()
    (problem,) = problems(fits + " ", kind="key", account=ACCOUNT)
    assert problem.problem.startswith("32,769 bytes")


def test_a_managed_policy_is_measured_without_its_white_space():
    text = document(ROLE_USE | {"Sid": ""})
    room = MANAGED_POLICY_CHARACTERS - sum(not character.isspace() for character in text)
    fits = text.replace('"Sid": ""', f'"Sid": "{"a" * room}"') + " \n\t" * 5_000
    assert problems(fits, kind="identity", account=ACCOUNT) == ()
    (problem,) = problems(fits + "}", kind="identity", account=ACCOUNT)
    assert problem.where.startswith("line")
    (problem,) = problems(fits.replace("aa", "aaa", 1), kind="identity", account=ACCOUNT)
    assert problem.problem.startswith("6,145 characters")


def test_text_and_document_have_the_same_problems():
    text = document(USE | {"Action": "kms:Nothing", "Principal": {"AWS": []}})
    assert problems(text, kind="key", account=ACCOUNT) == problems(parse_policy(text), kind="key", account=ACCOUNT)
