"""`backfill why`: every row that names somebody, what became of it, and in which request."""

from __future__ import annotations

import json
import time
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backfill.inquiry.identifiers import namings
from tests.core.blocks import stream
from tests.end_to_end.command import command, ended, run_job, start, write_job
from tests.end_to_end.recorder import Answer, recording

from .jobs import MENDED, SECRET, ask, refusing, text, write_rows

PEOPLE = {
    "name": "people",
    "source": "people.csv",
    "person": {"id": "id", "email": "email"},
    "attributes": {"note": "note"},
}
FORMATS = pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])


def person(n: int, **keys: str) -> dict[str, str]:
    return {"id": f"p{n}", "email": f"P{n}@Example.com", "note": SECRET, **keys}


def people(count: int = 6) -> list[dict[str, str]]:
    return [person(n) for n in range(count)]


def rows_of(told) -> list[tuple]:
    """Stream, row, fields and outcome of each row of an answer."""
    return [
        (r["stream"], r["row"], [f["path"] for f in r["fields"]], r["outcome"])
        for r in told["rows"]
    ]


@FORMATS
def test_a_row_that_was_delivered_is_told_with_its_request(tmp_path, form):
    write_rows(tmp_path / f"people.{form}", people())
    write_job(tmp_path, PEOPLE | {"source": f"people.{form}"})
    with recording() as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "why", "job.yaml", "p3")

    assert asked.code == 0
    assert rows_of(asked.told) == [("people", 4, ["person.id"], "delivered")]
    (request,) = asked.told["rows"][0]["requests"]
    assert request | {"number": 1, "attempt": 1, "status": 200, "operations": 6} == request
    at = datetime.fromisoformat(request["started_at"])
    assert at == datetime.fromisoformat(request["started_at_local"])
    assert abs(at.timestamp() - time.time()) < 600
    assert "which answers before it applies" in asked.text


def test_every_attempt_is_listed(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE)
    with recording(lambda posted: Answer(500 if posted.number == 0 else 200)) as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "why", "job.yaml", "p3")

    (row,) = asked.told["rows"]
    assert row["outcome"] == "delivered"
    assert [(r["attempt"], r["status"]) for r in row["requests"]] == [(1, 500), (2, 200)]
    assert "500" in row["requests"][0]["failure"]
    assert "attempt 2, of 6 operations: answered 200" in asked.text


def test_what_the_api_refused_is_told_in_its_words(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE)
    with recording(refusing("p3")) as server:
        run_job(tmp_path, server.address)

    (row,) = ask(tmp_path, "why", "job.yaml", "p3").told["rows"]
    (other,) = ask(tmp_path, "why", "job.yaml", "p2").told["rows"]

    assert (row["outcome"], row["by"]) == ("rejected", "api")
    assert row["reason"] == "invalid attributes.note: no"
    assert [r["status"] for r in row["requests"]] == [207]
    assert other["outcome"] == "delivered"


def test_a_row_whose_request_was_halved_has_all_its_requests(tmp_path):
    def refuse_p3(posted):
        ids = [operation["identifiers"].get("id") for operation in posted.operations]
        return Answer(400, b'{"errors":[{"reason":"odd"}]}') if "p3" in ids else Answer()

    write_rows(tmp_path / "people.csv", people(4))
    write_job(tmp_path, PEOPLE)
    with recording(refuse_p3) as server:
        run_job(tmp_path, server.address)

    (bad,) = ask(tmp_path, "why", "job.yaml", "p3").told["rows"]
    (good,) = ask(tmp_path, "why", "job.yaml", "p2").told["rows"]

    assert [(r["status"], r["operations"]) for r in bad["requests"]] == [
        (400, 4),
        (400, 2),
        (400, 1),
    ]
    assert (bad["outcome"], bad["by"], bad["reason"]) == ("rejected", "api", "odd")
    assert [(r["status"], r["operations"]) for r in good["requests"]] == [
        (400, 4), (400, 2), (200, 1),
    ]  # fmt: skip
    assert good["outcome"] == "delivered"


