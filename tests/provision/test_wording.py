"""What a person reads of a plan: the point, and nothing that is secret."""

from __future__ import annotations

import pytest

from fluo_audit.provision.plan import Difference
from fluo_audit.provision.wording import SECRET, difference_lines, secrets_in, without_secrets


@pytest.mark.parametrize(
    ("have", "want", "lines"),
    [
        (365, 90, ["rotation: 365 -> 90"]),
        ("", "fluo", ["rotation:  -> fluo"]),
        (None, {"Effect": "Allow"}, ["rotation: missing"]),
        ({"Effect": "Allow"}, None, ["rotation: not wanted"]),
        ({"Effect": "Allow"}, {"Effect": "Deny"}, ["rotation, Effect: Allow -> Deny"]),
        (
            {"Action": ["kms:decrypt", "kms:creategrant"]},
            {"Action": ["kms:decrypt", "kms:encrypt"]},
            ["rotation, Action: with kms:Encrypt; without kms:CreateGrant"],
        ),
        (
            {"Action": ["kms:decrypt"]},
            {"Action": ["kms:encrypt"]},
            ["rotation, Action: [kms:Decrypt] -> [kms:Encrypt]"],
        ),
        (
            {},
            {"Condition": {"StringEquals": {"kms:encryptioncontext:purpose": ["a"]}}},
            ["rotation, Condition: none -> StringEquals kms:EncryptionContext:purpose [a]"],
        ),
    ],
)
def test_a_difference_says_what_is_added_and_what_goes(have, want, lines):
    assert list(difference_lines(Difference("rotation", have, want))) == lines


def test_neither_the_wanted_nor_the_present_external_id_is_shown(engineer):
    asked = {"create_iam_role": True, "trusted_principals": ["111122223333"]}
    engineer.apply(external_id="present-id", **asked)

    plan = engineer.plan(external_id="wanted-id", **asked)
    secrets = secrets_in(plan)
    (difference,) = plan.change("role").differences
    (line,) = difference_lines(difference, secrets)

    assert secrets == {"present-id", "wanted-id"}
    assert line.count(SECRET) == 2
    assert "-id" not in line.replace(SECRET, "")


def test_a_secret_inside_a_policy_document_is_blotted_out_too():
    found = without_secrets({"a": ['{"sts:ExternalId": "s3cret"}', "s3cret"], "b": 3}, frozenset({"s3cret"}))

    assert found == {"a": [f'{{"sts:ExternalId": "{SECRET}"}}', SECRET], "b": 3}
