"""Every comparison, in the order of the report. A new one is one file, and one line here."""

from __future__ import annotations

from fluo_audit.evaluate.reconciliation.billed_requests import EVENTS_COST
from fluo_audit.evaluate.reconciliation.comparison import Comparison, Facts
from fluo_audit.evaluate.reconciliation.event_history import EVENTS_HISTORY
from fluo_audit.evaluate.reconciliation.key_metrics import EVENTS_METRICS
from fluo_audit.evaluate.reconciliation.last_usage import EVENTS_LAST_USAGE
from fluo_audit.evaluate.reconciliation.rotations import EVENTS_ROTATIONS
from fluo_audit.model.report import Reconciliation
from fluo_audit.model.scope import Scope

ALL: tuple[Comparison, ...] = (EVENTS_HISTORY, EVENTS_METRICS, EVENTS_COST, EVENTS_LAST_USAGE, EVENTS_ROTATIONS)


def reconcile(facts: Facts, scope: Scope) -> tuple[Reconciliation, ...]:
    """Return every comparison, those that could not be made included."""
    return tuple(comparison.run(facts, scope) for comparison in ALL)
