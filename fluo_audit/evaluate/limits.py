"""What the evidence cannot show, said before anybody has to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluo_audit.model import sources
from fluo_audit.model.evidence import Fact, Missing
from fluo_audit.model.scope import Scope

_EVENT_HISTORY = (
    "CloudTrail Event history reaches back 90 days, holds management events of one Region, and is not signed. "
    "Records that do not name the key as a resource are not found by it."
)
_LOG_FILES = (
    "CloudTrail log files were read as they lay in a folder. Their digest files were not checked: "
    "what is in the files is shown, that none is missing or altered is not."
)
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


def limits(facts: Mapping[str, Fact[Any]], scope: Scope, *, from_log_files: bool) -> tuple[str, ...]:
    """Return the limits of this report, those of this collection first."""
    missing = [facts[s.name] for s in sources.ALL if isinstance(facts.get(s.name), Missing)]
    said = []
    if scope.sample:
        said.append("Sample data: every answer comes from a simulated account, none from AWS.")
    if missing:
        unread = f"{len(missing)} of {len(sources.ALL)} sources could not be read."
        said.append(f"{unread} Nothing is concluded from what was not read.")
    said.append(_LOG_FILES if from_log_files else _EVENT_HISTORY)
    return (*said, *_ALWAYS)
