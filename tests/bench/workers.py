"""One process, one worker and two on one machine, where encoding is what takes the time; a model.

    python tests/bench/workers.py --rows 2000000 --rounds 3

Orders with twenty local times, four numbers and four words for yes and no. Each run is a process
of its own against a counting server in another, and counts only if as many operations arrived as
there are rows. The contestants take turns. The model (see backfill/distribute/README.md) is given
what one worker took, and has to say what two take, and what a slow pace makes of it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import jobs
import measure
from counting_server import serving

from backfill.distribute.schedule import SLOT_S
from backfill.pacing import JITTER_S, WINDOW_S

HERE = Path(__file__).parent
TIMES, NUMBERS, WORDS = 20, 4, 4
FORMAT = '{{column: {0}, type: timestamp, format: "%d/%m/%Y %H:%M:%S", timezone: Europe/Berlin}}'
CONTESTANTS = {"one process": (), "1 worker": (1,), "2 workers": (2,)}


@dataclass(frozen=True, slots=True)
class Took:
    """What a run took: seconds, of all our processes' cores, of the server's; requests."""

    wall_s: float
    cpu_s: float
    server_s: float
    requests: int


def write(folder: Path, rows: int, requests_per_s: int) -> None:
    """The orders, made by another process, and the job."""
    folder.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, HERE / "orders.py", folder / "orders.csv", str(rows)], check=True
    )
    attributes = {f"at{i}": FORMAT.format(f"at{i}") for i in range(TIMES)}
    attributes |= {f"number{i}": f"{{column: number{i}, type: number}}" for i in range(NUMBERS)}
    attributes |= {f"is{i}": f"{{column: is{i}, type: boolean}}" for i in range(WORDS)}
    lines = "".join(f"      {name}: {field}\n" for name, field in attributes.items())
    (folder / jobs.config("csv")).write_text(
        f"destination: {{region: us, requests_per_s: {requests_per_s}}}\n"
        "streams:\n  - name: orders\n    source: orders.csv\n    person: {id: contact_id}\n"
        "    event: {name: order_placed, timestamp: placed_at, key: order_id}\n"
        f"    campaigns: allow\n    attributes:\n{lines}"
    )


def took(folder: Path, rows: int, *workers: int) -> Took:
    """One run, checked."""
    options = ["--fresh", *(f"--engine=local --workers={n}" for n in workers)]
    with serving() as server:
        words = " ".join(options).split()
        ran = measure.run(jobs.command("csv", *words), folder, server.environ)
    assert jobs.delivered(ran) == server.counts["operations"] == rows, server.counts
    counts = server.counts
    return Took(ran.wall_s, ran.cpu_s, float(counts["cpu_s"]), int(counts["requests"]))


@dataclass(frozen=True, slots=True)
class Model:
    """Seconds a run takes: the start, and then whichever of three is the longest.

    start_s:   of a run of one row. worker_s: what one worker takes of all rows after its start.
    cpu_s:     all cores together, server included. requests: how many.
    """

    start_s: float
    worker_s: float
    cpu_s: float
    requests: int

    def seconds(self, workers: int, cores: int, requests_per_s: int) -> float:
        """What so many workers take on so many cores."""
        pace_s = self.requests / requests_per_s * (WINDOW_S + JITTER_S + SLOT_S)
        return self.start_s + max(self.worker_s / workers, self.cpu_s / cores, pace_s)


def main() -> None:
    """The table, then what the model says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(measure.machine())
    with tempfile.TemporaryDirectory() as base:
        whole, one, slow = (Path(base, name) for name in ("whole", "one", "slow"))
        rows, slow_rows = given.rows, given.rows // 10
        write(whole, rows, 1000)
        write(one, 1, 1000)
        write(slow, slow_rows, 20)
        print(measure.describe(whole / "orders.csv", rows), flush=True)
        turns = {name: partial(took, whole, rows, *n) for name, n in CONTESTANTS.items()}
        found = measure.interleaved(given.rounds, turns)
        starts = [took(one, 1, 1) for _ in range(given.rounds)]
        slows = [took(slow, slow_rows, 2) for _ in range(given.rounds)]
    report(found, rows)
    compare(found, starts, slows)


def report(found: dict[str, list[Took]], rows: int) -> None:
    """A line a contestant, against one worker."""
    walls = {name: median(one.wall_s for one in runs) for name, runs in found.items()}
    measure.table(
        ["seconds", "min", "median", "max", "CPU s", "rows/s", "times one worker"],
        [
            [
                name,
                *measure.spread([one.wall_s for one in runs], ".2f"),
                f"{median(one.cpu_s for one in runs):.1f}",
                f"{rows / walls[name]:,.0f}",
                f"{walls['1 worker'] / walls[name]:.2f}",
            ]
            for name, runs in found.items()
        ],
    )


def compare(found: dict[str, list[Took]], starts: list[Took], slows: list[Took]) -> None:
    """What the model says of two workers and of a slow pace, and what was measured."""
    start = Took(median(one.wall_s for one in starts), median(one.cpu_s for one in starts), 0.0, 1)
    ones = found["1 worker"]
    cpu_s = median(one.cpu_s + one.server_s for one in ones) - start.cpu_s
    worker_s = median(one.wall_s for one in ones) - start.wall_s
    fast = Model(start.wall_s, worker_s, cpu_s, ones[0].requests)
    slow = Model(start.wall_s, worker_s / 10, cpu_s / 10, slows[0].requests)
    lines = [
        ("2 workers, two cores", fast.seconds(2, 2, 1000), found["2 workers"]),
        ("a tenth of the rows at 20 requests/s", slow.seconds(2, 2, 20), slows),
    ]
    measure.table(
        ["seconds", "model", "measured", "model / measured"],
        [
            [name, f"{told:.2f}", f"{median(one.wall_s for one in runs):.2f}",
             f"{told / median(one.wall_s for one in runs):.2f}"]
            for name, told, runs in lines
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
