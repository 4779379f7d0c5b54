"""What change detection costs: a night of which one row in a hundred changed, against a full run.

    python tests/bench/nightly.py --rows 1000000 --formats csv parquet jsonl
    python tests/bench/nightly.py --rows 10000000 --formats csv --rounds 0

First the whole command, night after night: seconds, peak memory, and what the file of what is known
takes on disk. Then reading, comparing, encoding and packing alone, in turns with a full run's.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jobs
import measure
from counting_server import serving

CHANGES = "    changes: {key: contact_id}\n"
BATCHES = Path(__file__).parent / "nightly_batches.py"


def name(form: str) -> str:
    """The name of the nightly job's config."""
    return f"nightly_{form}.yaml"


def people(folder: Path, form: str, rows: int, number: int) -> None:
    """The export of a night."""
    script, path = jobs.HERE / "people.py", folder / f"people.{form}"
    subprocess.run([sys.executable, script, path, str(rows), "--night", str(number)], check=True)


def nights(folder: Path, form: str, rows: int) -> Iterator[list[str]]:
    """Three nights by the whole command, checked; what each took, as cells."""
    command = [sys.executable, "-m", "backfill", "run", name(form), "--json"]
    known = folder / "state" / f"nightly_{form}.checkpoint.changes-people"
    port = free_port()  # a checkpoint belongs to one
    for number, changed in enumerate((rows, rows // 100, 2 * rows // 100)):
        people(folder, form, rows, number)
        with serving(port=port) as server:
            ran = measure.run(command, folder, server.environ)
        assert jobs_sent(ran) == server.counts["operations"] == changed, server.counts
        yield [
            f"{form}, night {number + 1}",
            f"{changed:,}",
            f"{ran.wall_s:.1f}",
            f"{ran.cpu_s:.1f}",
            f"{ran.peak_mb:,.0f}",
            f"{known.stat().st_size / 1e6:,.0f}",
        ]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return int(some.getsockname()[1])


def jobs_sent(ran: measure.Ran) -> int:
    """Rows that a run says are delivered."""
    return int(json.loads(ran.printed)["rows"]["delivered"])


def batches(folder: Path, config: str, *options: str) -> tuple[float, int]:
    """CPU seconds of a night, or of a full run, up to its batches; and how many operations."""
    ran = measure.run([sys.executable, BATCHES, config, *options], folder, {})
    told = json.loads(ran.printed)
    return told["cpu_s"], told["operations"]


def compare(folder: Path, form: str, rows: int, rounds: int) -> None:
    """A night's batches and a full run's, in turns."""
    turns = {
        "full run": partial(batches, folder, jobs.config(form)),
        "night, --full": partial(batches, folder, name(form), "--full"),
        "night, 1 % changed": partial(batches, folder, name(form)),
    }
    found = measure.interleaved(rounds, turns)
    assert {n for kind in ("full run", "night, --full") for _, n in found[kind]} == {rows}
    table = {kind: [cpu_s for cpu_s, _ in some] for kind, some in found.items()}
    full = sorted(table["full run"])[rounds // 2]
    measure.table(
        [f"{form}, CPU s", "min", "median", "max", "of a full run"],
        [
            [kind, *measure.spread(some, ".2f"), f"{sorted(some)[rounds // 2] / full:.2f}"]
            for kind, some in table.items()
        ],
    )


def main() -> None:
    """Two nights of each format, then the batches of a third."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", choices=jobs.FORMATS, default=["csv"])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(measure.machine())
    for form in given.formats:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            print(measure.describe(jobs.prepare(folder, form, given.rows), given.rows), flush=True)
            (folder / name(form)).write_text(jobs.CONFIG.format(form=form) + CHANGES)
            head = ["whole command", "sent", "seconds", "CPU s", "peak MB", "known, MB"]
            measure.table(head, list(nights(folder, form, given.rows)))
            if given.rounds:
                people(folder, form, given.rows, 3)
                compare(folder, form, given.rows, given.rounds)


if __name__ == "__main__":
    main()
