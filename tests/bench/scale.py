"""Whether time grows with the rows and memory does not: the whole command over growing files.

    python tests/bench/scale.py --millions 1 2 4 8 --formats csv parquet

Each run is a process of its own against a counting server in another, and counts only if as many
operations arrived as there are rows. The sizes take turns.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

import jobs
import measure
from counting_server import serving


def ran(folder: Path, form: str, rows: int) -> measure.Ran:
    """One run, checked."""
    with serving() as server:
        found = measure.run(jobs.command(form, "--fresh"), folder, server.environ)
    assert jobs.delivered(found) == server.counts["operations"] == rows, server.counts
    return found


def report(found: dict[str, list[measure.Ran]], sizes: dict[str, float]) -> None:
    """Print a line a size, against the first."""
    times = {name: median(one.wall_s for one in turns) for name, turns in found.items()}
    peaks = {name: max(one.peak_mb for one in turns) for name, turns in found.items()}
    first = next(iter(found))
    measure.table(
        ["seconds", "min", "median", "max", "of the first", "rows", "peak MB", "of the first"],
        [
            [
                name,
                *measure.spread([one.wall_s for one in turns], ".2f"),
                f"{times[name] / times[first]:.2f}",
                f"{sizes[name] / sizes[first]:.2f}",
                f"{peaks[name]:,.0f}",
                f"{peaks[name] / peaks[first]:.2f}",
            ]
            for name, turns in found.items()
        ],
    )


def main() -> None:
    """One table a format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--formats", nargs="+", choices=jobs.FORMATS, default=["csv"])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(measure.machine())
    sizes = {f"{millions:g} M": millions for millions in given.millions}
    for form in given.formats:
        with tempfile.TemporaryDirectory() as base:
            turns = {}
            for name, millions in sizes.items():
                folder, rows = Path(base, name), int(millions * 1_000_000)
                print(measure.describe(jobs.prepare(folder, form, rows), rows), flush=True)
                turns[name] = partial(ran, folder, form, rows)
            report(measure.interleaved(given.rounds, turns), sizes)


if __name__ == "__main__":
    main()
