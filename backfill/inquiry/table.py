"""The refused rows of a job as one table."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from backfill.config import Job
from backfill.dialect import REJECT_COLUMNS
from backfill.inquiry import refusals
from backfill.inquiry.refusals import Refusals
from backfill.inquiry.runs import runs
from backfill.records import Form

_OWN = dict(zip(("file", "row", "rule", "reason"), REJECT_COLUMNS, strict=True))


def rejected(job: Job) -> pl.DataFrame:
    """The rows that the job's run refused, of all streams, with the sources' columns.

    Values are text, but for those of Parquet sources. Raises SourceError for a file that cannot be
    read back.
    """
    first = runs(job)[0]
    frames = [
        frame.select(pl.lit(stream.name).alias("stream"), pl.all())
        for stream in first.streams
        for part in refusals.parts(first, stream.name)
        for frame in map(_frame, refusals.read(part, stream))
    ]
    nothing = pl.DataFrame(schema={"stream": pl.String()} | dict(_columns()))
    return pl.concat([nothing, *frames], how="diagonal_relaxed")


def _columns() -> Iterator[tuple[str, pl.DataType]]:
    for name in REJECT_COLUMNS:
        yield name, pl.Int64() if name == _OWN["row"] else pl.String()


def _frame(some: Refusals) -> pl.DataFrame:
    own = some.frame.rename(_OWN)
    values = {
        name: (column.series if column.form is Form.TYPED else column.text).gather(own["at"])
        for name, column in some.columns.items()
        if name not in REJECT_COLUMNS
    }
    return own.drop("at").with_columns(**values)
