"""The whole command, and what else sends people from files, to the same server in one run.

    python tests/bench/deliver.py --rows 1000000 --peer-rows 200000 --delay-s 0 0.1

Each run is a process of its own against a counting server in another, and counts only if as many
operations arrived as there are rows. Ours keeps its checkpoint, checks every limit and keeps to
1,000 requests a second; before anything is timed it has to bring every person exactly once. The
peers take `--peer-rows` of the same people from CSV. A file of one person, without a delay, tells
what starting takes; rates are given with it and without.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import jobs
import measure
from counting_server import serving

from backfill.trackapi import BODY_BYTES_MAX

PEERS = Path(__file__).parent / "peers"
SCRIPTS = {
    "customerio batch()": "customerio_batch.py",
    "async-customerio, 16": "async_customerio_batch.py",
    "dlt destination": "dlt_destination.py",
}


@dataclass(frozen=True, slots=True)
class Contestant:
    """What is run in a folder of people.

    folder: with the people that count; one: with a single person.
    """

    command: Sequence[str | Path]
    folder: Path
    one: Path
    rows: int

    def deliver(self, delay_s: float) -> measure.Ran:
        """Send all the people once."""
        return sent(self.command, self.folder, self.rows, delay_s)

    def start(self) -> measure.Ran:
        """Send the single person."""
        return sent(self.command, self.one, 1, 0.0)


def sent(command: Sequence[str | Path], folder: Path, rows: int, delay_s: float) -> measure.Ran:
    """Run a command against a server of its own, and hold what arrived against the rows."""
    with serving(delay_s=delay_s) as server:
        ran = measure.run(command, folder, server.environ)
    assert server.counts["operations"] == rows, (command, server.counts)
    assert server.counts["largest"] <= BODY_BYTES_MAX, (command, server.counts)
    return ran


def check(folder: Path, form: str, rows: int) -> None:
    """Our side brings each person once, and says so."""
    with serving(people=rows) as server:
        ran = measure.run(jobs.command(form, "--fresh"), folder, server.environ)
    assert jobs.delivered(ran) == server.counts["distinct"] == rows, server.counts
    assert server.counts["twice"] == 0, server.counts


def contestants(base: Path, rows: int, peer_rows: int) -> dict[str, Contestant]:
    """Ours by format, then the peers; their files are made and ours are checked."""
    whole, part, one = base / "whole", base / "part", base / "one"
    for form in jobs.FORMATS:
        print(measure.describe(jobs.prepare(whole, form, rows), rows))
        jobs.prepare(one, form, 1)
        check(whole, form, rows)
    print(measure.describe(jobs.prepare(part, "csv", peer_rows), peer_rows))
    ours = {
        form: Contestant(jobs.command(form, "--fresh"), whole, one, rows) for form in jobs.FORMATS
    }
    peers = {
        name: Contestant([sys.executable, PEERS / script, "people.csv"], part, one, peer_rows)
        for name, script in SCRIPTS.items()
    }
    return ours | peers


def report(
    fields: Mapping[str, Contestant],
    found: Mapping[str, Sequence[measure.Ran]],
    starts: Mapping[str, float],
) -> None:
    """Print a line each, and ours against the best of the others."""
    rates: dict[str, float] = {}
    lines = []
    for name, turns in found.items():
        rows = fields[name].rows
        rates[name] = (rows - 1) / (median(ran.wall_s for ran in turns) - starts[name])
        lines.append(
            [
                name,
                f"{rows:,}",
                *measure.spread([rows / ran.wall_s for ran in turns]),
                f"{starts[name]:.2f}",
                f"{rates[name]:,.0f}",
                f"{median(ran.cpu_s for ran in turns):.1f}",
                f"{max(ran.peak_mb for ran in turns):,.0f}",
            ]
        )
    head = ["rows/s", "rows", "min", "median", "max", "start s", "less start", "CPU s", "peak MB"]
    measure.table(head, lines)
    best = max(SCRIPTS, key=rates.__getitem__)
    told = ", ".join(f"{form} {rates[form] / rates[best]:.1f}" for form in jobs.FORMATS)
    print(f"ours / {best}, without starting: {told}")


def main() -> None:
    """Make the files, check, measure: one table a delay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=200_000)
    parser.add_argument("--delay-s", type=float, nargs="+", default=[0.0, 0.1])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(measure.machine())
    print(measure.peers("customerio", "async-customerio", "dlt"))
    with tempfile.TemporaryDirectory() as base:
        fields = contestants(Path(base), given.rows, given.peer_rows)
        begun = measure.interleaved(given.rounds, {n: one.start for n, one in fields.items()})
        starts = {name: median(ran.wall_s for ran in turns) for name, turns in begun.items()}
        for delay_s in given.delay_s:
            print(f"\nanswers after {delay_s:g} s", flush=True)
            turns = {name: partial(one.deliver, delay_s) for name, one in fields.items()}
            report(fields, measure.interleaved(given.rounds, turns), starts)


if __name__ == "__main__":
    main()
