"""The RSA key that signs the digest files of the simulated trail.

It is published here on purpose and protects nothing: fixed primes give the same answers in every process, and save the
time it takes to make a key.
"""

from __future__ import annotations

import hashlib
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_EXPONENT = 65537
_P = int(
    "eb9e2b88e68b230db3dfdd7a75d2281055e0782dabb0bd34a6e764e9ee572ec7e8ed7a35055ee6b314873500614c86451bfee56429407f8f"
    "475e52bf1f6a877155951ede7a2ba3278d336523262c680100b30c1fae2d78652e06c94068b6141678092b5bf504985f8c2288994ddfd6e4"
    "81e8f802e83c6c2a6a8a7d9bed5a6e2f",
    16,
)
_Q = int(
    "e714b6a874fed4ef8a589dbcca7333ec1b7ef785c8e409b80596c0e75591584bde01773b0ade6e597ddb0d678e77a0dd437df46c2235bf52"
    "aa095bb2ac9de733b97f25e637ba9b1a5ac34df4d4fe14b2f8934ffc8386f684dbdb797132b1c979d99ab87f8c96d24a3609d7550e064612"
    "4316547d4b763725ba39a0da191f67b7",
    16,
)


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Return the signing key."""
    private = pow(_EXPONENT, -1, (_P - 1) * (_Q - 1))
    return rsa.RSAPrivateNumbers(
        _P,
        _Q,
        private,
        private % (_P - 1),
        private % (_Q - 1),
        pow(_Q, -1, _P),
        rsa.RSAPublicNumbers(_EXPONENT, _P * _Q),
    ).private_key()


@cache
def public_key_der() -> bytes:
    """Return the public key as `ListPublicKeys` gives it: PKCS #1, DER."""
    return private_key().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


@cache
def fingerprint() -> str:
    """Return the name of the key in digest files and in `ListPublicKeys`: CloudTrail names keys by their MD5 sum."""
    return hashlib.md5(public_key_der(), usedforsecurity=False).hexdigest()
