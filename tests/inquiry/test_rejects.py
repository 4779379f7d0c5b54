"""`backfill rejects`: what was refused and why, whatever became of the run and its files."""

from __future__ import annotations

import signal
import time

import pytest

from backfill.config import load
from backfill.inquiry import groups, refusals
from backfill.inquiry.runs import runs
from tests.end_to_end.command import ended, run_job, start, write_job
from tests.end_to_end.recorder import Answer, recording

from .jobs import MENDED, SECRET, ask, refusing, text, write_rows

PEOPLE = {"name": "people", "person": {"id": "id"}}
TYPED = {"*": True, "score": {"column": "score", "type": "number"}}
FORMATS = pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])


def rows() -> list[dict[str, str]]:
    """Twelve people: no id at 3, no number at 5 to 8, refused by the API: p9."""
    return [
        {"id": "" if n == 3 else f"p{n}", "score": SECRET if 5 <= n <= 8 else "1", "note": SECRET}
        for n in range(12)
    ]


def write(folder, form="csv", **keys) -> None:
    write_rows(folder / f"people.{form}", rows())
    write_job(folder, {**PEOPLE, "source": f"people.{form}", "attributes": TYPED, **keys})


@FORMATS
def test_refused_rows_are_grouped_by_rule_and_field_with_masked_samples(tmp_path, form):
    write(tmp_path, form)
    with recording(refusing("p9")) as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "rejects", "job.yaml")

    found = [(g["rule"], g["field"], g["by"], g["rows"]) for g in asked.told["groups"]]
    assert found == [
        ("not_a_number", "attributes.score", "us", 4),
        ("no_identifier", "person", "us", 1),
        ("api", "attributes.note", "api", 1),
    ]
    assert asked.told["groups"][0]["samples"] == [
        {"file": f"people.{form}", "row": n, "values": {"score": "Aaaa-Aaa-9999"}}
        for n in (6, 7, 8)
    ]
    assert "on_error: omit" in asked.told["groups"][0]["remedy"]
    assert asked.told["groups"][2]["reason"] == "invalid attributes.note: no"
    assert asked.told["rows"] == asked.told["streams"][0]["counted"] == 6
    assert (asked.code, asked.told["error"]) == (0, None)


@FORMATS
def test_no_value_of_a_row_is_shown(tmp_path, form):
    write(tmp_path, form)
    with recording(refusing("p9")) as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "rejects", "job.yaml")
    said = text(tmp_path, "rejects", "job.yaml")

    assert "Aaaa-Aaa-9999" in said
    assert SECRET not in said + str(asked.told) + asked.text
    assert "p9" not in said + str(asked.told)


def test_it_is_said_how_to_go_on(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)

    said = text(tmp_path, "rejects", "job.yaml")

    assert "  backfill run job.yaml --only people --source state/job.rejects/people.csv\n" in said
    assert "backfill run job.yaml refuses it" in said


def test_nothing_refused_is_said_and_no_failure(tmp_path):
    write_rows(tmp_path / "people.csv", [{"id": "p1"}])
    write_job(tmp_path, PEOPLE | {"source": "people.csv"})
    with recording() as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert (asked.code, asked.told["groups"]) == (0, [])
    assert "No row is rejected" in asked.text


@FORMATS
def test_the_rejects_of_a_run_that_was_killed_are_those_of_its_last_commit(tmp_path, form):
    write(tmp_path, form)
    with recording(lambda _: Answer(delay_s=30)) as server:
        process = start(tmp_path, server.address, "run", "job.yaml")
        while not server.posted or not list((tmp_path / "state/job.rejects").iterdir()):
            time.sleep(0.02)
        alive = wait_for(tmp_path, 5)
        process.kill()
        process.communicate()
    for path in (tmp_path / "state/job.rejects").iterdir():
        with path.open("ab") as file:
            file.write(b"p77,what no commit knows")

    killed = ask(tmp_path, "rejects", "job.yaml")

    assert alive.told["rows"] == killed.told["rows"] == 5
    assert [s["remark"] for s in killed.told["streams"]] == [""]


def wait_for(folder, rejected: int):
    """The answer once the checkpoint knows of so many."""
    while True:
        asked = ask(folder, "rejects", "job.yaml")
        if asked.told.get("rows") == rejected:
            return asked


