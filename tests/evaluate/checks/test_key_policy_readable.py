"""The key policy is parsed, counted and hashed; a text that is no policy is an exception with its place."""

from __future__ import annotations

import json

import pytest

from fluo_audit.evaluate.checks.key_policy_readable import key_policy_readable

ROOT = {"AWS": "arn:aws:iam::111122223333:root"}
ALLOW = {"Effect": "Allow", "Principal": ROOT, "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}
DENY = {"Effect": "Deny", "Principal": "*", "Action": "kms:PutKeyPolicy", "Resource": "*"}


def policy(*statements: object) -> dict[str, str]:
    return {"text": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


CASES = [
    ("two statements", policy(ALLOW, DENY), "pass", ["2 statements, 1 Allow and 1 Deny; SHA-256 of the canonical form "]),
    ("one statement that is no list", {"text": json.dumps({"Statement": ALLOW})}, "pass", ["1 statement, 1 Allow and 0 Deny"]),
    ("no JSON", {"text": "{"}, "fail", ["line 1 column 2"]),
    ("no effect", policy({"Action": "kms:*"}), "fail", ["Statement[0].Effect: must be Allow or Deny"]),
    ("an empty text", {"text": ""}, "fail", ["not a policy document"]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "result", "texts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_key_policy_readable(confirm, given, result, texts):
    confirm(key_policy_readable, [given], {}, result, *texts)


def test_the_hash_knows_a_policy_again_in_another_order(judge):
    same = {**ALLOW, "Action": ["kms:decrypt", "kms:Encrypt"]}

    first = judge(key_policy_readable, policy(ALLOW, DENY)).seen

    assert judge(key_policy_readable, policy(DENY, same)).seen == first
    assert judge(key_policy_readable, policy(DENY, {**ALLOW, "Action": "kms:Encrypt"})).seen != first
