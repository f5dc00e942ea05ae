"""Policies are read as AWS reads them, compared whatever their order, and refused with the place that is wrong."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.errors import FluoAuditError
from fluo_audit.policy import PolicySyntaxError, parse_policy

ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}


def policy(*statements: dict, **parts) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements), **parts}


def test_one_statement_without_a_list_and_text_without_lists():
    single = parse_policy(policy() | {"Statement": ALLOW})
    assert single == parse_policy(json.dumps(policy({**ALLOW, "Action": ["kms:Decrypt"], "Resource": ["*"]})))
    assert single.statements[0].label == "statement 1"


@pytest.mark.parametrize(
    ("principal", "names"),
    [
        ("*", [("AWS", "*")]),
        ({"AWS": "*"}, [("AWS", "*")]),
        ({"AWS": "111122223333"}, [("AWS", "arn:aws:iam::111122223333:root")]),
        ({"AWS": 111122223333}, [("AWS", "arn:aws:iam::111122223333:root")]),
        (
            {"Service": ["b.amazonaws.com", "a.amazonaws.com"]},
            [("Service", "a.amazonaws.com"), ("Service", "b.amazonaws.com")],
        ),
        ({"Federated": "cognito-identity.amazonaws.com", "AWS": []}, [("Federated", "cognito-identity.amazonaws.com")]),
    ],
)
def test_principals(principal, names):
    read = parse_policy(policy(ALLOW | {"Principal": principal})).statements[0].principals
    assert list(read.values) == names
    assert not read.excluded


def test_a_bare_account_id_belongs_to_the_partition_of_the_key():
    (statement,) = parse_policy(
        policy(ALLOW | {"Principal": {"AWS": "111122223333"}}), partition="aws-us-gov"
    ).statements
    assert statement.principals.values[0].name == "arn:aws-us-gov:iam::111122223333:root"


def test_condition_values_of_every_json_type():
    block = {"Bool": {"aws:SecureTransport": False}, "NumericLessThan": {"kms:X": [1, 2.5]}, "StringEquals": {"k": "v"}}
    conditions = parse_policy(policy(ALLOW | {"Condition": block})).statements[0].conditions
    assert [(c.operator, c.values) for c in conditions] == [
        ("Bool", ("false",)),
        ("NumericLessThan", ("1", "2.5")),
        ("StringEquals", ("v",)),
    ]


MALFORMED = [
    ("not json", "line 1 column 1"),
    ("[]", "document"),
    ("[" * 100_000, "document"),
    ('{"Statement": [], "Statement": []}', "document"),
    ('{"Statement": NaN}', "document"),
    ('{"Statement": ' + "9" * 5_000 + "}", "document"),
    (policy(Verion="2012-10-17"), "document"),
    ({"Version": "2012-10-17"}, "Statement"),
    (policy(Version="2026-01-01"), "Version"),
    (policy(Version=[]), "Version"),
    (policy("text"), "Statement[0]"),
    (policy(ALLOW, ALLOW | {"Effect": "allow"}), "Statement[1].Effect"),
    (policy(ALLOW | {"Effect": []}), "Statement[0].Effect"),
    (policy(ALLOW | {"Sid": 7}), "Statement[0].Sid"),
    (policy(ALLOW | {"Conditions": {}}), "Statement[0]"),
    (policy(ALLOW | {"NotAction": "kms:*"}), "Statement[0]"),
    (policy(ALLOW | {"NotPrincipal": "*"}), "Statement[0]"),
    (policy(ALLOW | {"Principal": "arn:aws:iam::111122223333:root"}), "Statement[0].Principal"),
    (policy(ALLOW | {"Principal": {"aws": "*"}}), "Statement[0].Principal"),
    (policy(ALLOW | {"Principal": {"AWS": [None]}}), "Statement[0].Principal.AWS"),
    (policy(ALLOW | {"Action": "Decrypt"}), "Statement[0].Action"),
    (policy(ALLOW | {"Action": [["kms:Decrypt"]]}), "Statement[0].Action"),
    (policy(ALLOW | {"Resource": 7}), "Statement[0].Resource"),
    (policy(ALLOW | {"Condition": []}), "Statement[0].Condition"),
    (policy(ALLOW | {"Condition": {"Null": {"k": "true", "K": "true"}}}), "Statement[0].Condition.Null"),
    (policy(ALLOW | {"Condition": {"StringEquals": "x"}}), "Statement[0].Condition.StringEquals"),
    (policy(ALLOW | {"Condition": {"StringEquals": {"k": {}}}}), "Statement[0].Condition.StringEquals.k"),
]


@pytest.mark.parametrize(("source", "where"), MALFORMED, ids=[str(row[0])[:60] for row in MALFORMED])
def test_a_malformed_policy_says_where(source, where):
    with pytest.raises(PolicySyntaxError) as caught:
        parse_policy(source, name="role policy x")
    assert caught.value.where == where
    assert caught.value.message.startswith(f"role policy x: {where}: ")
    assert isinstance(caught.value, FluoAuditError)


def shuffled(value: object, chance: random.Random) -> object:
    """Return the same policy with every list and object in another order, as KMS returns it."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], chance) for key in chance.sample(list(value), len(value))}
    if isinstance(value, list):
        return chance.sample([shuffled(item, chance) for item in value], len(value))
    return value


