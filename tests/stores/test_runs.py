"""Whole commands over objects in a store: what they send, leave and say."""

from __future__ import annotations

import csv
import gzip
import json
import signal
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backfill import sandbox
from tests.arrivals.folders import Nights
from tests.end_to_end.command import command, ended, run_job, start, write_job
from tests.end_to_end.people import PEOPLE, write_people
from tests.end_to_end.recorder import Answer, recording

from .hostile import hostile
from .store import SECRET, here, uri

EVENTS = {
    "name": "orders",
    "person": {"id": "id"},
    "event": {"name": "ordered", "timestamp": "at", "key": "row"},
    "attributes": {"note": "note"},
}
ROWS = 600
#: Refused before they are sent: an event without a time is none.
TIMELESS = frozenset(range(7, ROWS, 50))
ORDERS = [
    {"id": f"p{n % 40}", "at": "" if n in TIMELESS else str(1_400_000_000 + n), "note": f"{n}"}
    for n in range(ROWS)
]


SUFFIXES = (".csv", ".jsonl", ".parquet")


def write_orders(path: Path) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ORDERS), path, row_group_size=70)
        return
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(row) + "\n" for row in ORDERS)
    else:
        text = "id,at,note\n" + "".join(f"{','.join(row.values())}\n" for row in ORDERS)
    path.write_bytes(
        gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode()
    )


def rejected(folder: Path) -> list[dict[str, object]]:
    (path,) = (p for p in (folder / "state/job.rejects").iterdir() if p.suffix in SUFFIXES)
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", ["orders.csv", "orders.jsonl", "orders.csv.gz", "orders.parquet"])
def test_events_have_the_same_ids_and_rejects_the_same_rows_as_of_a_file(tmp_path, store, name):
    posted, rejects = [], []
    for source in (name, uri(name)):
        folder = tmp_path / str(len(posted))
        folder.mkdir()
        write_orders(folder / name)
        store.put(name, (folder / name).read_bytes())
        write_job(folder, EVENTS | {"source": source})
        with recording() as server:
            done = run_job(folder, server.address)
        assert done.code == 3, done.text
        posted.append([operation for post in server.posted for operation in post.operations])
        rejects.append(rejected(folder))

    files = [{row["_file"] for row in rows} for rows in rejects]
    without = [[{**row, "_file": ""} for row in rows] for rows in rejects]
    assert posted[0] == posted[1]
    assert len(posted[0]) == ROWS - len(TIMELESS)
    assert without[0] == without[1]
    assert files == [{name}, {uri(name)}]


def test_mended_rejects_of_an_object_are_known_by_its_uri(tmp_path, store):
    write_orders(tmp_path / "orders.csv")
    store.put("in/orders.csv", (tmp_path / "orders.csv").read_bytes())
    write_job(tmp_path, EVENTS | {"source": uri("in/*.csv")})
    with recording() as server:
        run_job(tmp_path, server.address)
        text = (tmp_path / "state/job.rejects/orders.csv").read_text()
        mended = [line.replace(",,", ",1400000000,", 1) for line in text.splitlines()]
        (tmp_path / "mended.csv").write_text("\n".join(mended) + "\n")
        sent = run_job(tmp_path, server.address, "--only", "orders", "--source", "mended.csv")
        asked = command(tmp_path, server.address, "rejects", "job.yaml")

    ids = [o["id"] for post in server.posted for o in post.operations]
    assert sent.told["rows"]["delivered"] == len(TIMELESS), sent.text
    assert len(set(ids)) == ROWS
    assert (sent.code, asked.code) == (0, 0), asked.text


def write_sandbox_job(folder: Path, source: str, **pace: int) -> None:
    write_job(folder, PEOPLE | {"source": source}, **pace)
    text = (folder / "job.yaml").read_text()
    (folder / "job.yaml").write_text(text.replace("region: us", "sandbox: workspace.db"))


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_run_that_was_ended_goes_on_and_loses_nothing(tmp_path, store, suffix, ending, code):
    write_people(tmp_path / f"people{suffix}", 3_000)
    store.put(f"in/people{suffix}", (tmp_path / f"people{suffix}").read_bytes())
    write_sandbox_job(tmp_path, uri("in/"), operations_per_s=600)
    process = start(tmp_path, None, "run", "job.yaml", "--json")
    while not _people(tmp_path) and process.poll() is None:
        time.sleep(0.02)

    process.send_signal(ending)
    stopped = ended(process)
    in_between = _people(tmp_path)
    done = run_job(tmp_path, None, "--set", "destination.operations_per_s=100000")

    assert stopped.code == code, stopped.text
    assert 0 < in_between < 3_000
    assert done.code == 0, done.text
    assert _people(tmp_path) == 3_000


def _people(folder: Path) -> int:
    path = folder / "workspace.db"
    return int(sandbox.summary(path)["people"]) if path.exists() else 0


def test_a_new_object_is_sent_and_the_ones_before_are_not(tmp_path, store):
    store.put("in/1.csv", b"id,note\na,1\n")
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE | {"source": uri("in/*.csv")})
        first, _ = nights.run()
        store.put("in/2.csv", b"id,note\nb,1\n")
        store.put("in/copy.csv", b"id,note\na,1\n")
        second, told = nights.run()
        for key in ("in/1.csv", "in/2.csv", "in/copy.csv"):
            store.remove(key)
        third, empty = nights.run()

    assert (first, second, third) == (["a"], ["b"], [])
    assert f"under another name: {uri('in/copy.csv')} (as {uri('in/1.csv')})" in told.text
    assert empty.code == 0, empty.text


