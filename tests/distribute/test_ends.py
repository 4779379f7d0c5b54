"""Workers that die, runs that are interrupted, drivers that are killed."""

from __future__ import annotations

import csv
import json
import random
import signal
import time
from collections import Counter, defaultdict

import psutil
import pytest

from tests.end_to_end.command import adds_up, ended, run_job, start, write_job
from tests.end_to_end.recorder import Answer, Posted, Recorder, recording

from .jobs import EVENTS, PEOPLE, THREE, orders, people, spread, until, workers_of, write

IN_FLIGHT, BATCH = 6, 20


def slow(posted: Posted) -> Answer:
    return Answer(delay_s=random.Random(posted.number).uniform(0.0, 0.05))


def seen(server: Recorder) -> Counter[str]:
    """How often each row arrived, by its number."""
    return Counter(
        str(o["attributes"].get("n", o.get("id"))) for p in server.posted for o in p.operations
    )


def unanswered(server: Recorder, at_s: float) -> int:
    """Operations under way at a kill."""
    return sum(
        len(p.operations) for p in server.posted if p.at_s <= at_s + 0.5
        and not 0 < p.answered_s <= at_s
    )  # fmt: skip


@pytest.mark.timeout(180)
@pytest.mark.parametrize("shape", ["each once", "a change log"])
def test_a_worker_that_is_killed_loses_nothing_and_its_shard_goes_on(tmp_path, shape):
    count = 6_000
    who = 1_000_000 if shape == "each once" else 400
    rows = [{"id": f"p{n % who}", "n": str(n), "note": "x"} for n in range(count)]
    for n in range(0, count, 97):
        rows[n]["note"] = "x" * 1_001
    spread(tmp_path / "people", rows, 6)
    write_job(tmp_path, PEOPLE, operations_per_s=80 * BATCH, concurrency=IN_FLIGHT)
    open_ones, draw = 0, random.Random(3)

    with recording(slow) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        for _ in range(2):
            begun = len(server.posted)
            until(lambda: len(server.posted) > begun + 12 or process.poll() is not None)  # noqa: B023
            if not (found := workers_of(process.pid)):
                break
            victim = draw.choice(found)
            victim.kill()
            at_s = time.monotonic()
            time.sleep(0.2)
            open_ones += unanswered(server, at_s)
        run = ended(process)

    arrived = seen(server)
    assert run.code == 3, run.text
    assert set(arrived) == {row["n"] for row in rows if len(row["note"]) == 1}
    assert run.told["rows"]["rejected"] == len(range(0, count, 97))
    assert adds_up(run.told["rows"])
    assert run.told["rows"]["read"] == count
    assert "is lost (ended by SIGKILL)" in run.text
    with (tmp_path / "state/job.rejects/people.csv").open(newline="") as file:
        assert max(Counter((r["_file"], r["_row"]) for r in csv.DictReader(file)).values()) == 1
    if shape == "a change log":
        latest = defaultdict(int)
        for posted in server.posted:
            for operation in posted.operations:
                latest[operation["identifiers"]["id"]] = int(operation["attributes"]["n"])
        right = {row["id"]: int(row["n"]) for row in rows if len(row["note"]) == 1}
        assert dict(latest) == right


@pytest.mark.timeout(120)
@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_sole_worker_that_is_killed_is_no_excuse_for_another_order(tmp_path, workers):
    rows = [{"id": f"p{n % 100}", "n": str(n), "note": "x"} for n in range(1_200)]
    spread(tmp_path / "people", rows, 6)
    write_job(tmp_path, PEOPLE, operations_per_s=20 * BATCH, concurrency=1)  # so it is sole

    with recording() as server:
        words = ("run", "job.yaml", "--json", "--engine", "local", "--workers", workers)
        process = start(tmp_path, server.address, *words)
        until(lambda: len(server.posted) > 14)
        (worker,) = workers_of(process.pid)
        worker.kill()
        run = ended(process)

    latest = {o["identifiers"]["id"]: o["attributes"]["n"] for o in server.accepted}
    assert run.code == 0, run.text
    assert run.told["rows"]["delivered"] == 1_200
    assert latest == {row["id"]: row["n"] for row in rows}


