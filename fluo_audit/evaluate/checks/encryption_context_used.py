"""Check encryption-context-used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fluo_audit.evaluate.key_events import (
    WITH_CONTEXT,
    callers,
    made_by,
    number_of,
    observe,
    succeeded,
    tally,
    without_arn,
)
from fluo_audit.evaluate.principals import is_one_of
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Severity, Verdict, failed, not_applicable, passed, undeclared, unread
from fluo_audit.model.sources import EVENTS

if TYPE_CHECKING:
    import pandas as pd

    from fluo_audit.model.sources import Frame


@check(
    "encryption-context-used",
    "The backend names a declared purpose in every cryptographic call",
    group="EVT",
    severity=Severity.HIGH,
    reads=(EVENTS,),
    one_is_enough=(EVENTS,),
)
def encryption_context_used(events: Frame, criteria: Criteria) -> Verdict:
    """Read the encryption context of every cryptographic call that a backend role made with success.

    Why: the context binds a data key to its purpose, and CloudTrail records it: it is what makes one decryption
        distinguishable from another. A call without it succeeded, so nothing enforced it.
    Passes when: each successful Encrypt, Decrypt, ReEncrypt and GenerateDataKey* call of a backend role carries an
        encryption context whose purpose is one of encryption_context_purposes.
    Fails when: any such call has no context, a context without purpose, or another purpose. Calls by other principals
        are counted and named, not judged: the declared purposes are the backend's, and who may call at all is the
        check principals-expected.
    Not applicable when: no backend role made a cryptographic call in the period.
    Fix: pass purpose in the encryption context where the backend calls KMS; if the purpose is a real one, such as
        health_check, add it to encryption_context_purposes under [baseline] in fluo-audit.toml. Then enforce it: see
        the check encryption-context-enforced.
    Still by hand: whether each purpose was true to the data that the key protected; CloudTrail shows what was said.
        Of a ReEncrypt call one of its two contexts is read.
    Peers: none reads the encryption context of events.
    """
    baseline = criteria.baseline
    if not baseline.backend_roles:
        return undeclared("backend_roles")
    if not baseline.encryption_context_purposes:
        return undeclared("encryption_context_purposes")
    used = events[succeeded(events) & events["event_name"].isin(WITH_CONTEXT)]
    backend = made_by(used, lambda arn: is_one_of(arn, baseline.backend_roles))
    calls, others = used[backend], used[~backend]
    by_others = f"; not judged: {count(number_of(others), 'call')} by others ({tally(others, callers(others))})"
    beside = "" if others.empty else by_others
    population = f"{number_of(calls):,} of {count(number_of(used), 'successful cryptographic call')}"
    purposes = _purposes(calls["encryption_context"])
    wrong = ~purposes.isin(baseline.encryption_context_purposes)
    if wrong.any():
        bad, faults = calls[wrong], _faults(calls[wrong], purposes[wrong])
        return failed(
            f"{number_of(bad):,} of {count(number_of(calls), 'call')} by the backend without a declared purpose: "
            f"{tally(bad, faults)}{beside}",
            *observe(bad, bad["event_name"] + " " + faults),
            population=population,
        )
    if unnamed := without_arn(used):
        return unread("CloudTrail", unnamed)
    if calls.empty:
        return not_applicable(f"no backend role made a cryptographic call{beside}")
    return passed(
        f"{count(number_of(calls), 'call')} by the backend, each with a declared purpose: "
        f"{tally(calls, purposes)}{beside}",
        population=population,
    )


def _purposes(contexts: pd.Series[str]) -> pd.Series[str]:
    """Return the purpose that each encryption context names; NA without one, and an empty one names nothing."""
    found = {text: json.loads(text).get("purpose") or None for text in contexts.dropna().unique()}
    return contexts.map(found).astype("string")


def _faults(calls: Frame, purposes: pd.Series[str]) -> pd.Series[str]:
    """Say what is wrong with the encryption context of each call."""
    other = "with purpose " + purposes + ", which is not declared"
    missing = other.mask(purposes.isna(), "without a purpose in its encryption context")
    return missing.mask(calls["encryption_context"].isna(), "without encryption context")
