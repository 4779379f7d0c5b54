"""A job of people, some of whom are refused, run as a process, and what it has to come to."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.end_to_end.command import Ended, ended, environ
from tests.end_to_end.people import PEOPLE, ids
from tests.end_to_end.recorder import Recorder

ROWS = 300
#: Refused before they are sent: their value is longer than an attribute may be.
TOO_LONG = frozenset(range(0, ROWS, 10))


def write_source(path: Path) -> None:
    """People p0, p1, …, each tenth with a value that is too long."""
    rows = [{"id": f"p{n}", "value": "x" * (1_001 if n in TOO_LONG else 9)} for n in range(ROWS)]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["id", "value"])
            writer.writeheader()
            writer.writerows(rows)


def write_job(folder: Path, source: str = "people.csv", **places: str) -> None:
    """job.yaml, which sends one small batch after the other; places: checkpoint and rejects."""
    destination = {"region": "us", "operations_per_s": 4_000, "concurrency": 1}
    job = {"destination": destination, **places, "streams": [PEOPLE | {"source": source}]}
    (folder / "job.yaml").write_text(yaml.safe_dump(job, sort_keys=False))


def begin(address: str, *arguments: str, inside: Sequence[str] = (), **more: Any) -> Any:
    """Start `backfill`; inside: the command it is an argument of."""
    pipe = subprocess.PIPE
    streams = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe} | more
    command = [*inside, sys.executable, "-m", "backfill", *arguments]
    return subprocess.Popen(command, env=environ(address), text=True, **streams)


def run(address: str, inside: Sequence[str] = (), **more: Any) -> Ended:
    """`backfill run job.yaml --json`."""
    return ended(begin(address, "run", "job.yaml", "--json", inside=inside, **more))


def here(monkeypatch: pytest.MonkeyPatch, server: Recorder) -> None:
    """Let a run in this process go to the server."""
    for key, value in environ(server.address).items():
        monkeypatch.setenv(key, value)


def rejected_rows(path: Path) -> list[int]:
    """The number of each rejected row, from 0, in the order of the file."""
    if path.suffix == ".parquet":
        return [row - 1 for row in pq.read_table(path)["_row"].to_pylist()]
    with path.open(newline="") as file:
        return [int(row["_row"]) - 1 for row in csv.DictReader(file)]


def assert_nothing_is_lost(finished: Ended, server: Recorder, rejects: Iterable[int]) -> None:
    """The last run finished the job: every row was delivered or is rejected, each once."""
    rejected = sorted(rejects)
    assert finished.told["error"] is None, finished.text
    assert finished.code == 3
    assert finished.told["rows"] == {
        "read": ROWS,
        "delivered": ROWS - len(rejected),
        "rejected": len(rejected),
        "filtered": 0,
        "unprocessed": 0,
    }
    assert rejected == sorted(set(rejected))
    seen = {one for posted in server.posted for one in ids(posted.operations)}
    assert seen >= {f"p{n}" for n in range(ROWS) if n not in rejected}


def assert_tells_the_way_out(stopped: Ended, what: str, where: str, fix: str) -> None:
    """A failure that can be resumed; each argument is a part of what was said."""
    error = stopped.told["error"]
    assert (stopped.code, stopped.told["state"]) == (1, "stopped")
    assert what in error["what"]
    assert where in error["where"]
    assert fix in error["fix"]
    assert "run the same command again" in error["fix"]
