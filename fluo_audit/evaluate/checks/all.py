"""Every check, in the order of the report. A new check is one file, and one line here."""

from __future__ import annotations

from fluo_audit.evaluate.checks.rotation_period import rotation_period
from fluo_audit.evaluate.registry import Check

ALL: tuple[Check, ...] = (rotation_period,)
