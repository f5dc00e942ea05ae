"""Check key-enabled."""

from __future__ import annotations

from fluo_audit.evaluate.registry import check
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Result, Severity, Verdict, failed, passed, unread
from fluo_audit.model.sources import KEY

TRANSIENT = frozenset({"Creating", "Updating"})
"""States that KMS leaves by itself within minutes."""


@check(
    "key-enabled",
    "The key is enabled",
    group="KEY",
    severity=Severity.HIGH,
    reads=(KEY,),
)
def key_enabled(key: KeyMetadata, _criteria: Criteria) -> Verdict:
    """Read the state of the key.

    Why: while the key is not enabled, nothing that was encrypted under it can be read, and KMS does not rotate it.
    Passes when: KeyState is Enabled.
    Fails when: KeyState is Disabled, PendingDeletion, PendingReplicaDeletion, PendingImport or Unavailable. Creating
        and Updating pass by themselves and are not judged.
    Fix: aws kms enable-key --key-id KEY_ARN; after a scheduled deletion first
        aws kms cancel-key-deletion --key-id KEY_ARN.
    Still by hand: if the key was disabled on purpose, the decision and its date.
    Peers: Prowler, Turbot and checkov report disabled keys as unused.
    """
    if not key.state:
        return unread("kms:DescribeKey", "KeyState")
    if key.state in TRANSIENT:
        return Verdict(Result.NOT_ASSESSED, f"the key is {key.state}, a state that passes by itself: collect again")
    if key.state != "Enabled":
        return failed(f"the key is {key.state}")
    return passed("the key is Enabled")
