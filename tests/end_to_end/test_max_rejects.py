"""A run whose data is plainly wrong stops before it has sent much."""

from __future__ import annotations

import json

import pytest

from .command import run_job, write_job
from .people import PEOPLE, write_people
from .recorder import Answer, Posted, recording

WRONG = PEOPLE | {"attributes": {"n": {"column": "value", "type": "integer"}}}


def refusing_all(posted: Posted) -> Answer:
    errors = [{"batch_index": i, "reason": "invalid"} for i in range(len(posted.operations))]
    return Answer(207, json.dumps({"errors": errors}).encode())


def test_more_rejects_than_max_rejects_stop_the_run_before_anything_is_sent(tmp_path):
    write_people(tmp_path / "people.csv", 50)
    write_job(tmp_path, WRONG)

    with recording() as server:
        stopped = run_job(tmp_path, server.address, "--set", "max_rejects=5%")
        raised = run_job(tmp_path, server.address, "--set", "streams.people.max_rejects=50")

    assert (stopped.code, stopped.told["state"], server.posted) == (1, "stopped", [])
    assert "50 of 50 rows" in stopped.told["error"]["what"]
    assert stopped.told["rows"]["rejected"] == 50
    assert (raised.code, raised.told["rows"]["rejected"]) == (3, 50)


def test_the_same_command_again_does_not_pass_max_rejects(tmp_path):
    write_people(tmp_path / "people.csv", 50)
    write_job(tmp_path, WRONG | {"max_rejects": "5%"}, PEOPLE | {"name": "others"})

    with recording() as server:
        runs = [run_job(tmp_path, server.address) for _ in range(2)]

    assert [run.code for run in runs] == [1, 1]
    assert server.posted == []


def test_a_small_first_file_with_a_bad_row_is_no_share(tmp_path):
    (tmp_path / "1.csv").write_text("id,value\na,1\nb,x\n")
    (tmp_path / "2.csv").write_text("id,value\n" + "".join(f"p{n},{n}\n" for n in range(100)))
    write_job(tmp_path, WRONG | {"source": "*.csv", "max_rejects": "5%"})

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert (run.code, len(server.accepted)) == (3, 101)


def test_what_the_api_refuses_counts_towards_max_rejects(tmp_path):
    write_people(tmp_path / "people.csv", 400)
    write_job(tmp_path, PEOPLE | {"max_rejects": 20}, operations_per_s=1_000, concurrency=1)

    with recording(refusing_all) as server:
        run = run_job(tmp_path, server.address)

    assert (run.code, len(server.posted)) == (1, 3)
    assert run.told["rows"]["rejected"] == 30
    assert "max_rejects: 20" in run.told["error"]["what"]


@pytest.mark.parametrize(("bad", "of"), [(2, 100), (1, 20)])
def test_rejects_up_to_max_rejects_stop_nothing(tmp_path, bad, of):
    rows = [f"p{n},{'x' if n < bad else n}" for n in range(of)]
    (tmp_path / "people.csv").write_text("id,value\n" + "\n".join(rows) + "\n")
    write_job(tmp_path, WRONG | {"max_rejects": "5%"})

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert (run.code, len(server.accepted)) == (3, of - bad)


def test_rows_that_were_rejected_far_ahead_of_the_delivered_ones_are_a_share_of_all_that_was_read(
    tmp_path,
):
    rows = [f"p{n},{n if n % 100 else 'x'},{n:0200}" for n in range(80_000)]  # four blocks
    (tmp_path / "people.csv").write_text("id,value,pad\n" + "\n".join(rows) + "\n")
    write_job(tmp_path, WRONG | {"max_rejects": "2%"}, give_up_after="2s")

    statuses = [500]
    with recording(lambda _: Answer(statuses[0])) as server:
        stopped = run_job(tmp_path, server.address)
        statuses[0] = 200
        finished = run_job(tmp_path, server.address)
    rejected = stopped.told["rows"]["rejected"]

    assert (stopped.code, stopped.told["rows"]["delivered"]) == (1, 0)
    assert rejected > 400, "too few were read ahead for the case"
    assert (finished.code, finished.told["rows"]["rejected"]) == (3, 800)
