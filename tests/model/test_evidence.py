"""What a collection asked for, and what it had no use for."""

from __future__ import annotations

import pytest

from fluo_audit.model.evidence import NOT_ASKED, Coverage, Have, Missing, was_asked
from fluo_audit.model.sources import EVENTS, TRAIL_INTEGRITY

HAVE = Have(1, (), Coverage("all", "all", 1))
DENIED = Missing("s3:GetObject", "AccessDenied")
UNASKED = Missing("s3:GetObject", NOT_ASKED)


@pytest.mark.parametrize(
    ("source", "fact", "expected"),
    [
        (EVENTS, None, True),
        (EVENTS, HAVE, True),
        (EVENTS, DENIED, True),
        (TRAIL_INTEGRITY, None, False),
        (TRAIL_INTEGRITY, UNASKED, False),
        (TRAIL_INTEGRITY, DENIED, True),
        (TRAIL_INTEGRITY, HAVE, True),
    ],
)
def test_a_source_counts_as_asked_for_unless_the_collection_had_no_use_for_it(source, fact, expected):
    assert was_asked(source, fact) is expected
