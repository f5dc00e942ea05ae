"""A statement through which any AWS principal may use the key is an exception; what is not understood is not judged."""

from __future__ import annotations

import json

import pytest

from fluo_audit.evaluate.checks.key_policy_not_public import key_policy_not_public

ROOT = "arn:aws:iam::111122223333:root"


def allow(principal: object, sid: str = "Open", **condition: object) -> dict[str, object]:
    statement = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "kms:Decrypt", "Resource": "*"}
    return statement | ({"Condition": condition} if condition else {})


OWN = allow({"AWS": ROOT}, "Root")
OUTSIDE_ORGANIZATION = {
    "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
    "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}},
}  # fmt: skip
STRANGE = {"StringResembles": {"kms:CallerAccount": "111122223333"}}

CASES = [
    ("the own account", [OWN], "pass", ["none of 1 statement is open to any AWS principal; it names no other account"]),
    ("another account", [OWN, allow({"AWS": "444455556666"})], "pass", ["other accounts it names: 444455556666"]),
    ("everybody", [OWN, allow("*")], "fail",
     ["1 of 2 statements open to any AWS principal: Open", "Open names everybody, without a condition: kms:Decrypt by any AWS principal"]),
    ("everybody of the account", [allow("*", StringEquals={"kms:CallerAccount": "111122223333"})], "pass", []),
    ("everybody through a service", [allow("*", StringEquals={"kms:ViaService": "s3.us-east-1.amazonaws.com"})], "fail", ["kms:ViaService"]),
    ("a Deny outside the organization", [allow("*"), OUTSIDE_ORGANIZATION], "pass", []),
    ("a condition not understood", [allow("*", **STRANGE)], "not_assessed", ["a condition is not understood: Open"]),
    ("open beside one not understood", [allow("*", "A", **STRANGE), allow({"AWS": "*"}, "B")], "fail", ["1 of 2 statements open to any AWS principal: B"]),
    ("no policy", "not a policy", "not_assessed", ["key policy: line 1 column 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("statements", "result", "texts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_key_policy_not_public(confirm, statements, result, texts):
    text = statements if isinstance(statements, str) else json.dumps({"Statement": statements})
    confirm(key_policy_not_public, [{"text": text}], {}, result, *texts)
