"""The limits count what was asked for and could not be read, and nothing else."""

from __future__ import annotations

from fluo_audit.evaluate.limits import limits
from fluo_audit.evaluate.report import source_results
from fluo_audit.model import sources
from fluo_audit.model.evidence import NOT_ASKED, Missing

DENIED = Missing("kms:Something", "AccessDeniedException")
UNASKED = Missing("s3:GetObject", NOT_ASKED)
ALWAYS = [source for source in sources.ALL if not source.on_demand]


def test_what_was_not_asked_for_is_neither_a_gap_nor_a_row(criteria):
    facts = {"key": DENIED, "trail_integrity": UNASKED}
    said = limits(facts, criteria().scope, events_from="lookup")

    assert said[0].startswith(f"1 of {len(ALWAYS)} sources could not be read.")
    assert [row.name for row in source_results(facts)] == [source.name for source in ALWAYS]


def test_what_was_asked_for_and_denied_is_both(criteria):
    facts = {"key": DENIED, "trail_integrity": DENIED}
    said = limits(facts, criteria().scope, events_from="lookup")

    assert said[0].startswith(f"2 of {len(ALWAYS) + 1} sources could not be read.")
    assert "trail_integrity" in [row.name for row in source_results(facts)]
