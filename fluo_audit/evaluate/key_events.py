"""Read the CloudTrail events of the key: which calls count as what, who made them, and how exceptions are listed.

A row may stand for many like calls of one day, so calls are counted by `number_of` and never by rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fluo_audit.evaluate.principals import short_name
from fluo_audit.model.finding import Observation
from fluo_audit.policy.actions import KMS_ACTIONS

if TYPE_CHECKING:
    import pandas as pd

    from fluo_audit.model.sources import Frame

# CloudTrail records the two permissions of a re-encryption, ReEncryptFrom and ReEncryptTo, as one call.
CRYPTOGRAPHIC = frozenset({action.name for action in KMS_ACTIONS if action.is_cryptographic} | {"ReEncrypt"})
WITH_CONTEXT = CRYPTOGRAPHIC & frozenset(
    {action.name for action in KMS_ACTIONS if action.encryption_context} | {"ReEncrypt"}
)
"""Cryptographic operations that take an encryption context."""
READS = ("Describe", "Get", "List")
NAMED = 8
ONE_BY_ONE = 200
"""Up to this many exceptions are listed one by one: more would bury a report."""


def number_of(events: Frame) -> int:
    """Return the number of calls the rows stand for."""
    return int(events["calls"].sum())


def succeeded(events: Frame) -> pd.Series[bool]:
    """Say which calls succeeded."""
    return events["error_code"].isna()


def is_read(events: Frame) -> pd.Series[bool]:
    """Say which calls only looked at the key and its settings."""
    return events["event_name"].str.startswith(READS, na=False).astype(bool)


def is_change(events: Frame) -> pd.Series[bool]:
    """Say which calls administer the key: neither a use of it nor a look at it.

    Told by exclusion, so that an operation AWS adds tomorrow counts as a change until somebody has looked at it.
    """
    return ~is_read(events) & ~events["event_name"].isin(CRYPTOGRAPHIC)


def by_aws(events: Frame) -> pd.Series[bool]:
    """Say which events are of AWS itself: KMS at work on the key, or an AWS service under its own identity.

    A service that passes on a caller's session is not among them: the record names that caller.
    """
    return events["event_type"].isin(["AwsServiceEvent"]) | events["principal_type"].isin(["AWSService"])


def made_by(events: Frame, accepts: Callable[[str], bool]) -> pd.Series[bool]:
    """Say which calls were made by an identity that `accepts` takes. A call without an ARN is nobody's."""
    identities = events["issuer_arn"].dropna().unique()
    return events["issuer_arn"].isin([arn for arn in identities if accepts(str(arn))])


def without_arn(events: Frame) -> str:
    """Say in how many calls the caller has no ARN to judge by; empty when all have one.

    CloudTrail records some callers from other accounts so.
    """
    unnamed = number_of(events[events["issuer_arn"].isna()])
    return f"the ARN of the caller in {unnamed:,} of {number_of(events):,} calls" if unnamed else ""


def callers(events: Frame) -> pd.Series[str]:
    """Name who stands behind each call, shortly: the role of a session, the user, or the AWS service."""
    named = events["issuer_arn"].fillna(events["principal_arn"]).fillna(events["invoked_by"])
    named = named.fillna("a caller without ARN")
    return named.map({name: short_name(name) for name in named.unique()})


def tally(events: Frame, names: pd.Series[str]) -> str:
    """Count calls by name, most frequent first, such as "Decrypt 10, Encrypt 4"; after `NAMED`, only how many more."""
    calls = events["calls"].groupby(names).sum()
    counts = sorted(calls.items(), key=lambda item: (-item[1], str(item[0])))
    words = [f"{name} {number:,}" for name, number in counts[:NAMED]]
    return ", ".join([*words, f"{len(counts) - NAMED:,} more"] if len(counts) > NAMED else words)


def observe(events: Frame, facts: pd.Series[str]) -> tuple[Observation, ...]:
    """List events as exceptions, oldest first, each with its time, actor and CloudTrail event id.

    Above `ONE_BY_ONE` rows, those of one UTC day, actor and fact share a line, with the number of calls and the id of
    the first; the table of events beside the report holds every row.
    """
    actors = events["principal_arn"].fillna(events["issuer_arn"]).fillna(events["invoked_by"]).fillna("")
    rows = events[["event_time", "event_id", "calls"]].assign(by=actors, fact=facts)
    rows = rows.sort_values(["event_time", "event_id"])
    if len(rows) > ONE_BY_ONE:
        days = rows.groupby([rows["event_time"].dt.floor("D"), rows["by"], rows["fact"]], sort=False, dropna=False)
        rows = rows.assign(calls=days["calls"].transform("sum"))[days.cumcount() == 0]
    shared = rows["fact"] + ", " + rows["calls"].map("{:,}".format) + " calls that day, of which this is the first"
    at = rows["event_time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return tuple(map(Observation, rows["fact"].where(rows["calls"] == 1, shared), at, rows["by"], rows["event_id"]))
