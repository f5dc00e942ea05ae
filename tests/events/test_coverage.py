from __future__ import annotations

import runpy
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.events.chains import Chain, Listed, Stretch
from fluo_audit.events.coverage import NONE, NOT_YET, UNKNOWN, Causes, TrailChange, covered, uncovered, within
from fluo_audit.events.digests import Digest, Rejected
from fluo_audit.events.object_names import Kind, ObjectName
from fluo_audit.model.integrity import ProblemKind
from fluo_audit.model.scope import Period

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "digest_vectors.py")))
DAY, HOUR, PERIOD = made.DAY, made.HOUR, made.PERIOD
MINUTES = st.integers(-120, 1000)


def name(end: datetime, kind: Kind = Kind.DIGEST) -> ObjectName:
    return ObjectName(kind, "", "", made.ACCOUNT, made.REGION, end, made.TRAIL, made.REGION)


def digest(start: int, end: int, kind: Kind = Kind.DIGEST) -> Digest:
    """Return a digest from one minute of the day to another."""
    since, until = (DAY + timedelta(minutes=each) for each in (start, end))
    return Digest(f"{start}-{end}", name(until, kind), since, until, "", "", None, ())


def rejected(end: int, kind: ProblemKind) -> Rejected:
    at = DAY + timedelta(minutes=end)
    return Rejected(made.World().writer().digest_key(at), name(at), kind, "")


@given(st.lists(st.tuples(MINUTES, MINUTES)))
def test_covered_time_and_gaps_make_up_the_period(spans: list[tuple[int, int]]):
    joined = covered(digest(start, end) for start, end in spans)
    inside, gaps = within(joined, PERIOD), uncovered(joined, PERIOD)

    for minute in range(720):
        at = DAY + timedelta(minutes=minute)
        is_covered = any(DAY + timedelta(minutes=start) <= at < DAY + timedelta(minutes=end) for start, end in spans)
        assert sum(each.start <= at < each.end for each in inside) == is_covered
        assert sum(each.start <= at < each.end for each in gaps) == (not is_covered)


def test_digests_that_touch_leave_no_gap():
    assert covered([digest(60, 120), digest(0, 60)]) == (Period(DAY, DAY + 2 * HOUR),)
    assert len(covered([digest(0, 60), digest(61, 120)])) == 2


def test_a_backfill_digest_covers_nothing():
    assert covered([digest(0, 60, Kind.BACKFILL)]) == ()


def cause(*own: Digest | Rejected, as_of: datetime = DAY + 24 * HOUR, changes: tuple[TrailChange, ...] = ()) -> str:
    """Return why there is a gap from three to six o'clock."""
    stretch = Stretch(made.World().trail, made.ACCOUNT, made.REGION, PERIOD)
    chain = Chain(stretch, Listed({each.key: each.name for each in own}), own)
    return Causes(chain, changes, as_of).of(Period(DAY + 3 * HOUR, DAY + 6 * HOUR))


def test_a_gap_has_the_digests_that_would_have_filled_it_for_a_cause():
    assert cause(rejected(240, ProblemKind.DIGEST_MISSING)) == "digests missing: 1"
    assert cause(rejected(190, ProblemKind.DIGEST_SIGNATURE)) == "digests not valid: 1"
    assert cause(rejected(419, ProblemKind.DIGEST_UNREAD)) == "digests not readable: 1"
    several = (
        *(rejected(end, ProblemKind.DIGEST_MOVED) for end in (240, 300)),
        rejected(360, ProblemKind.DIGEST_MISSING),
    )
    assert cause(*several) == "digests missing: 1, digests not valid: 2"
    for end in (180, 420):
        assert cause(rejected(end, ProblemKind.DIGEST_SIGNATURE)) == UNKNOWN


def test_a_gap_has_what_was_done_to_the_trail_for_a_cause():
    def change(hour: float, event_name: str) -> TrailChange:
        return TrailChange(DAY + timedelta(hours=hour), event_name)

    assert cause(changes=(change(5, "StartLogging"), change(2, "StopLogging"))) == (
        "StopLogging at 2026-03-10 02:00, StartLogging at 2026-03-10 05:00"
    )
    assert cause(changes=(change(1.9, "StopLogging"), change(6.1, "StartLogging"))) == NONE


def test_digests_of_the_last_two_hours_may_still_come():
    assert cause(as_of=DAY + 5 * HOUR - timedelta(seconds=1)) == NOT_YET
    assert cause(as_of=DAY + 5 * HOUR) == NONE
    assert cause(digest(0, 180), as_of=DAY + 5 * HOUR) == UNKNOWN
