"""What the evidence cannot show, said before anybody has to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluo_audit.model import sources
from fluo_audit.model.evidence import Fact, Missing, was_asked
from fluo_audit.model.scope import Scope

_EVENT_HISTORY = (
    "CloudTrail Event history reaches back 90 days, holds management events of one Region, and is not signed. "
    "Records that do not name the key as a resource are not found by it."
)
_FOLDER = (
    "CloudTrail log files were read as they lay in a folder. Their digest files were not checked: "
    "what is in the files is shown, that none is missing or altered is not."
)
_LOG_FILES = (
    "CloudTrail log files were read from S3, those of the key's account and Region. Their validation against digests "
    "is stated above; log files delivered after the period are covered by digests after it."
)
_QUERIED = (
    "Events were found by a query over the log files, which AWS carried out. The query does not validate the files: "
    "`fluo-audit trail verify` does."
)
_LAKE = "Events were found by a query of a CloudTrail Lake event data store, which AWS carried out and keeps immutable."
_EVENTS = {"lookup": _EVENT_HISTORY, "s3": _LOG_FILES, "athena": _QUERIED, "lake": _LAKE}
_ROTATION = (
    "Rotation gives new key material for new encryptions. KMS keeps the old material to decrypt, "
    "and data keys that were issued before are not changed by it."
)
_IDENTITIES = (
    "Identity policies were read for the declared backend roles only. "
    "Other principals of the account may reach the key through its delegation to the account."
)
_ALWAYS = (
    "Denied calls from another account are recorded in that account only.",
    "An answer about the state of a setting shows it when it was read, not during the whole period.",
    _ROTATION,
    "Cost Explorer knows the account and the service, not the key. Its figures lag by up to a day and may be revised.",
    "CloudWatch lists metrics that had data in the last two weeks.",
    _IDENTITIES,
)


def limits(facts: Mapping[str, Fact[Any]], scope: Scope, *, events_from: str) -> tuple[str, ...]:
    """Return the limits of this report, those of this collection first."""
    asked = [facts.get(s.name) for s in sources.ALL if was_asked(s, facts.get(s.name))]
    missing = [fact for fact in asked if isinstance(fact, Missing)]
    said = []
    if scope.sample:
        said.append("Sample data: every answer comes from a simulated account, none from AWS.")
    if missing:
        unread = f"{len(missing)} of {len(asked)} sources could not be read."
        said.append(f"{unread} Nothing is concluded from what was not read.")
    said.append(_EVENTS.get(events_from, _FOLDER))
    return (*said, *_ALWAYS)
