"""Generated people as CSV, Parquet and JSONL: the same rows in each."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import polars as pl

ROWS_AT_ONCE = 250_000


def frames(count: int, night: int = 0) -> Iterator[pl.DataFrame]:
    """`count` people of 12 columns, about 315 bytes as an operation.

    night: from 1 on, one in a hundred has another plan than on any other night.
    """
    for first in range(0, count, ROWS_AT_ONCE):
        n = pl.int_range(first, min(first + ROWS_AT_ONCE, count), eager=True)
        yield pl.DataFrame({"n": n}).select(
            contact_id=pl.format("c{}", pl.col("n").cast(pl.String).str.zfill(9)),
            email=pl.format("person{}@example{}.com", pl.col("n"), pl.col("n") % 977),
            first_name=pl.format("First{}", pl.col("n") % 5000),
            last_name=pl.format("Last{}", pl.col("n") % 7000),
            company=pl.format("Company {} GmbH", pl.col("n") % 9999),
            city=pl.format("City{}", pl.col("n") % 300),
            country=pl.format("Country{}", pl.col("n") % 100),
            phone=pl.format("+4915{}", pl.col("n").cast(pl.String).str.zfill(9)),
            created_at=(1_300_000_000 + pl.col("n")).cast(pl.String),
            plan=pl.when((pl.col("n") % 100 == night) & (night > 0))
            .then(pl.lit(f"night {night}"))
            .when(pl.col("n") % 3 == 0)
            .then(pl.lit("free"))
            .otherwise(pl.lit("team")),
            score=pl.format("{}.{}", pl.col("n") % 1000, pl.col("n") % 10),
            source=pl.format("import {}", pl.col("n") % 4),
        )


def write(path: Path, count: int, night: int = 0) -> None:
    """Write the people to a .csv, .jsonl or .parquet file."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        writer = None
        for frame in frames(count, night):
            table = frame.to_arrow()
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
        if writer:
            writer.close()
        return
    with path.open("wb") as file:
        for i, frame in enumerate(frames(count, night)):
            if path.suffix == ".csv":
                frame.write_csv(file, include_header=i == 0)
            else:
                frame.write_ndjson(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--night", type=int, default=0)
    given = parser.parse_args()
    write(given.path, given.count, given.night)