@given(chance=st.randoms(use_true_random=False), name=st.sampled_from(["seed_key", "draft_tenants_key", "partner_key"]))
def test_order_makes_no_difference(load, chance, name):
    original = load(name)
    again = parse_policy(json.dumps(shuffled(json.loads(original.canonical()), chance)))
    assert again == original
    assert hash(again) == hash(original)
    assert again.canonical() == original.canonical()


names = st.text(st.characters(codec="utf-8"), max_size=6)
some = st.lists(names, max_size=3)
statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        "Sid": names,
        "Principal": st.one_of(st.just("*"), st.fixed_dictionaries({"AWS": some, "Service": some})),
        "Action": st.lists(st.sampled_from(["kms:*", "KMS:decrypt", "*"])),
        "NotResource": some,
        "Condition": st.dictionaries(st.sampled_from(["StringLike", "Odd"]), st.dictionaries(names, some, max_size=2)),
    },
)


@given(st.lists(statements, max_size=4))
def test_the_canonical_form_reads_back_as_the_same_policy(raw):
    read = parse_policy(policy(*raw))
    assert parse_policy(read.canonical()) == read
    assert parse_policy(read.canonical()).canonical() == read.canonical()


DIFFERENT = [
    {"Effect": "Deny"},
    {"Sid": "x"},
    {"Principal": {"AWS": "111122223333"}},
    {"Action": ["kms:Decrypt", "kms:Encrypt"]},
    {"Resource": "arn:aws:kms:eu-west-1:111122223333:key/x"},
    {"Condition": {"StringEquals": {"kms:ViaService": "a"}}},
]


@pytest.mark.parametrize("change", DIFFERENT)
def test_any_real_difference_makes_two_policies_different(change):
    assert parse_policy(policy(ALLOW)) != parse_policy(policy(ALLOW | change))


def test_what_makes_no_difference():
    spelled = ALLOW | {
        "Action": ["KMS:decrypt", "kms:Decrypt"],
        "Condition": {"StringEquals": {"KMS:viaservice": ["b", "a", "a"]}},
    }
    plain = ALLOW | {"Condition": {"StringEquals": {"kms:ViaService": ["a", "b"]}}}
    assert parse_policy(policy(spelled), name="x") == parse_policy(policy(plain, Id="key-1"))
    assert parse_policy(policy(plain)) != parse_policy(policy(plain, Version="2008-10-17"))
    assert parse_policy(policy(plain)) != policy(plain)
