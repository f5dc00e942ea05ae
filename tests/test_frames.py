"""Frames have the declared columns and dtypes, whatever was in the answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from dateutil.tz import tzlocal, tzoffset

from fluo_audit.frames import as_json, frame
from fluo_audit.model import sources
from fluo_audit.model.evidence import Source

DTYPES = {
    "time": "datetime64[us, UTC]",
    "text": "string",
    "json": "string",
    "int": "Int64",
    "bool": "boolean",
    "float": "float64",
    "money": "object",
    "date": "object",
}
VALUES = {
    "time": datetime(2026, 11, 23, 6, 0, 0, 123456, tzinfo=UTC),
    "text": "\ud800 é <b>",
    "json": "{}",
    "int": 2**53 + 1,
    "bool": True,
    "float": 0.1,
    "money": Decimal("0.10"),
    "date": date(2026, 11, 23),
}
FRAMES = [source for source in sources.ALL if source.columns]


@pytest.mark.parametrize("source", FRAMES, ids=lambda source: source.name)
@pytest.mark.parametrize("rows", [0, 1, 2], ids=["empty", "full", "full and missing"])
def test_columns_and_dtypes_are_the_declared_ones(source: Source[pd.DataFrame], rows: int):
    full = {name: VALUES[kind] for name, kind in source.columns.items()}
    made = frame(source, [full, dict.fromkeys(source.columns)][:rows])

    assert {name: str(dtype) for name, dtype in made.dtypes.items()} == {
        n: DTYPES[k] for n, k in source.columns.items()
    }
    assert len(made) == rows
    if rows:
        assert {name: made[name][0] for name in source.columns} == full
    if rows == 2:
        assert made.iloc[1].isna().all()


@pytest.mark.parametrize("change", [lambda row: row.pop("tag_key"), lambda row: row.update(extra=1)])
def test_a_row_with_other_columns_is_a_bug_and_is_named(change: Any):
    row = {"tag_key": "a", "tag_value": "b"}
    change(row)

    with pytest.raises(ValueError, match="tags"):
        frame(sources.TAGS, [row])


@pytest.mark.parametrize("zone", [UTC, tzlocal(), tzoffset(None, 14 * 3600)])
def test_a_time_of_any_zone_becomes_the_same_moment_in_utc(zone: Any):
    moment = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    row = dict.fromkeys(sources.ROTATIONS.columns) | {"rotated_at": moment.astimezone(zone)}

    assert frame(sources.ROTATIONS, [row])["rotated_at"][0] == pd.Timestamp(moment)


def test_a_time_far_away_is_kept():
    far = datetime(9999, 12, 31, tzinfo=UTC)
    row = dict.fromkeys(sources.ROTATIONS.columns) | {"rotated_at": far}

    assert frame(sources.ROTATIONS, [row])["rotated_at"][0].to_pydatetime() == far


def test_json_columns_do_not_depend_on_the_order_of_members():
    assert as_json({"b": [1], "a": "é"}) == as_json({"a": "é", "b": [1]}) == '{"a": "é", "b": [1]}'
