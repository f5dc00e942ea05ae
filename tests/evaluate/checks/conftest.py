"""Rows of CloudTrail trails that are healthy unless a case says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fluo_audit.evaluate.registry import Check


def trail(name: str = "main", **given: Any) -> dict[str, Any]:
    """Return a TRAILS row of a healthy multi-Region trail."""
    healthy = {"home_region": "us-east-1", "is_multi_region": True, "log_file_validation": True}
    return {"trail_arn": f"arn:trail/{name}", "name": name, **healthy, **given}


def trail_status(name: str = "main", **given: Any) -> dict[str, Any]:
    """Return a TRAIL_STATUS row of a trail that delivered within the hour before the default `as_of`."""
    fresh = {"latest_delivery_at": "2026-07-02T11:55", "latest_digest_at": "2026-07-02T11:10"}
    return {"trail_arn": f"arn:trail/{name}", "is_logging": True, **fresh, **given}


def selector(name: str = "main", **given: Any) -> dict[str, Any]:
    """Return an EVENT_SELECTORS row that records every management event."""
    return {"trail_arn": f"arn:trail/{name}", "management": True, "reads": True, "writes": True, "kms": True, **given}


@pytest.fixture
def confirm_trails(confirm: Callable[..., None]) -> Callable[..., None]:
    """Run a case over trails, each (name, changes to its trail row, to its status row, to its selector row).

    None in place of changes leaves the row out.
    """

    def run(check: Check, trails: Sequence[tuple[str, Any, Any, Any]], result: str, *texts: str) -> None:
        rows = (
            [trail(name, **given) for name, given, _, _ in trails],
            [trail_status(name, **given) for name, _, given, _ in trails if given is not None],
            [selector(name, **given) for name, _, _, given in trails if given is not None],
        )
        confirm(check, rows[: len(check.reads)], {}, result, *texts)

    return run
