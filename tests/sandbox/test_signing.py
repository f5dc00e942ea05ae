"""The keys that sign digests."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fluo_audit.sandbox import signing
from fluo_audit.sandbox.clock import SAMPLE_NOW
from fluo_audit.sandbox.signing import SigningKeys
from fluo_audit.sandbox.story import Calendar


@pytest.mark.parametrize("primes", [signing.FIRST, signing.SECOND, signing.ELSEWHERE])
def test_a_signature_verifies_with_the_public_key(primes):
    public = load_der_public_key(signing.public_key_der(primes))
    assert public.key_size == 2048
    public.verify(bytes.fromhex(signing.signature(primes, "text")), b"text", PKCS1v15(), SHA256())


def test_the_key_of_a_moment_is_one_of_the_region_and_signs_then():
    keys = SigningKeys(Calendar(SAMPLE_NOW))
    for region in ("us-east-1", "eu-west-1"):
        for days in (399, 100, 60, 59, 0, -59):
            moment = SAMPLE_NOW - timedelta(days=days)
            key = keys.at(region, moment)
            assert key in keys.of(region)
            assert key.start <= moment < key.end
    assert keys.at("us-east-1", SAMPLE_NOW + timedelta(days=999)) == keys.of("us-east-1")[-1]
    assert len({key.primes for key in (*keys.of("us-east-1"), *keys.of("eu-west-1"))}) == 3
