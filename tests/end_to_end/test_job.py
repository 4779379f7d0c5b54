"""Whole runs of the command: what arrives, what is refused, what it says."""

from __future__ import annotations

import csv
import io
import json
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from backfill.checkpoint import peek_log
from backfill.ledger import unpacked

from .command import run_job, write_job
from .people import PEOPLE, ids, write_people
from .recorder import Answer, Posted, recording


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_row_arrives_once(tmp_path, form):
    write_people(tmp_path / f"people.{form}", 5_000)
    write_job(tmp_path, PEOPLE | {"source": f"people.{form}"})

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert run.code == 0, run.text
    assert sorted(ids(server.accepted)) == sorted(f"p{n}" for n in range(5_000))
    assert run.told["state"] == "completed"
    assert run.told["rows"]["delivered"] == run.told["operations"]["delivered"] == 5_000
    assert run.told["bytes_sent"] == sum(posted.size for posted in server.posted)


def test_a_finished_run_sends_nothing_again(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        run_job(tmp_path, server.address)
        again = run_job(tmp_path, server.address)

    assert (again.code, len(server.posted)) == (0, 1)
    assert again.told["rows"]["delivered"] == 10
    assert again.told["requests"]["sent"] == 0


def test_a_changed_source_is_a_new_run_once_everything_was_sent(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        first = run_job(tmp_path, server.address)
        write_people(tmp_path / "people.csv", 12)
        second = run_job(tmp_path, server.address)

    assert second.code == 0
    assert second.told["run_id"] != first.told["run_id"]
    assert second.told["rows"]["delivered"] == 12


def test_a_limit_sends_the_first_rows_and_the_next_run_the_rest(tmp_path):
    write_people(tmp_path / "a.csv", 10)
    write_people(tmp_path / "b.csv", 10)
    write_job(tmp_path, PEOPLE | {"source": ["a.csv", "b.csv"], "attributes": {"value": "value"}})

    with recording() as server:
        limited = run_job(tmp_path, server.address, "--limit", "13")
        same = run_job(tmp_path, server.address, "--limit", "13")
        seen = len(server.accepted)
        rest = run_job(tmp_path, server.address)

    assert (limited.code, same.code, rest.code) == (0, 0, 0)
    assert limited.told["rows"]["delivered"] == same.told["rows"]["delivered"] == seen == 13
    assert rest.told["rows"]["delivered"] == len(server.accepted) == 20


def test_streams_are_sent_one_after_the_other(tmp_path):
    write_people(tmp_path / "people.csv", 3_000, "x" * 400)
    second = PEOPLE | {"name": "later", "person": {"email": "id"}}
    write_job(tmp_path, PEOPLE, second)

    with recording(lambda posted: Answer(delay_s=0.05)) as server:
        run_job(tmp_path, server.address)

    kinds = [{next(iter(o["identifiers"])) for o in p.operations} for p in server.posted]
    change = kinds.index({"email"})
    assert kinds == [{"id"}] * change + [{"email"}] * (len(kinds) - change)
    last_of_first = max(posted.answered_s for posted in server.posted[:change])
    assert last_of_first <= min(posted.at_s for posted in server.posted[change:])


def test_what_the_api_refuses_stands_in_the_rejects_with_its_reason(tmp_path):
    write_people(tmp_path / "people.csv", 100)
    write_job(tmp_path, PEOPLE)
    errors = [
        {"batch_index": 7, "reason": "invalid", "field": "attributes.value", "message": "too odd"}
    ]
    refusal = Answer(207, json.dumps({"errors": errors}).encode())

    with recording(lambda _: refusal) as server:
        run = run_job(tmp_path, server.address)

    rejects = Path(tmp_path, run.told["rejects"][0])
    assert run.code == 3
    assert run.told["rows"]["rejected"] == 1
    assert rejects.read_text().splitlines() == [
        "id,value,_file,_row,_rule,_reason",
        "p7,x7,people.csv,8,api,invalid attributes.value: too odd",
    ]
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600


def test_rows_are_accounted_for_in_every_column(tmp_path):
    (tmp_path / "people.csv").write_text(
        "id,value,status\n1,a,ok\n,b,ok\n3,c,gone\n4,d\n5," + "x" * 1001 + ",ok\n"
    )
    write_job(tmp_path, PEOPLE | {"where": "status != 'gone'"})

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert run.told["rows"] == {
        "read": 5, "delivered": 1, "rejected": 3, "filtered": 1, "unprocessed": 0,
    }  # fmt: skip
    assert run.told["filtered_by"]["where"] == 1


class OnlyPosts(BaseHTTPRequestHandler):
    """Takes batches; any other method is a 501."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


def test_a_server_on_this_machine_that_knows_no_region_is_sent_to(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)

    with ThreadingHTTPServer(("127.0.0.1", 0), OnlyPosts) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        run = run_job(tmp_path, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()

    assert (run.code, run.told["rows"]["delivered"]) == (0, 10)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_the_few_rows_a_condition_takes_are_counted_and_rejected_as_themselves(tmp_path, form):
    write_people(tmp_path / f"people.{form}", 2_000)
    write_job(tmp_path, PEOPLE | {"source": f"people.{form}", "where": "id LIKE '%99'"})

    def answer(posted: Posted) -> Answer:
        errors = [{"batch_index": 1, "reason": "invalid", "field": "id", "message": "no"}]
        return Answer(207, json.dumps({"errors": errors}).encode())

    with recording(answer) as server:
        run = run_job(tmp_path, server.address)

    assert run.code == 3
    assert run.told["rows"] == {
        "read": 2_000, "delivered": 19, "rejected": 1, "filtered": 1_980, "unprocessed": 0
    }  # fmt: skip
    path = tmp_path / run.told["rejects"][0]
    if form == "parquet":
        [row] = pq.read_table(path).to_pylist()
    elif form == "jsonl":
        row = json.loads(path.read_text())
    else:
        [row] = csv.DictReader(io.StringIO(path.read_text()))
    assert (row["id"], row["value"], int(row["_row"])) == ("p199", "x199", 200)


def test_each_row_that_was_sent_is_known_by_the_requests_that_carried_it(tmp_path):
    write_people(tmp_path / "people.csv", 5_000)
    write_job(tmp_path, PEOPLE | {"where": "id != 'p7'"})

    with recording(lambda posted: Answer(500 if posted.number == 0 else 200)) as server:
        run = run_job(tmp_path, server.address)

    requests = peek_log(tmp_path / run.told["checkpoint"]).requests
    rows = [
        row
        for one in requests
        if one.status == 200
        for carried in one.carried
        for start, stop in unpacked(carried.rows).tolist()
        for row in range(start, stop)
    ]
    assert [one.status for one in requests].count(500) == 1
    assert sorted(rows) == [row for row in range(5_000) if row != 7]
