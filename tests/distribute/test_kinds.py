"""Streams of every kind over three workers: held, since, compared, folded, limited, refused."""

from __future__ import annotations

import json
import time

from tests.end_to_end.command import command, run_job, write_job
from tests.end_to_end.recorder import Answer, recording

from .jobs import EVENTS, PEOPLE, THREE, arrivals, most_in_a_second, orders, people, spread, write


def told(run) -> dict[str, dict[str, int]]:
    return {one["name"]: one["rows"] for one in run.told["streams"]}


def test_events_that_are_held_back_are_left_and_sent_once_they_are_old(tmp_path):
    rows = orders(range(900))
    for row in rows[::9]:
        row["at"] = str(int(time.time()) - 3_600)
    spread(tmp_path / "orders", rows, 6)
    write_job(tmp_path, EVENTS | {"campaigns": "hold"})

    with recording() as server:
        run = run_job(tmp_path, server.address, *THREE)
        sent = sum(len(posted.operations) for posted in server.posted)
        for row in rows[::9]:
            assert row["key"] not in {o["id"] for p in server.posted for o in p.operations}

    assert run.code == 1, run.text
    assert run.told["held"] == 100
    assert run.told["rows"] | {"rejected": 0} == run.told["rows"]
    assert run.told["rows"]["unprocessed"] == 100
    assert sent == run.told["rows"]["delivered"] == 800


def test_since_goes_on_from_what_all_workers_read(tmp_path):
    spread(tmp_path / "orders", orders(range(600)), 6)
    stream = EVENTS | {"source": "orders/*.csv", "since": {"column": "at", "overlap": 0}}
    write_job(tmp_path, stream)

    with recording() as server:
        first = run_job(tmp_path, server.address, *THREE)
        write(tmp_path / "orders/part-999.csv", orders(range(500, 700)))
        second = run_job(tmp_path, server.address, *THREE)
        ids = [o["id"] for p in server.posted for o in p.operations]

    assert (first.code, second.code) == (0, 0), first.text + second.text
    assert first.told["rows"]["delivered"] == 600
    assert second.told["filtered_by"]["since"] == 99
    assert len(set(ids)) == 700


def test_a_stream_that_compares_is_sent_by_the_driver_at_the_same_pace(tmp_path):
    spread(tmp_path / "orders", orders(range(250)), 6)
    write(tmp_path / "people/all.csv", people(range(250)))
    compared = PEOPLE | {"changes": {"key": "id"}}
    write_job(tmp_path, EVENTS, compared, EVENTS | {"name": "again"}, requests_per_s=30,
              operations_per_s=150)  # fmt: skip

    with recording() as server:
        run = run_job(tmp_path, server.address, *THREE)
        again = run_job(tmp_path, server.address, *THREE)

    assert (run.code, again.code) == (0, 0), run.text
    assert told(run)["people"]["delivered"] == 250
    assert "people: sent by one process, for it compares with what is known" in run.text
    assert most_in_a_second(arrivals(server)) <= 30


def test_a_limit_takes_the_first_rows_and_the_rest_goes_over_workers(tmp_path):
    spread(tmp_path / "people", people(range(900)), 6)
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        first = run_job(tmp_path, server.address, "--limit", "10", *THREE)
        ids = [o["identifiers"]["id"] for p in server.posted for o in p.operations]
        rest = run_job(tmp_path, server.address, *THREE)
        every = [o["identifiers"]["id"] for p in server.posted for o in p.operations]

    assert first.code == rest.code == 0, first.text + rest.text
    assert ids == [f"p{n}" for n in range(10)]
    assert len(every) == len(set(every)) == 900


def test_folded_rows_count_once_each(tmp_path):
    rows = [{"id": f"p{n // 3}", "n": str(n), "note": "x"} for n in range(900)]
    spread(tmp_path / "people", rows, 6)
    write_job(tmp_path, PEOPLE | {"repeats": "fold"})

    with recording() as server:
        run = run_job(tmp_path, server.address, *THREE)

    assert run.code == 0, run.text
    assert run.told["rows"]["read"] == 900
    assert run.told["rows"]["delivered"] == 300
    assert run.told["filtered_by"]["folded"] == 600
    assert sum(len(p.operations) for p in server.posted) == 300


def test_a_file_that_is_changed_under_way_stops_all_workers(tmp_path):
    spread(tmp_path / "people", people(range(6_000), "x" * 100), 6)
    write_job(tmp_path, PEOPLE, operations_per_s=1_000)

    def changing(posted):
        if posted.number == 3:
            for path in (tmp_path / "people").iterdir():
                path.write_text(path.read_text().replace("x", "y"))
        return Answer()

    with recording(changing) as server:
        run = run_job(tmp_path, server.address, *THREE)

    arrived = json.dumps([o for p in server.posted for o in p.operations])
    assert run.code == 1, run.text
    assert "the file changed after the run began" in run.text
    assert "yyy" not in arrived


def test_options_that_do_not_go_together_are_refused(tmp_path):
    spread(tmp_path / "people", people(range(3)), 1)
    write_job(tmp_path, PEOPLE)

    alone = command(tmp_path, "http://127.0.0.1:9", "run", "job.yaml", "--workers", "3")
    strange = command(
        tmp_path, "http://127.0.0.1:9", "run", "job.yaml", "--engine", "local",
        "--ray-address", "x:1",
    )  # fmt: skip

    assert alone.code == strange.code == 2
    assert "add --engine local or ray" in alone.text
    assert "add --engine ray" in strange.text