def test_files_that_were_edited_are_told(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
    path = tmp_path / "state/job.rejects/people.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    edited = ask(tmp_path, "rejects", "job.yaml")
    path.unlink()
    gone = ask(tmp_path, "rejects", "job.yaml")

    assert edited.told["rows"] == 2
    assert "rejected 5 rows, its files hold 2" in edited.told["streams"][0]["remark"]
    assert "its files hold 0" in gone.text


def test_a_line_whose_cells_were_shifted_shows_none_of_them(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
    path = tmp_path / "state/job.rejects/people.csv"
    path.write_text(path.read_text().replace(",not_a_number,", f",{SECRET},"))

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert asked.told["groups"][0]["rule"] == "unknown"
    assert SECRET not in str(asked.told) + asked.text


def test_rows_that_could_not_be_read_keep_their_rule(tmp_path):
    (tmp_path / "people.csv").write_bytes(b"id,score,note\np1,1,x\np2,1\np3,1,\xff\n")
    (tmp_path / "more.jsonl").write_text('{"id": "m1"}\n{"id": \n')
    write_job(
        tmp_path,
        PEOPLE | {"source": "people.csv"},
        {"name": "more", "person": {"id": "id"}, "source": "more.jsonl"},
    )
    with recording() as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "rejects", "job.yaml")

    found = {(g["stream"], g["rule"], g["samples"][0]["row"]) for g in asked.told["groups"]}
    assert found == {
        ("people", "ragged_row", 2),
        ("people", "invalid_encoding", 3),
        ("more", "invalid_json", 2),
    }


def test_what_a_run_of_mended_rows_refused_is_told_apart(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        rejected = (tmp_path / "state/job.rejects/people.csv").read_text()
        (tmp_path / "mended.csv").write_text(rejected.replace(SECRET, "2", 4))
        run_job(tmp_path, server.address, *MENDED)

    asked = ask(tmp_path, "rejects", "job.yaml")

    by_run = {(s["run"], s["rows"], s["counted"]) for s in asked.told["streams"]}
    assert by_run == {("", 5, 5), ("only-people-mended.csv", 3, 3)}


def test_a_mended_run_belongs_to_the_stream_with_the_longest_name(tmp_path):
    write_rows(tmp_path / "x.csv", [{"id": "p1"}])
    names = ["a", "a-b", "a-b-c"]
    write_job(tmp_path, *({**PEOPLE, "name": n, "source": "x.csv"} for n in names))
    for name in ("only-a", "only-a-b", "only-a-b-x.csv", "only-a-x.csv"):
        (tmp_path / "state/job.rejects" / name).mkdir(parents=True)

    found = {run.name: [s.name for s in run.streams] for run in runs(load(tmp_path / "job.yaml"))}

    assert found == {
        "": names,
        "only-a": ["a"],
        "only-a-b": ["a-b"],
        "only-a-b-x.csv": ["a-b"],
        "only-a-x.csv": ["a"],
    }


def test_any_number_of_fields_makes_a_bounded_number_of_groups(tmp_path):
    count = 3 * groups.GROUPS_MAX
    write_rows(tmp_path / "people.jsonl", [{"id": f"p{n}", f"_{n}": 1} for n in range(count)])
    write_job(tmp_path, PEOPLE | {"source": "people.jsonl", "attributes": "*"})
    with recording() as server:
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert asked.told["rows"] == count
    assert len(asked.told["groups"]) == groups.GROUPS_MAX + 1
    assert asked.told["groups"][0]["rows"] == count - groups.GROUPS_MAX


def test_a_run_that_is_interrupted_leaves_parquet_rejects_that_can_be_asked(tmp_path):
    write(tmp_path, "parquet")
    with recording(lambda _: Answer(delay_s=1)) as server:
        process = start(tmp_path, server.address, "run", "job.yaml", "--json")
        while not server.posted:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        ended(process)

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert asked.told["rows"] == 5
    assert asked.told["streams"][0]["files"] == ["state/job.rejects/people.parquet"]


def test_the_parquet_file_is_read_where_its_spool_is_gone(tmp_path):
    write(tmp_path, "parquet")
    with recording() as server:
        run_job(tmp_path, server.address)
    (tmp_path / "state/job.rejects/people.spool").unlink()
    job = load(tmp_path / "job.yaml", ["checkpoint=elsewhere"])
    first = runs(job)[0]
    parts = refusals.parts(
        type(first)("", first.checkpoint, tmp_path / "state/job.rejects", job.streams, None),
        "people",
    )

    found = [row for part in parts for r in refusals.read(part, job.streams[0])
             for row in r.frame["row"]]  # fmt: skip

    assert found == [4, 6, 7, 8, 9]
