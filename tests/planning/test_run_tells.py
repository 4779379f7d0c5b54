"""What a run and `status` say of streams with nothing in them, and of why a run stopped."""

from __future__ import annotations

import pytest

from tests.end_to_end.command import command, run_job, write_job
from tests.end_to_end.people import PEOPLE, write_people
from tests.end_to_end.recorder import Answer, recording


def test_a_source_of_a_header_alone_is_a_remark(tmp_path):
    (tmp_path / "people.csv").write_text("id,value\n")
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert (run.code, run.told["rows"]["read"]) == (0, 0)
    assert "people: its source holds no rows" in run.text


def test_what_a_folder_holds_and_nothing_reads_is_named_before_anything_is_sent(tmp_path):
    (tmp_path / "in" / "older").mkdir(parents=True)
    write_people(tmp_path / "in" / "people.csv", 5)
    (tmp_path / "in" / "more.xlsx").write_bytes(b"PK")
    write_job(tmp_path, PEOPLE | {"source": "in/"})

    with recording() as server:
        plan = command(tmp_path, server.address, "plan", "job.yaml", "--json")
        check = command(tmp_path, server.address, "check", "job.yaml")
        run = run_job(tmp_path, server.address)

    said = "people: not read, though in the folder of its source: in/more.xlsx, in/older/;"
    assert [text.startswith(said) for text in plan.told["warnings"]].count(True) == 1
    assert [said in one.text for one in (check, run)] == [True, True]
    assert (run.code, run.told["rows"]["delivered"]) == (0, 5)


def test_empty_json_lines_are_a_remark_of_run_and_plan(tmp_path):
    (tmp_path / "people.jsonl").write_text("")
    write_job(tmp_path, PEOPLE | {"source": "people.jsonl"})

    with recording() as server:
        plan = command(tmp_path, None, "plan", "job.yaml", "--json")
        run = run_job(tmp_path, server.address)

    assert (plan.code, run.code) == (0, 0)
    assert "people: its source holds no rows" in run.text
    assert "people: its source holds no rows" in plan.told["warnings"]


def test_a_condition_that_leaves_nothing_is_a_remark_and_only_once(tmp_path):
    write_people(tmp_path / "people.csv", 5)
    write_job(tmp_path, PEOPLE | {"where": "id = 'nobody'"}, PEOPLE | {"name": "all"})

    with recording(lambda _: Answer(401)) as server:
        stopped = run_job(tmp_path, server.address)
    with recording() as server:
        write_job(tmp_path, PEOPLE | {"where": "id = 'nobody'"}, PEOPLE | {"name": "all"})
        run = run_job(tmp_path, server.address, "--fresh")
        again = run_job(tmp_path, server.address)

    said = "people: `where` leaves out every row"
    assert [said in each.text for each in (stopped, run, again)] == [True, True, False]


def test_a_condition_that_takes_a_row_is_no_remark(tmp_path):
    write_people(tmp_path / "people.csv", 5)
    write_job(tmp_path, PEOPLE | {"where": "id = 'p3'"})

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert "leaves out every row" not in run.text


def status(folder, address):
    return command(folder, address, "status", "job.yaml", "--json")


def test_status_says_why_a_run_stopped_until_it_went_on(tmp_path):
    (tmp_path / "people.csv").write_text("id,value\n1,a\n,b\n,c\n")
    write_job(tmp_path, PEOPLE | {"max_rejects": 1})

    with recording() as server:
        run = run_job(tmp_path, server.address)
        stopped = status(tmp_path, server.address)
        text = command(tmp_path, server.address, "status", "job.yaml").text
        write_job(tmp_path, PEOPLE | {"max_rejects": 2})
        run_job(tmp_path, server.address)
        finished = status(tmp_path, server.address)

    assert (run.code, stopped.told["state"]) == (1, "stopped")
    assert run.told["error"]["what"] in stopped.told["reason"]
    assert run.told["error"]["fix"] in stopped.told["reason"]
    assert "Reason: 2 of 3 rows read are rejected" in text
    assert (finished.told["state"], finished.told["reason"]) == ("completed", None)


def test_status_says_that_the_api_took_no_key(tmp_path):
    write_people(tmp_path / "people.csv", 5)
    write_job(tmp_path, PEOPLE)

    with recording(lambda _: Answer(401)) as server:
        run_job(tmp_path, server.address)
        stopped = status(tmp_path, server.address)

    assert "does not accept this site id and key" in stopped.told["reason"]
    assert "key-nobody-may-see" not in stopped.told["reason"]


@pytest.mark.parametrize("state", ["none", "completed"])
def test_a_run_that_did_not_stop_has_no_reason(tmp_path, state):
    write_people(tmp_path / "people.csv", 5)
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        if state == "completed":
            run_job(tmp_path, server.address)
        found = status(tmp_path, server.address)

    assert (found.code, found.told.get("reason")) == (0, None)
