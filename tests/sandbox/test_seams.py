"""moto's KMS still has the functions that are replaced, calls them by those names, and with those parameters."""

from __future__ import annotations

import inspect

import moto.kms.models
import moto.kms.responses
import pytest
from moto.kms.models import Key, KmsBackend
from moto.kms.responses import KmsResponse

from fluo_audit.sandbox.seams import SEAMS

CALLERS = {
    "generate_key_id": Key.__init__,
    "generate_private_key": Key.__init__,
    "validate_policy": KmsResponse._validate_key_policy,
    "_validate_cmk_id": KmsResponse._validate_key_id,
    "replicate_key": KmsResponse.replicate_key,
}


@pytest.mark.parametrize(("place", "name", "instead"), SEAMS, ids=[name for _, name, _ in SEAMS])
def test_moto_calls_the_function_by_the_name_that_is_replaced(place, name, instead):
    original = getattr(place, name)

    assert original is not instead
    assert name in CALLERS[name].__code__.co_names
    assert len(inspect.signature(original).parameters) == len(inspect.signature(instead).parameters)


def test_every_seam_is_one_of_kms():
    assert {place for place, _, _ in SEAMS} == {moto.kms.models, moto.kms.responses, KmsResponse, KmsBackend}


def test_a_deny_for_somebody_else_hides_no_key(account):
    kms = account.session_as("platform-admin").client("kms")
    policy = kms.get_key_policy(KeyId=account.truth.key_id)["Policy"]
    deny = '{"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::123456789012:role/fluo-batch"}, "Action": "kms:DescribeKey", "Resource": "*"}'
    kms.put_key_policy(KeyId=account.truth.key_id, Policy=policy.replace("[", f"[{deny},", 1))

    assert kms.describe_key(KeyId=account.truth.alias)["KeyMetadata"]["KeyId"] == account.truth.key_id


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nonsense", "Invalid keyId 'nonsense'"),
        ("mrk-11111111-1111-1111-1111-111111111111", "Invalid keyId"),
        ("mrk-11111111111111111111111111111111", "key/mrk-11111111111111111111111111111111' does not exist"),
        ("arn:aws:kms:eu-west-1:123456789012:key/{id}", "Invalid arn eu-west-1"),
    ],
)
def test_a_name_of_no_key_of_the_region_is_not_found(account, refused, name, message):
    with refused("NotFoundException", message):
        account.session.client("kms").describe_key(KeyId=name.format(id=account.truth.key_id))
