"""Orders with many local times, numbers and words: `python tests/bench/orders.py PATH ROWS`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

TIMES, NUMBERS, WORDS = 20, 4, 4

#: Different times of one column; none lies in an hour that a change of clocks leaves out.
DIFFERENT = 5_000


def local_times(offset_s: int) -> list[str]:
    """Noons and hours after them, in many years."""
    noons = (1_400_000_000 // 86_400 + np.arange(DIFFERENT) % 3_000) * 86_400 + 43_200
    return [
        time.strftime("%d/%m/%Y %H:%M:%S", time.gmtime(at_s + offset_s + at_s % 997))
        for at_s in noons.tolist()
    ]


def main(path: Path, rows: int) -> None:
    """Write them, the same ones every time."""
    draw = np.random.default_rng(1)
    number = np.arange(rows)
    columns = {
        "order_id": pl.Series(number).cast(pl.String).str.zfill(9),
        "contact_id": pl.Series(number % 100_000).cast(pl.String).str.zfill(9),
        "placed_at": pl.Series(1_400_000_000 + number),
    }
    for i in range(TIMES):
        columns[f"at{i}"] = pl.Series(local_times(60 * i)).gather(draw.integers(0, DIFFERENT, rows))
    for i in range(NUMBERS):
        columns[f"number{i}"] = pl.Series(draw.integers(0, 100_000, rows) / 100)
    for i in range(WORDS):
        columns[f"is{i}"] = pl.Series(["yes", "no"]).gather(draw.integers(0, 2, rows))
    pl.DataFrame(columns).write_csv(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
