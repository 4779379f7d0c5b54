"""How soon a run that is nearly done goes on: until its first request, against a whole run.

    python tests/bench/resume.py --rows 10000000

A run with `--limit` sends the first 99 % of a CSV file; then the same command without it is timed
from the start of its process until the server has its first batch whole. In turns with it: a run
that begins anew, and one over a file of one person, which tells what starting takes. Every resumed
run begins with the same checkpoint and has to send exactly the rows that were left.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import jobs
import measure
from counting_server import serving

#: Rows that are acknowledged before the run that is timed, of a hundred.
DONE = 99

#: A resumed run waits until a second after the last request of the one before, in seconds.
PACE_WINDOW_S = 1.1


def ran(folder: Path, port: int, sends: int, *options: str) -> tuple[measure.Ran, float]:
    """A run that has to send so many rows; with the seconds until its first batch.

    port: a checkpoint belongs to the address it was made with.
    """
    with serving(port=port) as server:
        found = measure.run(jobs.command("csv", *options), folder, server.environ)
    assert server.counts["operations"] == sends, server.counts
    return found, server.counts["first_s"] - found.began_s


def resumed(folder: Path, kept: Path, port: int, rows: int, done: int) -> float:
    """Seconds until the first request of a run over the checkpoint that was kept."""
    shutil.rmtree(folder / "state")
    shutil.copytree(kept, folder / "state")
    found, first_s = ran(folder, port, rows - done)
    assert jobs.delivered(found) == rows
    return first_s


def anew(folder: Path, port: int, rows: int) -> float:
    """Seconds that a whole run takes."""
    return ran(folder, port, rows, "--fresh")[0].wall_s


def measured(base: Path, rows: int, rounds: int) -> dict[str, list[float]]:
    """Make the checkpoint, then take turns."""
    whole, one, kept, done = base / "whole", base / "one", base / "kept", rows * DONE // 100
    print(measure.describe(jobs.prepare(whole, "csv", rows), rows), flush=True)
    jobs.prepare(one, "csv", 1)
    with serving() as server:
        measure.run(jobs.command("csv", "--limit", str(done)), whole, server.environ)
    assert server.counts["operations"] == done, server.counts
    time.sleep(PACE_WINDOW_S)
    shutil.copytree(whole / "state", kept)
    return measure.interleaved(
        rounds,
        {
            "first request, resumed": partial(resumed, whole, kept, server.port, rows, done),
            "whole run": partial(anew, whole, server.port, rows),
            "start, one person": partial(anew, one, server.port, 1),
        },
    )


def main() -> None:
    """Print the seconds of each, and the share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(measure.machine())
    with tempfile.TemporaryDirectory() as base:
        found = measured(Path(base), given.rows, given.rounds)
    measure.table(
        ["seconds", "min", "median", "max"],
        [[name, *measure.spread(turns, ".2f")] for name, turns in found.items()],
    )
    first_s, whole_s, start_s = (median(turns) for turns in found.values())
    work_s = whole_s - start_s
    print(f"a whole run takes {work_s:.2f} s without starting; until the first request, resumed:")
    print(f"{first_s / work_s:.2%} of that, {(first_s - start_s) / work_s:.2%} without starting")


if __name__ == "__main__":
    main()
