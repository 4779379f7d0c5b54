"""A Ray cluster of three nodes on this machine, whose workers, node and driver are killed.

BACKFILL_SPREAD_ROWS=300000 pytest tests/distribute/test_ray.py
"""

from __future__ import annotations

import json
import os
import random
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from backfill.checkpoint import peek
from backfill.distribute.on_ray import RayEngine
from backfill.errors import UsageError
from backfill.sandbox import requests
from tests.end_to_end.command import command, ended, environ, start, write_job
from tests.end_to_end.recorder import recording
from tests.stores.store import SECRET, uri

from .jobs import EVENTS, PEOPLE, most_in_a_second, orders, people, spread, until

ROWS = int(os.environ.get("BACKFILL_SPREAD_ROWS", "6000"))
FILES = 20  # of each of the two streams
REQUESTS_PER_S, OPERATIONS_PER_S = 60, max(2_000, ROWS // 10)
SITE, KEY = "site", "key-nobody-may-see"


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, Any]]:
    """Where it is, and the processes of its nodes; what a test kills of it stays dead."""
    script = Path(__file__).parent / "cluster.py"
    process = subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield json.loads(process.stdout.readline())
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.communicate(timeout=60)
        for one in family:
            if one.is_running():
                one.kill()


@pytest.fixture
def sandbox(tmp_path) -> Iterator[tuple[str, Path]]:
    """A Track API in a process of its own: its address, and what it keeps."""
    state = tmp_path / "workspace.db"
    words = ["sandbox", "--port", "0", "--state", str(state)]
    process = start(tmp_path, None, *words)
    try:
        yield process.stdout.readline().split()[-1], state
    finally:
        process.terminate()
        process.communicate()


def taken(state: Path) -> int:
    """Operations that took effect, repeats included."""
    return sum(one["operations"] - one["refused"] for one in requests(state))


def asked(state: Path) -> list[float]:
    """When each batch came."""
    return [one["at"] for one in requests(state) if one["operations"]]


def kept(state: Path) -> tuple[int, int]:
    """People, and events."""
    with closing(sqlite3.connect(state)) as database:
        return tuple(
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("people", "events")
        )


def actors(raylet: int) -> list[psutil.Process]:
    """The workers on a node."""
    found = psutil.Process(raylet).children(recursive=True)
    return [one for one in found if "Actor" in " ".join(one.cmdline())]