@pytest.mark.timeout(120)
def test_what_a_dead_worker_had_in_flight_is_applied_before_the_next_stream(tmp_path):
    spread(tmp_path / "orders", orders(range(400)), 4)
    write(tmp_path / "erased.csv", people(range(50)))
    erased = {"name": "erased", "source": "erased.csv", "person": {"id": "id"}, "action": "delete"}
    write_job(tmp_path, EVENTS, erased, operations_per_s=50 * BATCH)

    def long(posted: Posted) -> Answer:
        return Answer(delay_s=6.0 if posted.number == 0 else 0.01)

    with recording(long) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        until(lambda: server.posted)
        for worker in workers_of(process.pid):
            worker.kill()
        run = ended(process)

    applied = sorted(server.posted, key=lambda one: one.at_s + one.answer.delay_s)
    actions = [one.get("action") for posted in applied for one in posted.operations]
    assert run.code == 0, run.text
    assert actions[-50:] == ["delete"] * 50
    assert "delete" not in actions[:-50]


@pytest.mark.timeout(120)
def test_rows_that_end_every_worker_end_the_run_and_are_named(tmp_path):
    write(tmp_path / "orders/all.csv.gz", orders(range(2_000)))
    write_job(tmp_path, EVENTS, operations_per_s=2_000)

    with recording(lambda _: Answer(delay_s=60.0)) as server:
        words = ("run", "job.yaml", "--json", "--engine", "local", "--workers", "1")
        process = start(tmp_path, server.address, *words)
        seen_before = 0
        while process.poll() is None:  # each has read rows and sent some when it ends
            until(lambda: len(server.posted) > seen_before or process.poll() is not None)  # noqa: B023
            for worker in workers_of(process.pid):
                worker.kill()
            time.sleep(0.2)
            seen_before = len(server.posted)
        run = ended(process)

    assert run.code == 1, run.text
    assert "workers in a row were lost with the same rows" in run.text
    assert "orders/all.csv.gz from row 1 on" in run.text
    assert len(server.posted) < 40


@pytest.mark.timeout(120)
def test_workers_that_die_and_get_on_in_between_never_end_the_run(tmp_path):
    spread(tmp_path / "orders", orders(range(2_400)), 6)
    write_job(tmp_path, EVENTS, operations_per_s=400, concurrency=2)

    with recording() as server:
        words = ("run", "job.yaml", "--json", "--engine", "local", "--workers", "1")
        process = start(tmp_path, server.address, *words)
        for _ in range(6):
            begun = len(server.posted)
            until(lambda: len(server.posted) > begun + 6 or process.poll() is not None)  # noqa: B023
            for worker in workers_of(process.pid):
                worker.kill()
        run = ended(process)

    assert run.code == 0, run.text
    assert run.text.count("is lost (ended by SIGKILL)") == 6
    assert run.told["rows"]["delivered"] == 2_400


@pytest.mark.timeout(120)
def test_what_is_told_of_events_is_told_once_whoever_dies(tmp_path):
    rows = [row | {"at": "4000000000"} for row in orders(range(3_000))]
    spread(tmp_path / "orders", rows, 6)
    write_job(tmp_path, EVENTS | {"campaigns": "allow"}, operations_per_s=80 * BATCH)

    with recording() as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        until(lambda: len(server.posted) > 8)
        for worker in workers_of(process.pid):
            worker.kill()
        run = ended(process)

    assert run.code == 0, run.text
    assert "events that lie in the future: 3,000" in run.text


@pytest.mark.timeout(120)
def test_a_worker_that_hears_nothing_is_not_waited_for_when_the_run_is_to_end(tmp_path):
    spread(tmp_path / "orders", orders(range(3_000)), 6)
    write_job(tmp_path, EVENTS, operations_per_s=10 * BATCH)

    with recording() as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        until(lambda: len(server.posted) > 8)
        workers_of(process.pid)[0].suspend()
        process.terminate()
        run = ended(process, 100)

    assert run.code == 143, run.text
    assert adds_up(run.told["rows"])
    assert "silent" not in run.text


