"""File to packed batches, every limit checked, without a network; and what others take for less.

    python tests/bench/encode.py --rows 1000000 --slow-rows 200000

Each contestant is a process of its own and is timed in it, after its imports. Ours reads, encodes
and packs as a run does. DuckDB and pandas write the CSV file as JSON lines, the loop makes the same
operations as ours; none of them checks a limit or packs. pandas and the loop take `--slow-rows`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import jobs
import measure

from backfill.trackapi import BODY_BYTES_MAX

HERE = Path(__file__).parent
PEERS = HERE / "peers"


@dataclass(frozen=True, slots=True)
class Encoded:
    """How a file went through. size: bytes of all bodies; 0 where there are none."""

    per_s: float
    peak_mb: float
    size: int = 0


def encode(folder: Path, form: str, rows: int, *options: str) -> Encoded:
    """Our side, checked."""
    script = HERE / "engine_batches.py"
    ran = measure.run([sys.executable, script, jobs.config(form), *options], folder, {})
    told = json.loads(ran.printed)
    assert told["operations"] == rows, told
    assert told["largest"] <= BODY_BYTES_MAX, told
    return Encoded(rows / told["seconds"], ran.peak_mb, told["bytes"])


def convert(folder: Path, rows: int, script: str, *options: str) -> Encoded:
    """A peer's."""
    ran = measure.run([sys.executable, PEERS / script, "people.csv", *options], folder, {})
    told = json.loads(ran.printed)
    assert told["rows"] == rows, told
    return Encoded(rows / told["seconds"], ran.peak_mb)


def report(found: dict[str, list[Encoded]]) -> None:
    """Print a line each, and ours against each of the others."""
    assert all(len({one.size for one in turns}) == 1 for turns in found.values())
    measure.table(
        ["rows/s", "min", "median", "max", "peak MB"],
        [
            [
                name,
                *measure.spread([one.per_s for one in turns]),
                f"{max(one.peak_mb for one in turns):,.0f}",
            ]
            for name, turns in found.items()
        ],
    )
    rates = {name: median(one.per_s for one in turns) for name, turns in found.items()}
    print()
    measure.table(
        ["ours against", *jobs.FORMATS],
        [
            [name, *(f"{rates[form] / rates[name]:.2f}" for form in jobs.FORMATS)]
            for name in rates
            if name not in jobs.FORMATS
        ],
    )


def main() -> None:
    """Make the files, check, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--slow-rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(measure.machine())
    print(measure.peers("duckdb", "pandas", "pyarrow", "orjson"))
    with tempfile.TemporaryDirectory() as made:
        whole, part = Path(made, "whole"), Path(made, "part")
        for form in jobs.FORMATS:
            print(measure.describe(jobs.prepare(whole, form, given.rows), given.rows))
        print(measure.describe(jobs.prepare(part, "csv", given.slow_rows), given.slow_rows))
        for form in jobs.FORMATS:
            encode(whole, form, given.rows, "--expect", "people.csv")
        ours = {form: partial(encode, whole, form, given.rows) for form in jobs.FORMATS}
        duckdb = partial(convert, whole, given.rows, "duckdb_json.py")
        peers = {
            "DuckDB, all cores": duckdb,
            "DuckDB, 1 thread": partial(duckdb, "--threads", "1"),
            "pandas": partial(convert, part, given.slow_rows, "pandas_json.py"),
            "a loop over rows": partial(convert, part, given.slow_rows, "plain_loop.py"),
        }
        report(measure.interleaved(given.rounds, ours | peers))


if __name__ == "__main__":
    main()
