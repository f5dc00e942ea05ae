"""The events of the key: which way they are read is the user's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.aws.door import Reader
from fluo_audit.collect.event_history import from_event_history
from fluo_audit.collect.event_queries import from_athena, from_lake
from fluo_audit.collect.job import Facts, Job
from fluo_audit.collect.trail_events import from_folder, from_trail
from fluo_audit.model.evidence import Have

if TYPE_CHECKING:
    import pandas as pd

_WAYS = {"lookup": from_event_history, "s3": from_trail, "athena": from_athena, "lake": from_lake}


def collect_events(read: Reader, job: Job, facts: Facts) -> Have[pd.DataFrame]:
    """The events of the key in the period; those from a folder when the source is none of the others."""
    return _WAYS.get(job.events_from, from_folder)(read, job, facts)
