"""Workers that read from a store: files that are cut, row groups, compressed ones."""

from __future__ import annotations

import time

import pytest

from tests.end_to_end.command import ended, run_job, start, write_job
from tests.end_to_end.recorder import Answer, recording
from tests.stores.store import SECRET, uri

from .jobs import EVENTS, PEOPLE, THREE, canonical, orders, people, rejects, until, write


def put(store, folder, name, rows) -> str:
    """Rows as an object; returns where it is."""
    write(folder / name, rows)
    store.put(f"exports/{name}", (folder / name).read_bytes())
    return uri(f"exports/{name}")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "csv.gz"])
def test_an_object_is_cut_for_workers_and_sent_as_a_file_is(tmp_path, store, ending):
    rows = people(range(9_000), "y" * 700)
    for row in rows[5::997]:
        row["note"] = "z" * 1_001
    stream = PEOPLE | {"source": put(store, tmp_path, f"people.{ending}", rows)}
    sent, refused = [], []
    for place, words in (("one", ()), ("three", THREE)):
        write_job(tmp_path, stream)
        options = ("--set", f"checkpoint={place}/job.checkpoint", "--set", f"rejects={place}/no")
        with recording() as server:
            run = run_job(tmp_path, server.address, *options, *words)
        assert run.code == 3, run.text
        assert SECRET not in run.text
        sent.append(canonical(o for p in server.posted for o in p.operations))
        refused.append(rejects(tmp_path / place / "no"))

    assert sent[0] == sent[1]
    assert refused[0] == refused[1] != []


def test_a_run_over_workers_that_read_from_a_store_is_killed_and_goes_on(tmp_path, store):
    sources = [put(store, tmp_path, f"{n}.csv", orders(range(n, n + 500))) for n in (0, 500, 1_000)]
    write_job(tmp_path, EVENTS | {"source": sources}, operations_per_s=2_000)

    with recording(lambda _: Answer(delay_s=0.05)) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        until(lambda: len(server.posted) > 15)
        process.kill()
        process.communicate()
        time.sleep(0.3)
        run = ended(start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE))

    ids = [o["id"] for p in server.posted for o in p.operations]
    assert run.code == 0, run.text
    assert run.told["rows"]["delivered"] == len(set(ids)) == 1_500


def test_an_object_that_is_replaced_while_workers_read_stops_them(tmp_path, store):
    source = put(store, tmp_path, "people.csv", people(range(9_000), "y" * 700))
    write_job(tmp_path, PEOPLE | {"source": source}, operations_per_s=1_000)

    def replacing(posted):
        if posted.number == 3:
            put(store, tmp_path, "people.csv", people(range(9_000), "n" * 700))
        return Answer()

    with recording(replacing) as server:
        run = run_job(tmp_path, server.address, *THREE)

    notes = {o["attributes"]["note"][:1] for p in server.posted for o in p.operations}
    assert run.code == 1, run.text
    assert notes == {"y"}