@pytest.mark.timeout(600)
def test_the_same_job_is_read_from_a_store_and_goes_on_after_an_interruption(
    tmp_path, cluster, sandbox, store
):
    address, state = sandbox
    for name, rows in (("people", people(range(ROWS))), ("orders", orders(range(ROWS)))):
        spread(tmp_path / name, rows, FILES)
        for path in (tmp_path / name).iterdir():
            store.put(f"exports/{name}/{path.name}", path.read_bytes())
            path.unlink()
    streams = [one | {"source": uri(f"exports/{one['name']}/")} for one in (PEOPLE, EVENTS)]
    write_job(tmp_path, *streams, requests_per_s=REQUESTS_PER_S, operations_per_s=OPERATIONS_PER_S)
    words = ["run", "job.yaml", "--json", "--engine", "ray", "--ray-address", cluster["address"]]

    process = start(tmp_path, address, *words)
    until(lambda: taken(state) > ROWS // 2, 120)
    process.terminate()
    stopped = ended(process)
    run = ended(start(tmp_path, address, *words), 300)

    assert stopped.code == 143, stopped.text
    assert run.code == 0, run.text
    assert 0 < stopped.told["rows"]["delivered"] < run.told["rows"]["delivered"] == 2 * ROWS
    assert kept(state) == (ROWS, ROWS)
    assert taken(state) == 2 * ROWS
    assert most_in_a_second(asked(state)) <= REQUESTS_PER_S
    assert SECRET not in stopped.text + run.text


@pytest.mark.timeout(600)
def test_a_job_goes_on_when_a_worker_a_node_and_the_driver_are_killed(tmp_path, cluster, sandbox):
    address, state = sandbox
    spread(tmp_path / "people", people(range(ROWS), "a note of a person " * 4), FILES)
    spread(tmp_path / "orders", orders(range(ROWS), "a note on an order " * 4), FILES)
    write_job(
        tmp_path, PEOPLE, EVENTS, requests_per_s=REQUESTS_PER_S,
        operations_per_s=OPERATIONS_PER_S, concurrency=9,
    )  # fmt: skip
    words = ["run", "job.yaml", "--json", "--engine", "ray", "--ray-address", cluster["address"]]

    process = start(tmp_path, address, *words, "--workers", "3")
    until(lambda: taken(state) > ROWS // 4, 120)
    random.Random(1).choice([one for node in cluster["nodes"] for one in actors(node)]).kill()
    until(lambda: taken(state) > ROWS // 2, 120)
    for one in [*actors(cluster["nodes"][2]), psutil.Process(cluster["nodes"][2])]:
        one.kill()
    until(lambda: taken(state) > ROWS, 120)
    process.kill()
    words_of_the_killed = process.communicate()[1]
    time.sleep(2.0)  # the workers are gone, and the sandbox has read what they had written
    saved = peek(tmp_path / "state/job.checkpoint")
    durable = sum(counts.operations_delivered for counts in saved.counts.values())
    open_at_the_kill = taken(state) - durable
    before = taken(state)
    run = ended(start(tmp_path, address, *words, "--workers", "2"), 300)

    largest = max(one["operations"] for one in requests(state))
    assert run.code == 0, run.text
    assert run.told["rows"]["delivered"] == 2 * ROWS
    assert kept(state) == (ROWS, ROWS)
    assert before > ROWS
    assert taken(state) - 2 * ROWS <= open_at_the_kill + 2 * 2 * 3 * largest
    assert open_at_the_kill <= 2 * 9 * largest
    assert most_in_a_second(asked(state)) <= REQUESTS_PER_S
    assert words_of_the_killed.count("is lost") == 2, words_of_the_killed
    assert Counter(re.findall(r"(worker \d+) is ready", words_of_the_killed)).total() >= 4
    assert KEY not in words_of_the_killed + run.text


def test_a_program_that_has_joined_a_cluster_runs_there_and_stays_in_it(cluster, tmp_path):
    script = """
import json, ray, sys, backfill
ray.init(sys.argv[1], configure_logging=False, log_to_driver=False)
try:
    backfill.run("job.yaml", engine="ray", ray_address="127.0.0.1:1")
except backfill.BackfillError as error:
    refused = error.what
result = backfill.run("job.yaml", engine="ray", workers=2)
print(json.dumps([refused, result.state, result.rows.delivered, ray.is_initialized()]))
"""
    spread(tmp_path / "people", people(range(300)), 3)
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        told = subprocess.run(
            [sys.executable, "-c", script, cluster["address"]],
            cwd=tmp_path, env=environ(server.address), capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    refused, *ran = json.loads(told.stdout.splitlines()[-1])
    assert refused == f"this process has joined another Ray cluster, at {cluster['address']}"
    assert ran == ["completed", 300, True], told.stderr


@pytest.mark.timeout(300)
def test_a_cluster_whose_head_dies_ends_the_run_in_order(tmp_path, cluster, sandbox):
    address, state = sandbox
    spread(tmp_path / "orders", orders(range(6_000)), FILES)
    write_job(tmp_path, EVENTS, operations_per_s=200)
    words = ["run", "job.yaml", "--json", "--engine", "ray", "--ray-address", cluster["address"]]

    process = start(tmp_path, address, *words)
    until(lambda: taken(state) > 300, 60)
    psutil.Process(cluster["gcs"]).kill()
    stopped = ended(process, 50)
    run = command(
        tmp_path, address, "run", "job.yaml", "--json", "--set", "destination.operations_per_s=9000"
    )

    assert stopped.code == 1, stopped.text
    assert stopped.told["state"] == "stopped"
    assert "the Ray cluster is gone" in stopped.text
    assert stopped.told["rows"]["delivered"] > 0
    assert run.code == 0, run.text
    assert run.told["rows"]["delivered"] == kept(state)[1] == 6_000


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ray://127.0.0.1:10001", "not ray://, which is Ray Client"),
        ("127.0.0.1", "--ray-address HOST:6379"),
        (None, "no Ray cluster answers at 127.0.0.1:"),  # another server
    ],
)
def test_an_address_that_is_no_cluster_is_refused_at_once(tmp_path, given, said):
    spread(tmp_path / "people", people(range(10)), 2)
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        given = given or server.address.removeprefix("http://")
        words = ("run", "job.yaml", "--json", "--engine", "ray", "--ray-address", given)
        run = command(tmp_path, server.address, *words)

    assert run.code == 2, run.text
    assert said in run.text
    assert server.posted == []


def test_a_cluster_that_is_not_there_is_said_in_one_sentence(tmp_path):
    spread(tmp_path / "people", people(range(10)), 2)
    write_job(tmp_path, PEOPLE)

    run = command(
        tmp_path, "http://127.0.0.1:9", "run", "job.yaml", "--json", "--engine", "ray",
        "--ray-address", "127.0.0.1:9",
    )  # fmt: skip

    assert run.code == 2, run.text
    assert "no Ray cluster answers at 127.0.0.1:9" in run.text
    assert "--ray-address HOST:6379" in run.text


def test_a_driver_on_a_machine_that_is_no_node_is_told_so_at_once(monkeypatch):
    from ray._private import services

    def settings(listener: socket.socket) -> None:
        way, _ = listener.accept()
        with way:
            way.recv(64)
            way.sendall(bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))  # as a server of gRPC

    monkeypatch.setattr(services, "find_node_ids", lambda: set())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=settings, args=(listener,), daemon=True).start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(UsageError, match="this machine is no node of the Ray cluster") as told:
            RayEngine(address)

    assert f"ray start --address {address} --num-cpus 0" in told.value.fix
