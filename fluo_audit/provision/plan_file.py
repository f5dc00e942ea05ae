"""A plan on disk: what was shown, bound to the account, Region, caller, spec and state that it was made for.

The file holds no instruction. Applying makes the plan anew from the spec in it, shows it, and goes on only when
everything that bound it is as it was. The hash of the file finds accidents; who may write the file may also make
another plan, and what is shown before the question is what counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fluo_audit import __version__
from fluo_audit.aws.door import timestamp
from fluo_audit.errors import IntegrityError, OutputError, RefusedError, UsageError
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.plan import Plan
from fluo_audit.provision.preflight import DeniedCall
from fluo_audit.provision.spec import Spec, spec_of

SCHEMA = "fluo-audit/plan/v1"
LIFETIME = timedelta(hours=24)
CLOCK_SKEW = timedelta(minutes=5)
"""How far the clock of the machine that planned may be ahead."""
MOST_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the last 90 days say about a stricter policy. `gap` says why they could not be read whole, or is empty."""

    calls: tuple[DeniedCall, ...] = ()
    gap: str = ""

    @property
    def clear(self) -> bool:
        """Whether every call was read, and none would be denied."""
        return not self.calls and not self.gap


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan read from a file."""

    spec: Spec
    choice: Choice
    bound_to: dict[str, str]
    made_at: datetime
    preflight_clear: bool


def bound_to(plan: Plan) -> dict[str, str]:
    """Return what a plan holds for."""
    return {
        "account": plan.place.account,
        "region": plan.place.region,
        "caller": principal(plan.place.caller),
        "spec_sha256": plan.spec.sha256,
        "observed_sha256": plan.observed_sha256,
        "tool": f"fluo-audit {__version__}",
    }


def principal(caller: str) -> str:
    """Return who calls, without the session's name: another session of the same role may apply."""
    before, assumed, rest = caller.partition(":assumed-role/")
    return f"{before}{assumed}{rest.split('/')[0]}" if assumed else caller


def plan_document(plan: Plan, preflight: Preflight | None, now: datetime) -> dict[str, Any]:
    """Return the plan as JSON values."""
    document = {
        "schema": SCHEMA,
        "made_at": timestamp(now),
        **bound_to(plan),
        "spec": plan.spec.document(),
        "choice": asdict(plan.choice),
        "changes": [
            {
                "mark": change.mark,
                "resource": change.resource.label,
                "differences": [asdict(each) for each in change.differences],
                "writes": [{"api": step.api, "parameters": step.parameters} for step in change.steps],
            }
            for change in plan.changes
        ],
        "would_be_denied": [asdict(call) for call in preflight.calls] if preflight else [],
        "preflight_clear": preflight is None or preflight.clear,
    }
    return document | {"sha256": _hash(document)}


def save_plan(path: Path, document: dict[str, Any]) -> None:
    """Write a plan, readable by its owner alone: it may hold an external id. Raises OutputError."""
    text = json.dumps(document, indent=2, default=str) + "\n"
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}", "choose another file with --out") from error


def load_plan(path: Path) -> SavedPlan:
    """Return a plan from a file. Raises UsageError for what is none, IntegrityError for one that was changed."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path}: too large for a plan", "give the file that `provision plan` wrote")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "make one: fluo-audit provision plan") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}", "give the file that `provision plan` wrote") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UsageError(f"{path}: not a plan of this version", "plan again")
    if document.pop("sha256", "") != _hash(document):
        raise IntegrityError(f"{path}: was changed after it was made", "plan again; a plan is not to be edited")
    choice = Choice(**document["choice"] | {"prune": tuple(document["choice"]["prune"])})
    bound = {name: document[name] for name in ("account", "region", "caller", "spec_sha256", "observed_sha256", "tool")}
    made_at = datetime.fromisoformat(document["made_at"])
    return SavedPlan(spec_of(document["spec"], str(path)), choice, bound, made_at, document["preflight_clear"])


def require_current(saved: SavedPlan, plan: Plan, now: datetime) -> None:
    """Raise RefusedError unless the plan made just now is the one that was saved, less than a day ago."""
    if not -CLOCK_SKEW <= now - saved.made_at <= LIFETIME:
        raise RefusedError(
            f"the plan was made at {saved.made_at:%Y-%m-%d %H:%M} UTC, not within the day before now", "plan again"
        )
    said = {
        "account": "another account",
        "region": "another Region",
        "caller": "another caller",
        "spec_sha256": "another spec",
        "observed_sha256": "another state: something changed since",
        "tool": "another version of the tool, which may write otherwise",
    }
    now_bound = bound_to(plan)
    for name, what in said.items():
        if saved.bound_to[name] != now_bound[name]:
            detail = "" if name.endswith("sha256") else f" ({saved.bound_to[name]}, now {now_bound[name]})"
            raise RefusedError(f"the plan was made for {what}{detail}", "plan again and look at what it says")


def _hash(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()
