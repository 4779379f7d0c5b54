"""DataFrames as sources: written to Parquet files, from which they are read as any other source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backfill.errors import MappingError, StorageError
from backfill.private import writing_whole


def is_frame(value: Any) -> bool:
    """Whether it is a table of some library: pandas, polars, pyarrow.

    All of them offer their columns by the Arrow C stream.  [docs: Arrow PyCapsule Interface]
    """
    return hasattr(value, "__arrow_c_stream__")


def write(frame: Any, path: Path, stream: str) -> None:
    """Write a table to a Parquet file that only its owner may read; an index is left out.

    The same table makes the same bytes, so that a run that was interrupted goes on.
    Raises MappingError for columns that have no type of their own, StorageError where the file
    cannot be written.
    """
    try:
        table = _table(frame)
        with writing_whole(path) as file:
            pq.write_table(table, file)
    except OSError as error:
        fix = "free some space, or name another checkpoint: the table is written beside it"
        what = f"the table cannot be written: {error.strerror}"
        raise StorageError(what, str(path), fix) from error
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise MappingError(
            "a column of the table holds values of several types, or of one that Parquet has not",
            f"stream {stream}, source",
            "give each column one type, for example with astype(str)",
        ) from error


def _table(frame: Any) -> pa.Table:
    if type(frame).__module__.partition(".")[0] == "pandas":
        return pa.Table.from_pandas(frame, preserve_index=False)
    return pa.table(frame)