@FORMATS
def test_what_we_refused_is_told_with_its_rule(tmp_path, form):
    rows = [person(0), person(1, note="x" * 1_001)]
    write_rows(tmp_path / f"people.{form}", rows)
    write_job(tmp_path, PEOPLE | {"source": f"people.{form}"})
    with recording() as server:
        run_job(tmp_path, server.address)

    (row,) = ask(tmp_path, "why", "job.yaml", "p1").told["rows"]

    assert (row["outcome"], row["by"], row["rule"]) == ("rejected", "us", "value_too_long")
    assert row["reason"] == "attributes.note is 1,001 bytes; the limit is 1,000"
    assert row["requests"] == []


def test_a_row_that_where_leaves_out_is_filtered(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE | {"where": "id <> 'p3'"})
    with recording() as server:
        run_job(tmp_path, server.address)

    (row,) = ask(tmp_path, "why", "job.yaml", "p3").told["rows"]

    assert (row["outcome"], row["part"]) == ("filtered", "where")


def test_a_row_that_was_folded_names_the_row_that_was_sent(tmp_path):
    write_rows(tmp_path / "people.csv", [person(0), person(1), person(0), person(0, note="last")])
    write_job(tmp_path, PEOPLE | {"repeats": "fold"})
    with recording() as server:
        run_job(tmp_path, server.address)

    told = ask(tmp_path, "why", "job.yaml", "p0").told["rows"]

    assert [(r["row"], r["outcome"], r["into_row"]) for r in told] == [
        (1, "filtered", 4), (3, "filtered", 4), (4, "delivered", None),
    ]  # fmt: skip


def test_an_event_that_is_held_says_so(tmp_path):
    now = int(time.time())
    rows = [{"id": "p1", "at": now - 80 * 3600, "no": "a"}, {"id": "p1", "at": now, "no": "b"}]
    write_rows(tmp_path / "orders.csv", rows)
    event = {"name": "ordered", "timestamp": "at", "key": "no"}
    orders = {"name": "orders", "source": "orders.csv", "person": {"id": "id"}, "event": event}
    write_job(tmp_path, orders | {"campaigns": "hold"})
    with recording() as server:
        run_job(tmp_path, server.address)

    told = ask(tmp_path, "why", "job.yaml", "p1").told["rows"]

    assert [r["outcome"] for r in told] == ["delivered", "not sent"]
    assert "until it is 72 hours old" in told[1]["says"]


def test_before_any_run_rows_are_told_with_what_will_become_of_them(tmp_path):
    write_rows(tmp_path / "people.csv", [person(0), person(1, note="x" * 1_001), person(2)])
    write_job(tmp_path, PEOPLE | {"where": "id <> 'p2'"})

    told = [ask(tmp_path, "why", "job.yaml", f"p{n}").told["rows"][0] for n in range(3)]

    assert {row["outcome"] for row in told} == {"not sent"}
    assert told[0]["says"] == "no run has begun"
    assert "will be rejected: value_too_long" in told[1]["says"]
    assert "`where` leaves it out" in told[2]["says"]


def test_of_a_run_that_was_cut_rows_are_sent_or_not(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE)
    with recording() as server:
        run_job(tmp_path, server.address, "--limit", "3")

    outcomes = [
        ask(tmp_path, "why", "job.yaml", f"p{n}").told["rows"][0]["outcome"] for n in (2, 3)
    ]

    assert outcomes == ["delivered", "not sent"]


def test_a_request_without_an_answer_leaves_its_rows_not_sent(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE)
    with recording(lambda _: Answer(503)) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json")
        while len(server.posted) < 2:
            time.sleep(0.02)
        process.terminate()
        ended(process)

    (row,) = ask(tmp_path, "why", "job.yaml", "p3").told["rows"]

    assert row["outcome"] == "not sent"
    assert {r["status"] for r in row["requests"]} <= {503, 0}
    assert row["requests"]
    assert "the next run sends it again" in row["says"]


