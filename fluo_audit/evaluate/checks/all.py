"""Every check, in the order of the report. A new check is one file, and one line here."""

from __future__ import annotations

from fluo_audit.evaluate.checks.alarms_can_fire import alarms_can_fire
from fluo_audit.evaluate.checks.alarms_exist import alarms_exist
from fluo_audit.evaluate.checks.backend_least_privilege import backend_least_privilege
from fluo_audit.evaluate.checks.cost_as_modelled import cost_as_modelled
from fluo_audit.evaluate.checks.cost_within_budget import cost_within_budget
from fluo_audit.evaluate.checks.denied_calls_low import denied_calls_low
from fluo_audit.evaluate.checks.encryption_context_enforced import encryption_context_enforced
from fluo_audit.evaluate.checks.encryption_context_used import encryption_context_used
from fluo_audit.evaluate.checks.event_counts_reconciled import event_counts_reconciled
from fluo_audit.evaluate.checks.grants_expected import grants_expected
from fluo_audit.evaluate.checks.key_changes_by_administrators import key_changes_by_administrators
from fluo_audit.evaluate.checks.key_customer_managed import key_customer_managed
from fluo_audit.evaluate.checks.key_duties_separated import key_duties_separated
from fluo_audit.evaluate.checks.key_enabled import key_enabled
from fluo_audit.evaluate.checks.key_found import key_found
from fluo_audit.evaluate.checks.key_not_pending_deletion import key_not_pending_deletion
from fluo_audit.evaluate.checks.key_policy_not_public import key_policy_not_public
from fluo_audit.evaluate.checks.key_policy_readable import key_policy_readable
from fluo_audit.evaluate.checks.principals_expected import principals_expected
from fluo_audit.evaluate.checks.rotation_enabled import rotation_enabled
from fluo_audit.evaluate.checks.rotation_history_reconciled import rotation_history_reconciled
from fluo_audit.evaluate.checks.rotation_on_time import rotation_on_time
from fluo_audit.evaluate.checks.rotation_period import rotation_period
from fluo_audit.evaluate.checks.trail_delivery import trail_delivery
from fluo_audit.evaluate.checks.trail_logs_verified import trail_logs_verified
from fluo_audit.evaluate.checks.trail_multi_region import trail_multi_region
from fluo_audit.evaluate.checks.trail_records_kms import trail_records_kms
from fluo_audit.evaluate.checks.trail_records_reads import trail_records_reads
from fluo_audit.evaluate.checks.trail_validation import trail_validation
from fluo_audit.evaluate.registry import Check

ALL: tuple[Check, ...] = (
    key_found,
    key_enabled,
    key_not_pending_deletion,
    key_customer_managed,
    rotation_enabled,
    rotation_period,
    rotation_on_time,
    rotation_history_reconciled,
    key_policy_readable,
    key_policy_not_public,
    encryption_context_enforced,
    backend_least_privilege,
    key_duties_separated,
    grants_expected,
    trail_multi_region,
    trail_records_kms,
    trail_records_reads,
    trail_validation,
    trail_delivery,
    trail_logs_verified,
    event_counts_reconciled,
    principals_expected,
    denied_calls_low,
    encryption_context_used,
    key_changes_by_administrators,
    alarms_exist,
    alarms_can_fire,
    cost_as_modelled,
    cost_within_budget,
)
