"""Nothing that was not read in full is ever compared, and a row says why."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.key_events import ONE_BY_ONE
from fluo_audit.evaluate.reconciliation.all import ALL
from fluo_audit.evaluate.reconciliation.comparison import Compared, Comparison, listed
from fluo_audit.model.evidence import NOT_ASKED, Coverage, Have, Missing
from fluo_audit.model.finding import Observation
from fluo_audit.model.report import Outcome
from fluo_audit.model.sources import ALIASES, CALLER, TAGS

DENIED = Missing("kms:Something", "AccessDeniedException", "no", "allow kms:Something", ("E99",))
UNASKED = Missing("cloudtrail:LookupEvents", NOT_ASKED, "the events come from Event history itself")


def have(*gaps: str, proof: str = "E01") -> Have:
    return Have(object(), (proof,), Coverage("all", "all", 1, gaps))


def agreeing(read, _scope) -> Compared:
    return Compared(Outcome.AGREES, f"saw {', '.join(sorted(read))}", 1, 1, 0, "today")


A_PAIR = Comparison("a-pair", "Things", "left", "right", (CALLER, TAGS), agreeing, may_use=(ALIASES,))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"caller": have()}, "Tags of the key: not collected"),
        ({"caller": have(), "tags": DENIED}, "Tags of the key: kms:Something, AccessDeniedException"),
        ({"caller": have(), "tags": UNASKED}, "Tags of the key: the events come from Event history itself"),
        ({"caller": have("page 9 was not read"), "tags": have()}, "Identity of the collector, read in part: page 9"),
        ({}, "Identity of the collector: not collected; Tags of the key: not collected"),
    ],
)
def test_a_source_that_is_missing_or_partial_is_not_compared(criteria, facts, reason):
    row = A_PAIR.run(facts, criteria().scope)

    assert row.outcome is Outcome.NOT_COMPARED
    assert reason in row.explanation
    assert (row.left, row.right, row.difference, row.what) == (None, None, None, "Things")


@pytest.mark.parametrize("each", ALL, ids=[each.name for each in ALL])
@pytest.mark.parametrize("bad", [DENIED, have("a gap")], ids=["missing", "partial"])
def test_every_comparison_needs_all_its_sources_in_full(each, bad, criteria):
    for source in each.needs:
        facts = {other.name: have() for other in (*each.needs, *each.may_use)} | {source.name: bad}
        assert each.run(facts, criteria().scope).outcome is Outcome.NOT_COMPARED


def test_a_source_that_only_helps_is_used_when_it_was_read_in_full(criteria):
    needed = {"caller": have(), "tags": have(proof="E02")}
    seen = [
        A_PAIR.run({**needed, **more}, criteria().scope).explanation
        for more in ({}, {"aliases": have()}, {"aliases": have("a gap")}, {"aliases": DENIED})
    ]

    assert seen == ["saw caller, tags", "saw aliases, caller, tags", "saw caller, tags", "saw caller, tags"]


def test_a_row_names_the_time_and_every_piece_of_evidence_once(criteria):
    row = A_PAIR.run({"caller": have(), "tags": have(), "aliases": DENIED}, criteria().scope)

    assert row.what == "Things, today"
    assert row.evidence == ("E01", "E99")


def test_names_are_unique():
    names = [each.name for each in ALL]

    assert len(names) == len(set(names))


def test_what_is_flagged_is_listed_up_to_a_number():
    many = [Observation(f"record {n}") for n in range(ONE_BY_ONE + 7)]

    assert listed(many[:ONE_BY_ONE], "events") == tuple(many[:ONE_BY_ONE])
    assert listed(many, "events")[-1] == Observation("7 more events")
    assert len(listed(many, "events")) == ONE_BY_ONE + 1