@pytest.mark.timeout(180)
def test_a_driver_that_is_killed_takes_its_workers_along_and_the_next_run_goes_on(tmp_path):
    spread(tmp_path / "orders", orders(range(4_000)), 8)
    write_job(tmp_path, EVENTS, operations_per_s=80 * BATCH, concurrency=IN_FLIGHT)

    with recording(slow) as server:
        for _ in range(3):
            begun = len(server.posted)
            process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
            until(lambda: len(server.posted) > begun + 20 or process.poll() is not None)  # noqa: B023
            found = workers_of(process.pid)
            process.kill()
            process.communicate()
            psutil.wait_procs(found, timeout=10)
            assert not any(one.is_running() for one in found)
        run = run_job(tmp_path, server.address)  # by one process

    ids = [operation["id"] for posted in server.posted for operation in posted.operations]
    assert run.code == 0, run.text
    assert run.told["rows"]["delivered"] == 4_000
    assert len(set(ids)) == 4_000
    assert len(ids) - len(set(ids)) <= 3 * 4 * IN_FLIGHT * BATCH


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_lets_what_is_in_flight_finish_and_goes_on(tmp_path, number, code):
    spread(tmp_path / "people", people(range(3_000)), 8)
    write_job(tmp_path, PEOPLE, operations_per_s=80 * BATCH, concurrency=IN_FLIGHT)

    with recording(lambda _: Answer(delay_s=0.1)) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        until(lambda: len(server.posted) > 20)
        process.send_signal(number)
        stopped = ended(process)
        run = run_job(tmp_path, server.address, "--engine", "local", "--workers", "2")

    assert stopped.code == code, stopped.text
    assert adds_up(stopped.told["rows"])
    assert stopped.told["rows"]["delivered"] == stopped.told["operations"]["delivered"] > 0
    assert run.code == 0, run.text
    assert run.told["rows"]["delivered"] == 3_000
    assert max(seen(server).values()) == 1


def test_a_second_interrupt_abandons_what_is_in_flight(tmp_path):
    spread(tmp_path / "people", people(range(3_000)), 8)
    write_job(tmp_path, PEOPLE, operations_per_s=2_000)

    with recording(lambda _: Answer(delay_s=30.0)) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        until(lambda: len(server.posted) > 3)
        for _ in range(2):
            process.terminate()
            time.sleep(0.5)
        stopped = ended(process, 20)

    assert stopped.code == 143, stopped.text
    assert stopped.told["rows"]["delivered"] == 0


def test_workers_that_never_live_end_the_run(tmp_path):
    spread(tmp_path / "people", people(range(3_000)), 8)
    write_job(tmp_path, PEOPLE)

    with recording(lambda _: Answer(delay_s=30.0)) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        while process.poll() is None:
            for worker in workers_of(process.pid):
                worker.kill()
            time.sleep(0.05)
        run = ended(process)

    assert run.code == 1, run.text
    assert "workers do not live: ended by SIGKILL" in run.text
    assert run.told["rows"]["delivered"] == 0


def test_nothing_that_a_worker_was_started_with_holds_the_key(tmp_path):
    spread(tmp_path / "people", people(range(300)), 3)
    write_job(tmp_path, PEOPLE)

    with recording(lambda _: Answer(delay_s=1.0)) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        until(lambda: len(server.posted) > 0)
        words = [" ".join(one.cmdline()) for one in workers_of(process.pid)]
        run = ended(process)

    assert run.code == 0, run.text
    assert words
    assert "key-nobody-may-see" not in json.dumps([words, run.text, run.told])


@pytest.mark.timeout(120)
def test_a_run_whose_first_shard_stood_still_leaves_no_row_of_it_behind(tmp_path):
    write(tmp_path / "orders/all.csv", orders(range(20_000), "n" * 400))
    write_job(tmp_path, EVENTS, operations_per_s=4_000)

    with recording() as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        until(lambda: workers_of(process.pid))
        found = workers_of(process.pid)
        until(lambda: server.posted)
        first = found[0]
        first.suspend()
        begun = len(server.posted)
        until(lambda: len(server.posted) > begun + 40)
        process.kill()
        first.kill()
        process.communicate()
        run = run_job(tmp_path, server.address)

    ids = {operation["id"] for posted in server.posted for operation in posted.operations}
    assert run.code == 0, run.text
    assert run.told["rows"]["read"] == run.told["rows"]["delivered"] == len(ids) == 20_000


@pytest.mark.timeout(120)
def test_what_a_dead_worker_had_in_flight_is_applied_before_what_follows(tmp_path):
    rows = [{"id": f"p{n % 240}", "n": str(n), "note": "x"} for n in range(2_400)]
    spread(tmp_path / "people", rows, 6)
    write_job(tmp_path, PEOPLE, operations_per_s=40 * BATCH, concurrency=IN_FLIGHT)

    def long(posted: Posted) -> Answer:
        return Answer(delay_s=8.0 if 20 <= posted.number < 26 else 0.01)

    with recording(long) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json", *THREE)
        until(lambda: len(server.posted) > 22)
        for worker in workers_of(process.pid)[:2]:
            worker.kill()
        run = ended(process)

    latest = defaultdict(int)
    for posted in sorted(server.posted, key=lambda one: one.at_s + one.answer.delay_s):
        for operation in posted.operations:
            latest[operation["identifiers"]["id"]] = int(operation["attributes"]["n"])
    assert run.code == 0, run.text
    assert dict(latest) == {row["id"]: int(row["n"]) for row in rows}
