"""Write rows of events as Parquet, and tell events apart by a fingerprint."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from fluo_audit.events.rows import COLUMNS, Rows

if TYPE_CHECKING:
    import numpy.typing as npt

    Fingerprints = npt.NDArray[np.uint64]
    """Shape (events, 2): the MD5 of each eventID in two halves, as numbers. It tells apart, it does not protect."""


# The version of the format and the level make the smallest and quickest file of those DuckDB writes.
_FORMAT = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2"


def connection(threads: int = 1, memory: str = "512MB") -> duckdb.DuckDBPyConnection:
    """Return an embedded database that lives in memory and never looks for extensions on the network."""
    return duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": memory,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": True,
        }
    )


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Return the database that this process uses: to open one takes as long as a small piece."""
    return connection()


def write_rows(rows: Rows, path: Path) -> Fingerprints:
    """Write the rows to `path` and return the fingerprints of their events, in the same order."""
    frame = rows.frame()
    with _database().cursor() as database:
        database.from_df(frame).project(_columns(frame)).create_view("rows_found")
        database.execute(
            "COPY rows_found TO $path (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)", {"path": str(path)}
        )
        return _fingerprints(database.from_df(frame[["event_id"]]))


def _columns(frame: pd.DataFrame) -> str:
    """Return the columns in SQL, typed.

    Text that is categorical becomes dictionaries of the file as it is: to build them again takes twice the time.
    """
    categorical = {name for name in COLUMNS if isinstance(frame[name].dtype, pd.CategoricalDtype)}
    return ", ".join(
        name if name in categorical and kind == "VARCHAR" else f"{name}::{kind} AS {name}"
        for name, kind in COLUMNS.items()
    )


def fingerprints(path: Path) -> Fingerprints:
    """Return the fingerprints of the events in a Parquet file, in order."""
    with _database().cursor() as database:
        return _fingerprints(database.read_parquet(str(path)))


def _fingerprints(found: duckdb.DuckDBPyRelation) -> Fingerprints:
    halves = found.project("hash(event_id) AS high, hash(event_id, 1) AS low").fetchnumpy()
    return np.column_stack([np.asarray(halves[name], dtype=np.uint64) for name in ("high", "low")])
