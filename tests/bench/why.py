"""How long `backfill why` takes to say what became of one person among a million.

    python tests/bench/why.py

After a whole run against the counting server, whose checkpoint is then asked: by the id, by the
email, and by what stands nowhere (the search for what is nearly so comes on top). The whole
command, start-up included; after each the answer is checked.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

import jobs
import measure
from counting_server import serving

CONFIG = jobs.CONFIG.replace("{{id: contact_id}}", "{{id: contact_id, email: email}}")


def asked(folder: Path, form: str, identifier: str, rows: int) -> measure.Ran:
    """Ask; the answer must have so many rows, all delivered."""
    command = [sys.executable, "-m", "backfill", "why", jobs.config(form), identifier, "--json"]
    found = measure.run(["sh", "-c", '"$@" || true', "sh", *command], folder, {})
    assert json.loads(found.printed)["outcomes"] == ({"delivered": rows} if rows else {})
    return found


def main() -> None:
    """Print the seconds and the memory of each question and format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(measure.machine())
    n = given.rows * 7 // 9
    questions = {
        "by id": (f"c{n:09}", 1),
        "by email": (f"PERSON{n}@example{n % 977}.com", 1),
        "nowhere": ("nobody@example.com", 0),
    }
    with tempfile.TemporaryDirectory() as base:
        contestants = {}
        for form in jobs.FORMATS:
            folder = Path(base) / form
            print(measure.describe(jobs.prepare(folder, form, given.rows), given.rows), flush=True)
            (folder / jobs.config(form)).write_text(CONFIG.format(form=form))
            with serving() as server:
                measure.run(jobs.command(form), folder, server.environ)
            for name, (identifier, rows) in questions.items():
                contestants[f"{form}, {name}"] = partial(asked, folder, form, identifier, rows)
        found = measure.interleaved(given.rounds, contestants)
    measure.table(
        ["seconds", "min", "median", "max", "CPU", "peak MB"],
        [
            [
                name,
                *measure.spread([ran.wall_s for ran in turns], ".2f"),
                f"{min(ran.cpu_s for ran in turns):.2f}",
                f"{max(ran.peak_mb for ran in turns):,.0f}",
            ]
            for name, turns in found.items()
        ],
    )


if __name__ == "__main__":
    main()
