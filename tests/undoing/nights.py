"""A job of nightly exports that keeps what it sent, into a workspace on this machine."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from backfill.sandbox.workspace.wire import attributes_of
from tests.end_to_end.command import Ended, command

Row = Mapping[str, str]

PEOPLE: Mapping[str, Any] = {
    "name": "people",
    "source": "people.csv",
    "person": {"id": "id"},
    "attributes": "*",
    "changes": {"key": "id", "keep_previous": True},
    "vanished": "delete",
    "max_vanished": "100%",
}


def write_job(folder: Path, *streams: Mapping[str, Any], **destination: Any) -> None:
    """Write job.yaml; the workspace stands in workspace.db unless the destination is another."""
    to = destination if "region" in destination else {"sandbox": "workspace.db", **destination}
    job = {"destination": to, "streams": [dict(stream) for stream in streams]}
    (folder / "job.yaml").write_text(yaml.safe_dump(job, sort_keys=False))


def export(folder: Path, rows: Sequence[Row], name: str = "people.csv") -> None:
    """Write tonight's export; a column that a row has not is blank."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def night(folder: Path, rows: Sequence[Row], address: str | None = None) -> str:
    """Export and run; returns the run's id."""
    export(folder, rows)
    done = command(folder, address, "run", "job.yaml", "--json")
    assert done.code == 0, done.text
    return str(done.told["run_id"])


def undo(folder: Path, run_id: str, *arguments: str, address: str | None = None) -> Ended:
    """`backfill undo job.yaml RUN --json`."""
    return command(folder, address, "undo", "job.yaml", run_id, "--json", *arguments)


def people(folder: Path) -> dict[str, dict[str, str]]:
    """The attributes of everybody in the workspace, as JSON each, by id."""
    with closing(sqlite3.connect(folder / "workspace.db")) as database:
        found = database.execute("SELECT id, attributes FROM people").fetchall()
    return {
        one: {n: bytes(v).decode() for n, v in attributes_of(told).items()} for one, told in found
    }


def first_seen_at(folder: Path, person: str, at_s: int) -> None:
    """Let the workspace have first seen somebody at another time, unix seconds."""
    with closing(sqlite3.connect(folder / "workspace.db")) as database, database:
        database.execute("UPDATE people SET created = ? WHERE id = ?", (at_s, person))
