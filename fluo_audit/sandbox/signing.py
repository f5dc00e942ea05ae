"""The RSA keys that sign the digest files of simulated trails. Each Region has its own, and they change in time.

They are published here on purpose and protect nothing: fixed primes, which the keys even share, give the same answers
in every process, and save the time it takes to make a key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fluo_audit.sandbox import story

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    Primes = tuple[int, int]

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
_R = int(
    "f184a22195b24c9d86820955eca6eec4defe6c0c011e8a879c7aafc9927ba624fdb7822316167fcf4cfed0dffaae27f9d3ed31c4d7e38fb1"
    "ed2f79f8e5eac644ad40005c127a4edb281b04382eb6267863de7923add6015533ca4330ef6b9f953eb0ccfc24f1691e6789472d8f9550c0"
    "cd448be2d490f53b9c697f403c04b35b",
    16,
)
FIRST, SECOND, ELSEWHERE = (_P, _Q), (_P, _R), (_Q, _R)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the time it signs in: start <= time < end."""

    primes: Primes
    start: datetime
    end: datetime


class SigningKeys:
    """The keys of an account's Regions: in the home of its trail the key changed once, elsewhere never."""

    def __init__(self, calendar: story.Calendar) -> None:
        first, change, last = (calendar.day(days) for days in story.SIGNING_KEY_CHANGES)
        self._home = (SigningKey(FIRST, first, change), SigningKey(SECOND, change, last))
        self._elsewhere = (SigningKey(ELSEWHERE, first, last),)

    def of(self, region: str) -> Sequence[SigningKey]:
        """Return the keys of a Region, oldest first."""
        return self._home if region == story.REGION else self._elsewhere

    def at(self, region: str, moment: datetime) -> SigningKey:
        """Return the key that signs at a moment; the newest after its end too."""
        keys = self.of(region)
        return next((key for key in keys if moment < key.end), keys[-1])


@cache
def private_key(primes: Primes = FIRST) -> rsa.RSAPrivateKey:
    """Return the signing key with these primes."""
    p, q = primes
    private = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    return rsa.RSAPrivateNumbers(
        p, q, private, private % (p - 1), private % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(_EXPONENT, p * q)
    ).private_key()


@cache
def public_key_der(primes: Primes = FIRST) -> bytes:
    """Return the public key as `ListPublicKeys` gives it: PKCS #1, DER."""
    return private_key(primes).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


@cache
def fingerprint(primes: Primes = FIRST) -> str:
    """Return the name of the key in digest files and in `ListPublicKeys`: CloudTrail names keys by their MD5 sum."""
    return hashlib.md5(public_key_der(primes), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=20_000)
def signature(primes: Primes, text: str) -> str:
    """Return the signature of a text, SHA256withRSA, in hexadecimal digits.

    Kept, because accounts of one clock and seed sign the same: 100 days of a Region take a second.
    """
    return private_key(primes).sign(text.encode(), PKCS1v15(), SHA256()).hex()
