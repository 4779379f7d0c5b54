"""The same people as CSV, JSONL and Parquet, in a sandbox: the same workspace."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from backfill import sandbox

from .command import run_job, write_job

ROWS = [
    {
        "id": f"00{n}",
        "name": f'Zoë "{n}",\nnext line',
        "score": n * 1.25,
        "since": 1_300_000_000 + n,
    }
    for n in range(300)
]


def write_source(path: Path) -> None:
    if path.suffix == ".parquet":
        pd.DataFrame(ROWS).to_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(ROWS[0]))
            writer.writeheader()
            writer.writerows(ROWS)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_people_of_every_format_are_the_same_people_in_the_workspace(tmp_path, form):
    write_source(tmp_path / f"people.{form}")
    attributes = {
        "name": "name",
        "score": {"column": "score", "type": "number"},
        "created_at": "since",
    }
    stream = {"name": "people", "source": f"people.{form}", "person": {"id": "id"}}
    write_job(tmp_path, stream | {"attributes": attributes})
    job = (tmp_path / "job.yaml").read_text().replace("region: us", "sandbox: workspace.db")
    (tmp_path / "job.yaml").write_text(job)

    run = run_job(tmp_path, None)

    assert run.code == 0, run.text
    assert sandbox.summary(tmp_path / "workspace.db")["people"] == 300
    for row in (ROWS[0], ROWS[1], ROWS[299]):
        found = sandbox.person(tmp_path / "workspace.db", "id", row["id"])
        assert found is not None
        assert found["attributes"] == {
            "name": row["name"], "score": row["score"], "created_at": row["since"],
        }  # fmt: skip