def test_people_and_objects_are_found_wherever_a_row_names_them(tmp_path):
    write_rows(tmp_path / "people.csv", [person(0, company="c1"), person(1, company="c2")])
    write_rows(tmp_path / "companies.csv", [{"company": "c1"}, {"company": "c2"}])
    write_rows(tmp_path / "merged.csv", [{"kept": "p0", "gone": "p1"}])
    tie = {"object": {"type": "1", "id": "company"}}
    merge = {"primary": {"id": "kept"}, "secondary": {"id": "gone"}}
    write_job(
        tmp_path,
        {"name": "companies", "source": "companies.csv", "object": tie["object"]},
        PEOPLE | {"relationships": [tie]},
        {"name": "merged", "source": "merged.csv", "merge": merge},
    )
    with recording() as server:
        run_job(tmp_path, server.address)

    company = ask(tmp_path, "why", "job.yaml", "c2").told
    gone = ask(tmp_path, "why", "job.yaml", "p1").told

    assert rows_of(company) == [
        ("companies", 2, ["object.id"], "delivered"),
        ("people", 2, ["relationships.0.object.id"], "delivered"),
    ]
    assert rows_of(gone) == [
        ("people", 2, ["person.id"], "delivered"),
        ("merged", 1, ["merge.secondary.id"], "delivered"),
    ]


def test_constants_and_values_that_name_nobody_are_not_searched(tmp_path):
    write_rows(tmp_path / "people.csv", [person(0, note="p5"), person(1)])
    write_job(tmp_path, PEOPLE)

    assert ask(tmp_path, "why", "job.yaml", "p5").told["state"] == "not found"


@FORMATS
def test_an_email_is_found_whatever_its_case_and_an_id_is_not(tmp_path, form):
    write_rows(tmp_path / f"people.{form}", people())
    write_job(tmp_path, PEOPLE | {"source": f"people.{form}"})

    by_email = ask(tmp_path, "why", "job.yaml", "p3@EXAMPLE.com")
    by_id = ask(tmp_path, "why", "job.yaml", "P3")

    assert rows_of(by_email.told)[0][:3] == ("people", 4, ["person.email"])
    assert by_email.told["rows"][0]["fields"][0]["as_written"] == "in other case"
    assert by_id.code == 1
    assert by_id.told["near"][0] | {"row": 4, "column": "id"} == by_id.told["near"][0]
    assert "in other case" in by_id.told["near"][0]["how"]


@FORMATS
def test_blanks_around_an_identifier_are_told(tmp_path, form):
    write_rows(tmp_path / f"people.{form}", [person(0, id=" p0 "), person(1)])
    write_job(tmp_path, PEOPLE | {"source": f"people.{form}"})

    asked = ask(tmp_path, "why", "job.yaml", "p0")

    assert asked.told["rows"][0]["fields"][0]["as_written"] == "with spaces around it"


@pytest.mark.parametrize(
    ("given", "column", "how"),
    [
        ("7", "id", "leading zeros"),
        ("000007", "id", "leading zeros"),
        (SECRET.lower(), "note", "names nobody"),
    ],
)
@FORMATS
def test_what_is_nearly_so_is_told_where_nothing_is_found(tmp_path, form, given, column, how):
    write_rows(tmp_path / f"people.{form}", [person(0), person(1, id="007")])
    write_job(tmp_path, PEOPLE | {"source": f"people.{form}"})

    asked = ask(tmp_path, "why", "job.yaml", given)

    assert (asked.code, asked.told["state"]) == (1, "not found")
    near = [n for n in asked.told["near"] if n["row"] == 2]
    assert near[0]["column"] == column
    assert how in near[0]["how"]
    assert asked.told["error"]["what"] == f"no row names '{given}'"


def test_rows_that_name_the_person_by_another_identifier_are_found_through_those_with_both(
    tmp_path,
):
    write_rows(tmp_path / "people.csv", people())
    write_rows(tmp_path / "opted.csv", [{"mail": "x@y.z"}, {"mail": "p3@example.COM"}])
    opted = {"name": "opted", "source": "opted.csv", "person": {"email": "mail"}}
    write_job(tmp_path, opted | {"action": "suppress"}, PEOPLE)
    with recording() as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "why", "job.yaml", "p3")

    assert [r[:2] for r in rows_of(asked.told)] == [("opted", 2), ("people", 4)]
    assert asked.told["rows"][0]["fields"] == [
        {
            "path": "person.email",
            "as_written": "",
            "via": {
                "path": "person.email",
                "stream": "people",
                "file": "people.csv",
                "row": 4,
                "like": "a9@aaaaaaa.aaa",
            },
        }
    ]
    assert "via person.email of row 4 of people, of the shape 'a9@aaaaaaa.aaa'" in asked.text
    assert "example" not in (asked.text + json.dumps(asked.told)).lower()


