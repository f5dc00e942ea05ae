"""Read what the FLUO backend answers about KMS. What is not one of the two shapes known here is not understood.

The shape its documentation describes has `overall_status`, tests that say "PASS" and a `cache` with a hit rate. The one
its source has answers `overall`, tests that say "PASS (45ms)", a flat `cache_size` and no hit rate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NEEDED_TESTS = ("generate_data_key", "encrypt", "decrypt")
"""Without these three a round trip was none, whatever it is called in total."""
LONGEST_TEXT = 300
_PASS = re.compile(r"PASS( \(\d+(\.\d+)? ?ms\))?")
_FAIL = re.compile(r"FAIL(: .*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unread:
    """What the backend did not tell, and why. It is never judged."""

    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """The readiness check "kms". Empty text is what the backend left out."""

    up: bool
    provider: str
    key: str
    """The master key as the backend is configured: ARN, id or alias."""
    error: str


@dataclass(frozen=True, slots=True)
class Status:
    """The provider in use and its cache of keys; None is what the backend left out."""

    provider: str
    cache_size: int | None
    hit_rate: float | None
    """Share of requests that the cache answered, 0 to 1."""


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """The tests that the backend ran with its own role: what each said, and how long it took."""

    passed: bool
    tests: Mapping[str, str]
    latency_ms: Mapping[str, float]
    advice: tuple[str, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Return the tests that failed, each with the backend's reason."""
        return tuple(f"{name}: {said}" for name, said in self.tests.items() if not _PASS.fullmatch(said))


def health_of(document: Mapping[str, Any]) -> Health | Unread:
    """Return the check "kms" of /q/health/ready, whatever the other checks say."""
    checks = document.get("checks")
    named = [each for each in checks if isinstance(each, dict)] if isinstance(checks, list) else []
    kms = [each for each in named if each.get("name") == "kms"]
    if len(kms) != 1 or kms[0].get("status") not in {"UP", "DOWN"}:
        return not_understood('no check named "kms" that is UP or DOWN')
    found = kms[0].get("data")
    data = found if isinstance(found, dict) else {}
    return Health(kms[0]["status"] == "UP", _text(data, "provider"), _text(data, "masterKeyId"), _text(data, "error"))


def status_of(document: Mapping[str, Any]) -> Status | Unread:
    """Return what /api/admin/kms/status says."""
    provider = _text(document, "provider")
    if not provider:
        return not_understood("no provider")
    nested = document.get("cache", document)
    cache = nested if isinstance(nested, dict) else {}
    size, rate = _number(cache.get("cache_size")), _number(cache.get("cache_hit_rate"))
    if rate is not None and not 0 <= rate <= 1:
        return not_understood(f"a cache hit rate of {rate:g}, which is no share of 1")
    return Status(provider, None if size is None else int(size), rate)


def round_trip_of(document: Mapping[str, Any]) -> RoundTrip | Unread:
    """Return what /api/admin/kms/validate says. It passes only when the total and every test do."""
    overall = {document[name] for name in ("overall_status", "overall") if isinstance(document.get(name), str)}
    if overall not in ({"PASS"}, {"FAIL"}):
        return not_understood("no overall status of PASS or FAIL")
    found = document.get("tests")
    if not isinstance(found, dict) or not all(isinstance(said, str) and _is_verdict(said) for said in found.values()):
        return not_understood("no tests that say PASS or FAIL")
    tests = {_cut(name): _cut(said) for name, said in found.items()}
    if overall == {"PASS"} and (lacking := [name for name in NEEDED_TESTS if name not in tests]):
        return not_understood(f"PASS without the test {lacking[0]}")
    passed = overall == {"PASS"} and all(_PASS.fullmatch(said) for said in tests.values())
    return RoundTrip(passed, tests, _numbers(document.get("latency_ms")), _texts(document.get("recommendations")))


def not_understood(what: str) -> Unread:
    """Return why an answer in JSON says nothing to us."""
    return Unread(f"answer not understood: {what}")


def _is_verdict(said: str) -> bool:
    return bool(_PASS.fullmatch(said) or _FAIL.fullmatch(said))


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return _cut(value) if isinstance(value, str) else ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if good else None


def _numbers(value: Any) -> dict[str, float]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {_cut(name): number for name, each in pairs if (number := _number(each)) is not None}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_cut(each) for each in value if isinstance(each, str)) if isinstance(value, list) else ()
