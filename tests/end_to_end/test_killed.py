"""A run that is killed again and again, and then finished."""

from __future__ import annotations

import csv
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backfill.checkpoint import peek

from .command import adds_up, ended, run_job, start, write_job
from .recorder import Answer, Posted, Recorder, recording

ROWS, BATCH, IN_FLIGHT = 6_000, 20, 6
TOO_LONG = {n for n in range(ROWS) if n % 97 == 5}
REFUSED_BY_API = {n for n in range(ROWS) if n % 101 == 7}


def refusing(posted: Posted) -> Answer:
    errors = [
        {"batch_index": i, "reason": "invalid", "field": "attributes.n", "message": "no"}
        for i, operation in enumerate(posted.operations)
        if int(operation["attributes"]["n"]) in REFUSED_BY_API
    ]
    body = json.dumps({"errors": errors}).encode() if errors else b"{}\n"
    return Answer(207 if errors else 200, body, delay_s=random.uniform(0.0, 0.05))


def write_source(path: Path) -> None:
    rows = [{"id": f"p{n}", "n": str(n), "note": "x" * 1_001 if n in TOO_LONG else "x"}
            for n in range(ROWS)]  # fmt: skip
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=1_000)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["id", "n", "note"])
            writer.writeheader()
            writer.writerows(rows)


@dataclass
class Kills:
    """What was under way at each kill, in operations."""

    in_flight: list[int] = field(default_factory=list)
    not_durable: list[int] = field(default_factory=list)

    def note(self, server: Recorder, at_s: float, checkpoint: Path) -> None:
        """Count what the kill at `at_s` left open; some of it may have arrived after the kill."""
        answered = [p for p in server.posted if 0 < p.answered_s <= at_s]
        waiting = [p for p in server.posted if not 0 < p.answered_s <= at_s]
        kept = peek(checkpoint).counts.values()
        durable = sum(c.operations_delivered + c.operations_rejected for c in kept)
        known = {o["identifiers"]["id"] for p in answered for o in p.operations}
        self.in_flight.append(sum(len(p.operations) for p in waiting))
        self.not_durable.append(len(known) - durable)


def rejected_rows(folder: Path, form: str) -> list[int]:
    """The `_row` of every rejected row."""
    if form == "parquet":
        return pq.read_table(folder / "people.parquet")["_row"].to_pylist()
    with (folder / "people.csv").open(newline="") as file:
        return [int(row["_row"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("form", "kills"), [("csv", 10), ("parquet", 3)])
@pytest.mark.timeout(300)
def test_a_run_killed_at_random_moments_loses_nothing_and_rejects_each_row_once(
    tmp_path, form, kills
):
    write_source(tmp_path / f"people.{form}")
    stream = {"name": "people", "source": f"people.{form}", "person": {"id": "id"}}
    stream |= {"attributes": {"n": "n", "note": "note"}}
    write_job(tmp_path, stream, operations_per_s=80 * BATCH, concurrency=IN_FLIGHT)
    checkpoint, draw, found = tmp_path / "state/job.checkpoint", random.Random(7), Kills()

    with recording(refusing) as server:
        for _ in range(kills):
            process = start(tmp_path, server.address, "run", "job.yaml", "--json")
            begun = len(server.posted)
            while len(server.posted) == begun and process.poll() is None:
                time.sleep(0.005)
            time.sleep(draw.uniform(0.0, 0.25))
            process.kill()
            at_s = time.monotonic()
            process.communicate()
            time.sleep(0.2)  # the server reads what the dead process had written
            found.note(server, at_s, checkpoint)
        run = run_job(tmp_path, server.address)

    seen = Counter(int(o["attributes"]["n"]) for p in server.posted for o in p.operations)
    repeats = sum(times - 1 for times in seen.values())
    assert set(seen) == set(range(ROWS)) - TOO_LONG
    assert repeats <= sum(found.in_flight) + sum(found.not_durable)
    assert max(found.in_flight) <= IN_FLIGHT * BATCH
    assert run.code == 3
    assert run.told["rows"]["rejected"] == len(TOO_LONG | REFUSED_BY_API)
    assert run.told["rows"]["delivered"] == ROWS - len(TOO_LONG | REFUSED_BY_API)
    assert adds_up(run.told["rows"])
    assert sorted(rejected_rows(tmp_path / "state/job.rejects", form)) == sorted(
        n + 1 for n in TOO_LONG | REFUSED_BY_API
    )


def test_a_second_interrupt_abandons_what_is_in_flight_and_loses_nothing(tmp_path):
    write_source(tmp_path / "people.csv")
    stream = {"name": "people", "source": "people.csv", "person": {"id": "id"}}
    write_job(tmp_path, stream, operations_per_s=2_000, concurrency=4)
    is_slow = True

    with recording(lambda _: Answer(delay_s=20.0 if is_slow else 0.0)) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json")
        while not server.posted:
            time.sleep(0.01)
        for _ in range(2):
            process.terminate()
            time.sleep(0.3)
        stopped = ended(process)
        is_slow = False
        run = run_job(tmp_path, server.address)

    assert stopped.code == 143
    assert stopped.told["rows"]["delivered"] == 0
    assert run.told["rows"]["delivered"] == ROWS