@FORMATS
def test_no_value_of_a_row_is_shown(tmp_path, form):
    write_rows(tmp_path / f"people.{form}", [person(0), person(1, note=SECRET * 100)])
    write_job(tmp_path, PEOPLE | {"source": f"people.{form}"})
    with recording(refusing("p0")) as server:
        run_job(tmp_path, server.address)

    for given in ("p0", "p1", "p9", SECRET.upper()):
        asked = ask(tmp_path, "why", "job.yaml", given)
        shown = asked.text + json.dumps(asked.told) + text(tmp_path, "why", "job.yaml", given)
        assert SECRET not in shown
        assert "@Example.com" not in shown


def test_rows_that_cannot_be_read_are_found_by_what_stands_in_them(tmp_path):
    (tmp_path / "people.csv").write_bytes(b"id,email,note\np1,a@b.c,\xff\np2,a@b.c\np3,d@e.f,p2\n")
    (tmp_path / "more.jsonl").write_text('{"id": "p2", \n{"id": "p22", \n')
    more = {"name": "more", "source": "more.jsonl", "person": {"id": "id"}}
    write_job(tmp_path, PEOPLE, more)
    with recording() as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "why", "job.yaml", "p2")

    assert [(r["stream"], r["row"], r["outcome"], r["rule"]) for r in asked.told["rows"]] == [
        ("people", 2, "rejected", "ragged_row"),
        ("more", 1, "rejected", "invalid_json"),
    ]


def test_a_file_that_changed_since_the_run_is_told(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE)
    with recording() as server:
        run_job(tmp_path, server.address)
    write_rows(tmp_path / "people.csv", people(7))

    asked = ask(tmp_path, "why", "job.yaml", "p6")

    assert rows_of(asked.told) == [("people", 7, ["person.id"], "unknown")]
    assert "people.csv changed since the run" in asked.text


def test_a_file_that_is_gone_is_told_and_the_others_are_searched(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_rows(tmp_path / "more.csv", people())
    write_job(tmp_path, PEOPLE, PEOPLE | {"name": "more", "source": "more.csv"})
    with recording() as server:
        run_job(tmp_path, server.address)
    (tmp_path / "more.csv").unlink()

    asked = ask(tmp_path, "why", "job.yaml", "p3")

    assert [r[0] for r in rows_of(asked.told)] == ["people"]
    assert "more.csv is no longer among its sources" in asked.text


def test_a_row_that_was_mended_is_told_with_where_it_was_refused(tmp_path):
    write_rows(tmp_path / "people.csv", [person(0), person(1, note="x" * 1_001)])
    write_job(tmp_path, PEOPLE)
    with recording() as server:
        run_job(tmp_path, server.address)
        rejected = (tmp_path / "state/job.rejects/people.csv").read_text()
        (tmp_path / "mended.csv").write_text(rejected.replace("x" * 1_001, "short"))
        run_job(tmp_path, server.address, *MENDED)

    asked = ask(tmp_path, "why", "job.yaml", "p1")
    told = asked.told["rows"]

    assert asked.text.startswith("'p1': 1 row, 1 mended and delivered.")
    assert [(r["run"], r["row"], r["outcome"]) for r in told] == [
        ("", 2, "rejected"), ("only-people-mended.csv", 1, "delivered"),
    ]  # fmt: skip
    assert told[1]["mended_from"] == {"file": "people.csv", "row": 2}


def test_many_rows_are_counted_and_some_of_them_listed(tmp_path):
    rows = [person(n, company="c1") for n in range(1_200)]
    write_rows(tmp_path / "people.csv", rows)
    tie = {"object": {"type": "1", "id": "company"}}
    write_job(tmp_path, PEOPLE | {"relationships": [tie]})
    with recording() as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "why", "job.yaml", "c1")

    assert asked.told["outcomes"] == {"delivered": 1_200}
    assert (len(asked.told["rows"]), asked.told["left_out"]) == (1_000, 200)
    assert "1,200 rows, 1,200 delivered" in asked.text


def test_an_identifier_of_no_characters_is_refused(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE)

    asked = ask(tmp_path, "why", "job.yaml", " ")

    assert asked.code == 2
    assert asked.told["error"]["what"] == "an identifier of no characters"