def test_only_what_differs_is_sent_of_an_export_that_is_replaced(tmp_path, store):
    stream = PEOPLE | {"source": uri("people.csv"), "changes": {"key": "id"}}
    with recording() as server:
        nights = Nights(tmp_path, server, stream)
        store.put("people.csv", b"id,note\na,1\nb,1\n")
        nights.run()
        store.put("people.csv", b"id,note\na,1\nb,2\nc,1\n")
        sent, told = nights.run()

    assert sent == ["b", "c"]
    assert told.code == 0, told.text


def test_an_object_replaced_in_the_middle_stops_the_run_and_put_back_loses_nothing(tmp_path, store):
    whole = b"id,value\n" + b"".join(b"p%d,%s\n" % (n, b"x" * 900) for n in range(12_000))
    other = whole.replace(b"x", b"y")
    store.put("people.csv", whole)
    # One request at a time: reading is never far ahead of what is sent.
    stream = PEOPLE | {"source": uri("people.csv")}
    write_job(tmp_path, stream, operations_per_s=100_000, concurrency=1)
    is_first = True

    def answer(posted) -> Answer:
        if is_first and posted.number == 0:
            store.put("people.csv", other)
        return Answer()

    with recording(answer) as server:
        stopped = run_job(tmp_path, server.address)
        sent = [o for post in server.posted for o in post.operations]
        is_first = False
        store.put("people.csv", whole)
        done = run_job(tmp_path, server.address)
        every = [o for post in server.posted for o in post.operations]

    assert stopped.code == 1
    assert stopped.told["error"]["what"] == "the file changed after the run began"
    assert 0 < len(sent) < 12_000
    assert done.code == 0, done.text
    assert {o["identifiers"]["id"] for o in every} == {f"p{n}" for n in range(12_000)}
    assert all("y" not in o["attributes"]["value"] for o in every)


@pytest.mark.parametrize(
    "arguments",
    [("check", "job.yaml"), ("plan", "job.yaml"), ("status", "job.yaml"), ("why", "job.yaml", "p1"),
     ("init", uri("in/"), "--output", "new.yaml"), ("run", "job.yaml", "--full")],
)  # fmt: skip
def test_every_command_reads_objects_and_ends_cleanly(tmp_path, store, arguments):
    write_people(tmp_path / "people.csv", 30)
    store.put("in/people.csv", (tmp_path / "people.csv").read_bytes())
    write_job(tmp_path, PEOPLE | {"source": uri("in/*.csv")})
    with recording() as server:
        first = run_job(tmp_path, server.address)
        told = command(tmp_path, server.address, *arguments)

    assert first.code == 0, first.text
    assert told.code == 0, told.text
    assert not any(word in told.text for word in (SECRET, "Traceback", "arning", "Error"))


def test_a_config_that_is_written_for_objects_names_them(tmp_path, store):
    write_people(tmp_path / "people.jsonl", 30)
    store.put("in/people.jsonl", (tmp_path / "people.jsonl").read_bytes())

    with recording() as server:
        written = command(tmp_path, server.address, "init", uri("in/people.jsonl"))
        checked = command(tmp_path, server.address, "check", "backfill.yaml")

    assert written.code == 0, written.text
    assert uri("in/people.jsonl") in (tmp_path / "backfill.yaml").read_text()
    assert checked.code == 0, checked.text


def test_objects_are_not_moved_and_mended_rows_are_read_from_here(tmp_path, store):
    store.put("in/people.csv", b"id,note\na,1\n")
    write_job(tmp_path, PEOPLE | {"source": uri("in/")})
    with recording() as server:
        moving = run_job(tmp_path, server.address, "--done-folder", "done")
        mended = run_job(
            tmp_path, server.address, "--only", "people", "--source", uri("in/people.csv")
        )

    assert (moving.code, mended.code) == (2, 2)
    assert moving.told["error"]["what"] == "objects in a store are not moved"
    assert mended.told["error"]["fix"] == "copy it here, and name the copy"
    assert server.posted == []


def test_a_store_that_refuses_stops_a_run_before_the_first_request(tmp_path, monkeypatch):
    write_job(tmp_path, PEOPLE | {"source": uri("people.csv")})
    with hostile("denied") as store, recording() as server:
        here(monkeypatch, store.address)
        stopped = run_job(tmp_path, server.address)

    assert stopped.code == 1
    assert stopped.told["error"]["where"] == uri("people.csv")
    assert SECRET not in stopped.text + json.dumps(stopped.told)
    assert server.posted == []


def test_who_reads_from_this_machine_does_not_wait_for_stores(tmp_path, monkeypatch):
    write_people(tmp_path / "people.csv", 3)
    write_job(tmp_path, PEOPLE)
    with hostile("denied") as store, recording() as server:
        here(monkeypatch, store.address)
        done = run_job(tmp_path, server.address)

    assert done.code == 0, done.text
    assert store.asked == []
