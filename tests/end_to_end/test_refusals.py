"""What a run refuses, what stops it, and what it says then."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from .command import adds_up, command, ended, run_job, start, write_job
from .people import PEOPLE, ids, write_people
from .recorder import Answer, recording


def test_a_source_that_changed_in_the_middle_of_a_run_is_refused_by_name(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        run_job(tmp_path, server.address, "--limit", "4")
        write_people(tmp_path / "people.csv", 12)
        again = run_job(tmp_path, server.address)

    assert again.code == 2
    assert "people.csv" in again.told["error"]["what"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_and_the_same_command_goes_on(tmp_path, number):
    write_people(tmp_path / "people.csv", 400)
    write_job(tmp_path, PEOPLE, operations_per_s=100, concurrency=2)

    with recording() as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json")
        while len(server.posted) < 5:
            time.sleep(0.02)
        process.send_signal(number)
        stopped = ended(process)
        sent = len(ids(server.accepted))
        finished = run_job(tmp_path, server.address, "--set", "destination.operations_per_s=5000")

    assert stopped.code == 128 + number
    assert stopped.told["state"] == "interrupted"
    assert stopped.told["rows"]["delivered"] == sent < 400
    assert adds_up(stopped.told["rows"])
    assert finished.code == 0
    assert sorted(ids(server.accepted)) == sorted(f"p{n}" for n in range(400))


def test_a_wrong_key_stops_the_run_and_says_what_to_check(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)

    with recording(lambda _: Answer(401)) as server:
        run = run_job(tmp_path, server.address)

    assert run.code == 1
    assert run.told["state"] == "stopped"
    assert run.told["rows"]["unprocessed"] == 10
    assert "CUSTOMERIO_API_KEY" in run.told["error"]["fix"]


def test_no_secret_is_printed_or_kept(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)

    with recording(lambda _: Answer(401)) as server:
        run = run_job(tmp_path, server.address)

    files = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    assert "key-nobody-may-see" not in run.text + json.dumps(run.told)
    assert not [found for found in files if b"key-nobody-may-see" in found]


def test_a_missing_key_is_named(tmp_path):
    write_people(tmp_path / "people.csv", 1)
    write_job(tmp_path, PEOPLE)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("CUSTOMERIO_")}

    run = subprocess.run(
        [sys.executable, "-m", "backfill", "run", "job.yaml"],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert run.returncode == 2
    assert "CUSTOMERIO_SITE_ID" in run.stderr


def test_a_column_that_is_not_there_is_named_before_anything_is_sent(tmp_path):
    write_people(tmp_path / "people.csv", 1)
    write_job(tmp_path, PEOPLE | {"attributes": {"value": "worth"}})

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert (run.code, server.posted) == (2, [])
    assert "no column 'worth'" in run.told["error"]["what"]


def test_young_events_stop_a_run_to_a_workspace_before_the_first_request(tmp_path):
    now = int(time.time())
    (tmp_path / "orders.csv").write_text(f"id,at,order\np1,{now - 80 * 3600},a\np2,{now - 60},b\n")
    event = {"name": "ordered", "timestamp": "at", "key": "order"}
    orders = {"name": "orders", "source": "orders.csv", "person": {"id": "id"}, "event": event}
    write_job(tmp_path, orders)

    run = run_job(tmp_path, None)

    assert run.code == 1
    assert "72 hours" in run.told["error"]["what"]
    assert "campaigns: allow" in run.told["error"]["fix"]
    assert run.told["requests"]["sent"] == 0


def test_young_events_that_are_held_are_sent_by_a_later_run(tmp_path):
    now = int(time.time())
    (tmp_path / "orders.csv").write_text(f"id,at,order\np1,{now - 80 * 3600},a\np2,{now - 60},b\n")
    event = {"name": "ordered", "timestamp": "at", "key": "order"}
    orders = {"name": "orders", "source": "orders.csv", "person": {"id": "id"}, "event": event}
    write_job(tmp_path, orders | {"campaigns": "hold"})

    with recording() as server:
        held = run_job(tmp_path, server.address)
        sent = run_job(tmp_path, server.address, "--set", "streams.orders.campaigns=allow")

    assert held.told["state"] == "held"
    assert held.told["rows"]["unprocessed"] == 1
    assert sent.told["state"] == "completed"
    assert ids(server.accepted) == ["p1", "p2"]


def test_a_checkpoint_of_one_destination_is_refused_for_another(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)

    with recording() as rehearsal, recording() as live:
        run_job(tmp_path, rehearsal.address)
        refused = run_job(tmp_path, live.address)

    assert (refused.code, live.posted) == (2, [])
    assert rehearsal.address in refused.told["error"]["what"]
    assert live.address in refused.told["error"]["what"]


def test_a_rehearsal_in_the_sandbox_is_refused_for_an_address(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)
    live = (tmp_path / "job.yaml").read_text()
    (tmp_path / "job.yaml").write_text(live.replace("region: us", "sandbox: workspace.db"))

    rehearsal = run_job(tmp_path, None)
    (tmp_path / "job.yaml").write_text(live)
    with recording() as server:
        refused = run_job(tmp_path, server.address)

    assert (rehearsal.code, refused.code, server.posted) == (0, 2, [])
    assert "workspace.db" in refused.told["error"]["what"]
    assert server.address in refused.told["error"]["what"]


def test_a_second_run_on_the_same_checkpoint_is_refused(tmp_path):
    write_people(tmp_path / "people.csv", 400)
    write_job(tmp_path, PEOPLE, operations_per_s=50)

    with recording() as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json")
        while not server.posted:
            time.sleep(0.02)
        second = run_job(tmp_path, server.address)
        status = command(tmp_path, server.address, "status", "job.yaml", "--json")
        process.send_signal(signal.SIGINT)
        ended(process)

    assert second.code == 2
    assert str(process.pid) in second.told["error"]["what"]
    assert status.told["state"] == "running"


@pytest.mark.parametrize("place", [{"rejects": "."}, {"checkpoint": "people.csv"}])
def test_a_source_is_never_where_the_run_writes(tmp_path, place):
    write_people(tmp_path / "people.csv", 3)
    write_job(tmp_path, PEOPLE)
    before = (tmp_path / "people.csv").read_bytes()
    changes = [f"--set={name}={value}" for name, value in place.items()]

    with recording() as server:
        run = run_job(tmp_path, server.address, *changes)

    assert (run.code, server.posted) == (2, [])
    assert (tmp_path / "people.csv").read_bytes() == before


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "job.yaml", "--limit", "0"], ["run", "nope.yaml"]]
)
def test_every_failure_prints_the_json_object(tmp_path, arguments):
    write_job(tmp_path, PEOPLE)

    run = command(tmp_path, None, *arguments, "--json")

    assert run.code == 2
    assert run.told["state"] == "stopped"
    assert run.told["rows"]["read"] == 0
    assert set(run.told["error"]) == {"what", "where", "fix"}


def test_a_run_that_cannot_go_on_tells_what_earlier_ones_did(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)
    with recording() as server:
        limited = run_job(tmp_path, server.address, "--limit", "4")

    away = run_job(tmp_path, server.address, "--set", "destination.give_up_after=0.1")

    assert away.code == 1
    assert away.told["run_id"] == limited.told["run_id"]
    assert away.told["rows"]["delivered"] == 4
    assert away.told["checkpoint"] == "state/job.checkpoint"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_run_begins_ends_it_at_once(tmp_path, number):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)
    silent = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{silent.getsockname()[1]}"

    process = start(tmp_path, address, "run", "job.yaml", "--json")
    with silent, silent.accept()[0] as asked:
        asked.recv(100)
        process.send_signal(number)
        stopped = ended(process)

    assert stopped.code == 128 + number
    assert stopped.told["state"] == "interrupted"


def test_check_tells_a_wrong_key_from_no_network(tmp_path):
    write_people(tmp_path / "people.csv", 1)
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        fine = command(tmp_path, server.address, "check", "job.yaml", "--json")
        region = command(
            tmp_path,
            server.address,
            "check",
            "job.yaml",
            "--json",
            "--set",
            "destination.region=eu",
        )
    away = command(tmp_path, server.address, "check", "job.yaml", "--json")

    assert (fine.code, fine.told["region"]) == (0, "us")
    assert (region.code, "region us" in region.told["error"]["what"]) == (2, True)
    assert (away.code, "cannot be reached" in away.told["error"]["what"]) == (1, True)


def test_a_key_that_json_records_do_not_have_is_pointed_out(tmp_path):
    write_people(tmp_path / "people.jsonl", 10)
    write_job(tmp_path, PEOPLE | {"source": "people.jsonl", "attributes": {"unsubscribed": "optd"}})

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert "none of the first 10 records has 'optd' (attributes.unsubscribed)" in run.text


def test_a_source_that_is_replaced_after_the_start_is_not_read_by_the_old_mapping(tmp_path):
    write_people(tmp_path / "a.csv", 200)
    write_people(tmp_path / "b.csv", 10)
    first = PEOPLE | {"name": "a", "source": "a.csv"}
    write_job(tmp_path, first, PEOPLE | {"name": "b", "source": "b.csv"}, operations_per_s=100)

    with recording() as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json")
        while not server.posted:
            time.sleep(0.01)
        (tmp_path / "b.csv").write_text("value,id\nx,p1\n")
        run = ended(process)

    assert run.code == 1
    assert "changed after the run began" in run.told["error"]["what"]
    assert len(server.accepted) == run.told["rows"]["delivered"] == 200
