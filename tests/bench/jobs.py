"""The job of the benchmarks: people of one file, by their id, all other columns as attributes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from measure import Ran

HERE = Path(__file__).parent
FORMATS = ("csv", "parquet", "jsonl")
CONFIG = """\
destination: {{region: us, requests_per_s: 1000}}
streams:
  - name: people
    source: people.{form}
    person: {{id: contact_id}}
    attributes: "*"
"""


def prepare(folder: Path, form: str, rows: int) -> Path:
    """Write the people and the job; returns the people's file.

    Another process makes the people, so that this one stays small (see `measure.run`).
    """
    folder.mkdir(exist_ok=True)
    path = folder / f"people.{form}"
    subprocess.run([sys.executable, HERE / "people.py", path, str(rows)], check=True)
    (folder / config(form)).write_text(CONFIG.format(form=form))
    return path


def config(form: str) -> str:
    """The name of the job's config."""
    return f"job_{form}.yaml"


def command(form: str, *options: str) -> list[str]:
    """What runs the job in its folder."""
    return [sys.executable, "-m", "backfill", "run", config(form), "--json", *options]


def delivered(ran: Ran) -> int:
    """Rows that a run says are delivered, in all; none may be rejected or left."""
    rows = json.loads(ran.printed)["rows"]
    assert rows["delivered"] == rows["read"], rows
    return int(rows["delivered"])
