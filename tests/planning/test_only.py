"""`--only STREAM --source FILE` sends mended rows, and nothing of the job around them."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backfill.checkpoint import holder
from tests.end_to_end.command import Ended, command, ended, run_job, start, write_job
from tests.end_to_end.people import ids
from tests.end_to_end.recorder import Answer, recording

from .sources import LONG_AGO, write_rows

TOO_LONG = "x" * 1_001
CHECKPOINT = "state/job.checkpoint"
REJECTS = "state/job.rejects"
TRACES = ("_file", "_row", "_rule", "_reason")


def rows(count: int = 20) -> list[dict[str, str]]:
    """Rows of whom each fifth, from the third, is refused."""
    return [
        {
            "id": f"p{n}",
            "value": TOO_LONG if n % 5 == 2 else f"v{n}",
            "at": LONG_AGO,
            "order": f"o{n}",
        }
        for n in range(count)
    ]


PEOPLE = {"name": "people", "person": {"id": "id"}, "attributes": "*"}


def events(key: str | list[str]) -> dict[str, Any]:
    number = {"column": "value", "type": "number"}
    happened = {"name": "bought", "timestamp": "at", "key": key}
    return {"name": "orders", "person": {"id": "id"}, "event": happened} | {
        "attributes": {"*": True, "value": number}
    }


def event_rows(count: int = 20, good: str = "1") -> list[dict[str, str]]:
    return [row | {"value": "much" if n % 5 == 2 else good} for n, row in enumerate(rows(count))]


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def mend(path: Path, to: Path, value: str = "7", without: tuple[str, ...] = ()) -> None:
    """What a person does: a value set right in every row, and columns that a spreadsheet drops."""
    mended = [row | {"value": value} for row in read(path)]
    kept = [{k: v for k, v in row.items() if k not in without} for row in mended]
    if to.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(kept), to)
    else:
        write_rows(to, kept)


def only(folder: Path, address: str | None, source: str | None, stream: str = "people") -> Ended:
    arguments = () if source is None else ("--source", source)
    return run_job(folder, address, "--only", stream, *arguments)


@pytest.fixture
def server():
    with recording() as found:
        yield found


def sent(folder: Path, address: str, form: str, stream: dict[str, Any], found: Any) -> Path:
    """Run a job whose rows are refused in part; gives the rejects."""
    write_rows(folder / f"rows.{form}", found)
    write_job(folder, stream | {"source": f"rows.{form}"})
    assert run_job(folder, address).code == 3
    return folder / REJECTS / f"{stream['name']}.{form}"


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_only_the_mended_rows_are_sent_and_their_traces_are_no_attributes(tmp_path, server, form):
    rejects = sent(tmp_path, server.address, form, PEOPLE, rows())
    before = (tmp_path / CHECKPOINT).read_bytes(), rejects.read_bytes()
    mend(rejects, tmp_path / f"mended.{form}")
    server.posted.clear()

    run = only(tmp_path, server.address, f"{tmp_path}/mended.{form}")

    assert (run.code, ids(server.accepted)) == (0, ["p2", "p7", "p12", "p17"])
    assert {key for o in server.accepted for key in o["attributes"]} == {"value", "at", "order"}
    assert ((tmp_path / CHECKPOINT).read_bytes(), rejects.read_bytes()) == before
    assert f"{CHECKPOINT}.only-people-mended.{form}-" in run.told["checkpoint"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_the_rejects_may_be_mended_in_place(tmp_path, server, form):
    rejects = sent(tmp_path, server.address, form, PEOPLE, rows())
    mend(rejects, rejects)
    server.posted.clear()

    run = only(tmp_path, server.address, f"{tmp_path}/{REJECTS}/people.{form}")

    assert (run.code, len(server.accepted)) == (0, 4)


def test_what_is_refused_again_stands_in_rejects_of_their_own(tmp_path, server):
    rejects = sent(tmp_path, server.address, "csv", PEOPLE, rows())
    mend(rejects, tmp_path / "mended.csv", TOO_LONG)

    run = only(tmp_path, server.address, f"{tmp_path}/mended.csv")

    assert (run.code, run.told["rows"]["rejected"]) == (3, 4)
    (path,) = run.told["rejects"]
    assert path.startswith(f"{REJECTS}/only-people-mended.csv-")
    again = read(tmp_path / run.told["rejects"][0])
    first = [(row["_file"], row["_row"]) for row in read(rejects)]
    assert [(row["_file"], row["_row"]) for row in again] == first[:4]


def event_ids(of: list[dict[str, Any]]) -> dict[str, str]:
    return {o["identifiers"]["id"]: o["id"] for o in of}


def unrefused_ids(folder: Path, form: str, key: str | list[str]) -> dict[str, str]:
    """The event ids the rows would have had, had none of them been refused; by its own job."""
    folder.mkdir()
    stream = events(key)
    stream["attributes"] = "*"
    write_rows(folder / f"rows.{form}", event_rows())
    write_job(folder, stream | {"source": f"rows.{form}"})
    with recording() as server:
        assert run_job(folder, server.address).code == 0
    return event_ids(server.accepted)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("key", ["order", ["order", "id"], "row"])
def test_mended_events_have_the_ids_they_would_have_had(tmp_path, server, form, key):
    expected = unrefused_ids(tmp_path / "unrefused", form, key)
    rejects = sent(tmp_path, server.address, form, events(key), event_rows())
    first = event_ids(server.accepted)
    mend(rejects, tmp_path / f"mended.{form}")
    server.posted.clear()

    run = only(tmp_path, server.address, f"{tmp_path}/mended.{form}", "orders")

    assert run.code == 0, run.text
    assert first | event_ids(server.accepted) == expected
    assert not {key for o in server.accepted for key in o["attributes"]} & set(TRACES)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_events_mended_in_two_rounds_have_the_ids_they_would_have_had(tmp_path, server, form):
    expected = unrefused_ids(tmp_path / "unrefused", form, "row")
    rejects = sent(tmp_path, server.address, form, events("row"), event_rows())
    mend(rejects, tmp_path / f"first.{form}", "still much")
    again = only(tmp_path, server.address, f"{tmp_path}/first.{form}", "orders")
    mend(tmp_path / again.told["rejects"][0], tmp_path / f"second.{form}")
    server.posted.clear()

    run = only(tmp_path, server.address, f"{tmp_path}/second.{form}", "orders")

    assert (again.code, run.code) == (3, 0)
    found = event_ids(server.accepted)
    assert len(found) == 4
    assert found.items() <= expected.items()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_events_told_by_their_place_keep_their_ids_without_the_checkpoint(tmp_path, server, form):
    expected = unrefused_ids(tmp_path / "unrefused", form, "row")
    rejects = sent(tmp_path, server.address, form, events("row"), event_rows())
    mend(rejects, tmp_path / f"mended.{form}")
    (tmp_path / CHECKPOINT).unlink()
    server.posted.clear()

    only(tmp_path, server.address, f"{tmp_path}/mended.{form}", "orders")

    found = event_ids(server.accepted)
    assert len(found) == 4
    assert found.items() <= expected.items()


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_events_told_by_their_content_keep_their_ids_where_that_is_unchanged(
    tmp_path, server, form
):
    expected = unrefused_ids(tmp_path / "unrefused", form, "content")
    rejects = sent(tmp_path, server.address, form, events("content"), event_rows())
    mend(rejects, tmp_path / f"mended.{form}", "much")
    lax = events("content") | {"attributes": "*", "source": f"rows.{form}"}
    write_job(tmp_path, lax)  # the config was mended, not the rows
    server.posted.clear()

    run = only(tmp_path, server.address, f"{tmp_path}/mended.{form}", "orders")

    assert run.code == 0, run.text
    found = event_ids(server.accepted)
    assert len(found) == 4
    assert found.items() <= expected.items()


def test_a_spreadsheet_may_drop_the_traces(tmp_path, server):
    rejects = sent(tmp_path, server.address, "csv", PEOPLE, rows())
    mend(rejects, tmp_path / "mended.csv", without=TRACES)
    server.posted.clear()

    run = only(tmp_path, server.address, f"{tmp_path}/mended.csv")

    assert (run.code, len(server.accepted)) == (0, 4)


@pytest.mark.parametrize("without", [(), TRACES, ("_rule", "_reason")])
def test_rows_of_a_source_without_a_header_come_back_with_one(tmp_path, server, without):
    columns = ["id", "value", "at", "order"]
    lines = [",".join(row.values()) for row in rows()]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    write_job(tmp_path, PEOPLE | {"source": {"path": "rows.csv", "columns": columns}})
    run_job(tmp_path, server.address)
    mend(tmp_path / REJECTS / "people.csv", tmp_path / "mended.csv", without=without)
    server.posted.clear()

    run = only(tmp_path, server.address, f"{tmp_path}/mended.csv")

    assert (run.code, ids(server.accepted)) == (0, ["p2", "p7", "p12", "p17"])
    assert {key for o in server.accepted for key in o["attributes"]} == set(columns[1:])


def test_the_same_command_again_sends_nothing_and_a_changed_file_is_a_new_run(tmp_path, server):
    rejects = sent(tmp_path, server.address, "csv", PEOPLE, rows())
    mend(rejects, tmp_path / "mended.csv")
    first = only(tmp_path, server.address, f"{tmp_path}/mended.csv")
    posted = len(server.posted)
    again = only(tmp_path, server.address, f"{tmp_path}/mended.csv")
    unchanged = len(server.posted)
    mend(rejects, tmp_path / "mended.csv", "other")
    changed = only(tmp_path, server.address, f"{tmp_path}/mended.csv")

    assert (first.code, again.code, changed.code) == (0, 0, 0)
    assert unchanged == posted
    assert again.told["run_id"] == first.told["run_id"] != changed.told["run_id"]
    assert [o["attributes"]["value"] for o in server.posted[-1].operations] == ["other"] * 4


def test_a_stopped_run_of_mended_rows_goes_on(tmp_path):
    write_rows(tmp_path / "rows.csv", rows(500))
    write_job(tmp_path, PEOPLE | {"source": "rows.csv"}, operations_per_s=1_000, concurrency=1)
    answers = iter([*[200] * 43, 401])

    with recording(lambda _: Answer(next(answers, 200))) as server:
        run_job(tmp_path, server.address)
        mend(tmp_path / REJECTS / "people.csv", tmp_path / "mended.csv")
        sent_first = len(server.accepted)
        stopped = only(tmp_path, server.address, f"{tmp_path}/mended.csv")
        resumed = only(tmp_path, server.address, f"{tmp_path}/mended.csv")

    assert sent_first == 400
    assert (stopped.code, resumed.code) == (1, 0)
    assert 0 < stopped.told["rows"]["delivered"] < 100
    assert sorted(ids(server.accepted)[400:]) == sorted(f"p{n}" for n in range(2, 500, 5))


def test_one_stream_alone_is_sent_from_its_own_source(tmp_path, server):
    write_rows(tmp_path / "rows.csv", rows())
    other = PEOPLE | {"name": "other", "source": "rows.csv", "person": {"email": "id"}}
    write_job(tmp_path, PEOPLE | {"source": "rows.csv"}, other)

    run = only(tmp_path, server.address, None, "other")

    assert {next(iter(o["identifiers"])) for o in server.accepted} == {"email"}
    assert [stream["name"] for stream in run.told["streams"]] == ["other"]
    assert not (tmp_path / CHECKPOINT).exists()


def test_a_plan_of_mended_rows_is_what_their_run_sends(tmp_path, server):
    rejects = sent(tmp_path, server.address, "csv", PEOPLE, rows())
    mend(rejects, tmp_path / "mended.csv")
    where = ("--only", "people", "--source", f"{tmp_path}/mended.csv")

    plan = command(tmp_path, None, "plan", "job.yaml", "--json", *where)
    run = run_job(tmp_path, server.address, *where)

    assert plan.told["operations"] == run.told["operations"]["delivered"] == 4
    assert plan.told["bytes"] == run.told["bytes_sent"]


def told(run: Ended) -> str:
    return json.dumps(run.told["error"])


def test_a_stream_that_is_not_there_is_told_with_the_nearest(tmp_path):
    write_rows(tmp_path / "rows.csv", rows())
    write_job(tmp_path, PEOPLE | {"source": "rows.csv"})

    near, far = only(tmp_path, None, None, "poeple"), only(tmp_path, None, None, "zzz")

    assert (near.code, far.code) == (2, 2)
    assert "did you mean 'people'?" in told(near)
    assert "use one of: people" in told(far)


def test_a_source_without_a_stream_or_that_is_not_there_is_refused(tmp_path):
    write_rows(tmp_path / "rows.csv", rows())
    write_job(tmp_path, PEOPLE | {"source": "rows.csv"})

    nameless = run_job(tmp_path, None, "--source", "rows.csv")
    missing = only(tmp_path, None, "mended.csv")

    assert (nameless.code, missing.code) == (2, 2)
    assert "add --only STREAM, one of: people" in told(nameless)
    assert "there is no such file" in told(missing)


@contextmanager
def alive(folder: Path, address: str, *arguments: str) -> Iterator[None]:
    """A run that waits for an answer as long as the context is open."""
    process = start(folder, address, "run", "job.yaml", "--json", *arguments)
    while holder(folder / CHECKPOINT) is None and not list(folder.glob(f"{CHECKPOINT}.only*-wal")):
        assert process.poll() is None
        time.sleep(0.01)
    try:
        yield
    finally:
        process.kill()
        ended(process)


def test_mended_rows_wait_for_a_run_of_the_whole_job_but_may_be_planned_beside_it(tmp_path):
    write_rows(tmp_path / "rows.csv", rows())
    write_job(tmp_path, PEOPLE | {"source": "rows.csv"})
    write_rows(tmp_path / "mended.csv", rows()[:1])
    where = ("--only", "people", "--source", f"{tmp_path}/mended.csv")

    with recording(lambda _: Answer(delay_s=60)) as server, alive(tmp_path, server.address):
        refused = run_job(tmp_path, server.address, *where)
        plan = command(tmp_path, None, "plan", "job.yaml", "--json", *where)

    assert (refused.code, plan.code, plan.told["operations"]) == (2, 0, 1)
    assert "a run of the whole job is alive" in told(refused)


def test_the_whole_job_waits_for_a_run_of_mended_rows(tmp_path):
    write_rows(tmp_path / "rows.csv", rows())
    write_job(tmp_path, PEOPLE | {"source": "rows.csv"})
    write_rows(tmp_path / "mended.csv", rows()[:1])
    where = ("--only", "people", "--source", f"{tmp_path}/mended.csv")

    with recording(lambda _: Answer(delay_s=60)) as server, alive(tmp_path, server.address, *where):
        refused = run_job(tmp_path, server.address)

    assert refused.code == 2
    assert "a run of a part of the job is alive" in told(refused)


@pytest.mark.parametrize(("written", "said"), [(";", "';'"), ("\t", "a tab"), ("|", "'|'")])
def test_a_mended_file_with_another_delimiter_says_so(tmp_path, server, written, said):
    rejects = sent(tmp_path, server.address, "csv", PEOPLE, rows())
    with (tmp_path / "mended.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(read(rejects)[0]), delimiter=written)
        writer.writeheader()
        writer.writerows(read(rejects))

    run = only(tmp_path, server.address, f"{tmp_path}/mended.csv")

    assert run.code == 2
    assert "no column 'id' in mended.csv" in told(run)
    assert f"its cells seem to be parted by {said}" in told(run)
    assert "delimiter" in told(run)


def test_a_source_with_another_delimiter_than_it_is_read_with_says_so(tmp_path):
    write_rows(tmp_path / "rows.csv", rows())
    write_job(tmp_path, PEOPLE | {"source": {"path": "rows.csv", "delimiter": ";"}})

    run = run_job(tmp_path, None)

    assert "its cells seem to be parted by ','" in told(run)


def test_a_column_that_is_only_misspelled_says_nothing_of_delimiters(tmp_path):
    write_rows(tmp_path / "rows.csv", rows())
    write_job(tmp_path, PEOPLE | {"source": "rows.csv", "person": {"id": "ident"}})

    assert "parted" not in told(run_job(tmp_path, None))


def test_a_mended_file_that_was_saved_as_utf_8_is_read_as_that(tmp_path, server):
    (tmp_path / "rows.csv").write_text("id,note\np1,ü\n,ä\n", encoding="cp1252")
    stream = PEOPLE | {"source": {"path": "rows.csv", "encoding": "cp1252"}}
    write_job(tmp_path, stream)
    run_job(tmp_path, server.address)
    (tmp_path / "mended.csv").write_text("id,note\np2,ä\n", encoding="utf-8-sig")

    run = only(tmp_path, server.address, f"{tmp_path}/mended.csv")

    assert (run.code, [o["attributes"]["note"] for o in server.accepted]) == (0, ["ü", "ä"])