def test_without_its_rejects_no_row_is_taken_for_delivered_that_may_not_be(tmp_path):
    write_rows(tmp_path / "people.csv", [person(0), person(1, note="x" * 1_001)])
    write_job(tmp_path, PEOPLE)
    with recording(refusing("p0")) as server:
        run_job(tmp_path, server.address)
    (tmp_path / "state/job.rejects/people.csv").unlink()

    by_us = ask(tmp_path, "why", "job.yaml", "p1").told["rows"][0]
    by_api = ask(tmp_path, "why", "job.yaml", "p0").told["rows"][0]

    assert (by_api["outcome"], by_api["requests"][0]["status"]) == ("unknown", 207)
    assert "the API took it, or refused it" in by_api["says"]
    assert (by_us["outcome"], by_us["rule"]) == ("rejected", "value_too_long")
    assert "no longer in the rejects" in by_us["says"]


def test_asking_leaves_everything_as_it_is(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE)
    with recording(refusing("p0")) as server:
        run_job(tmp_path, server.address)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    command(tmp_path, None, "why", "job.yaml", "p0")
    command(tmp_path, None, "rejects", "job.yaml")

    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_file_that_is_new_since_the_run_is_not_sent(tmp_path):
    (tmp_path / "in").mkdir()
    write_rows(tmp_path / "in/a.csv", people())
    write_job(tmp_path, PEOPLE | {"source": "in/"})
    with recording() as server:
        run_job(tmp_path, server.address)
    write_rows(tmp_path / "in/b.csv", [person(9)])

    (row,) = ask(tmp_path, "why", "job.yaml", "p9").told["rows"]

    assert (row["file"], row["outcome"]) == ("in/b.csv", "not sent")
    assert row["says"] == "the file is new since the run"


def test_a_checkpoint_of_mended_rows_that_cannot_be_read_is_told(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/job.checkpoint.only-people").write_text("nothing of ours")

    asked = ask(tmp_path, "why", "job.yaml", "p3")

    assert asked.code == 0
    assert "this is not a checkpoint" in asked.told["remarks"][0]


def test_a_folder_that_cannot_be_looked_into_is_an_error_that_says_so(tmp_path):
    write_rows(tmp_path / "people.csv", people())
    write_job(tmp_path, PEOPLE)

    asked = ask(tmp_path, "rejects", "job.yaml", "--set", f"rejects={'x' * 300}")

    assert asked.code == 1
    assert "cannot be looked into" in asked.told["error"]["what"]


@pytest.mark.parametrize(
    ("keys", "paths"),
    [
        ({"person": {"email": "e", "id": {"value": "x"}}}, ["person.email"]),
        ({"object": {"type": {"column": "t"}, "id": "o"}}, ["object.id"]),
        ({"object": {"cio_object_id": "o"}}, ["object.cio_object_id"]),
        (
            {"object": {"type": "1", "id": "o"}, "action": "identify_anonymous"}
            | {"anonymous_id": "a"},
            ["object.id", "anonymous_id"],
        ),
        ({"delivery": {"id": "d"}, "event": {"name": "opened"}}, ["delivery.id"]),
        ({"device": {"token": "t", "platform": "p"}}, ["person.id", "device.token"]),
        (
            {"object": {"type": "1", "id": "o"}, "attributes": {"person.id": "x"}}
            | {"relationships": [{"person": {"cio_id": "c"}, "attributes": {"object.id": "y"}}]},
            ["object.id", "relationships.0.person.cio_id"],
        ),
    ],
)
def test_the_fields_that_name_somebody_are_those_by_a_column(keys, paths):
    assert sorted(naming.path for naming in namings(stream(**keys))) == sorted(paths)


def test_rows_in_many_blocks_of_a_parquet_file_are_told(tmp_path):
    table = pa.table({"id": [f"p{n}" for n in range(5_000)], "company": ["c1", "c2"] * 2_500})
    pq.write_table(table, tmp_path / "people.parquet", row_group_size=700)
    tie = {"object": {"type": "1", "id": "company"}}
    people = {"name": "people", "source": "people.parquet", "person": {"id": "id"}}
    write_job(tmp_path, people | {"relationships": [tie], "where": "id <> 'p4999'"})
    with recording() as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "why", "job.yaml", "c2")

    assert asked.told["outcomes"] == {"delivered": 2_499, "filtered": 1}
    assert [r["row"] for r in asked.told["rows"]] == list(range(2, 2_001, 2))
