"""The engine from Python, as a notebook or an orchestrator uses it."""

from __future__ import annotations

import asyncio
import signal
import stat
import subprocess
import sys

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import backfill
from backfill.pipeline import Stop
from tests.end_to_end.command import environ, write_job
from tests.end_to_end.people import PEOPLE, ids, write_people
from tests.end_to_end.recorder import Answer, Posted, Recorder, recording

FRAMES = {
    "pandas": pd.DataFrame({"id": ["p1", "p2"], "score": [1, 2]}, index=[7, 8]),
    "polars": pl.DataFrame({"id": ["p1", "p2"], "score": [1, 2]}),
    "arrow": pa.table({"id": ["p1", "p2"], "score": [1, 2]}),
}


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with recording() as server:
        for name, value in environ(server.address).items():
            monkeypatch.setenv(name, value)
        yield server


def content(source: object, **more: object) -> dict[str, object]:
    stream = {"name": "people", "source": source, "person": {"id": "id"}, "attributes": "*"}
    return {"destination": {"region": "us"}, "streams": [stream | more]}


def test_a_config_file_is_planned_and_run_to_the_same_numbers(tmp_path, server):
    write_people(tmp_path / "people.csv", 3_000)
    write_job(tmp_path, PEOPLE)

    planned = backfill.plan(tmp_path / "job.yaml").as_json()
    result = backfill.run(tmp_path / "job.yaml")

    told = result.as_json()
    assert (result.state, result.error) == ("completed", None)
    assert planned["rows"]["deliverable"] == result.rows.delivered == 3_000
    assert (planned["requests"], planned["bytes"]) == (
        told["requests"]["sent"],
        told["bytes_sent"],
    )


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_table_is_a_source(server: Recorder, frame):
    result = backfill.run(content(frame), limit=None)

    assert result.rows.delivered == 2
    assert [o["attributes"] for o in server.accepted] == [{"score": 1}, {"score": 2}]
    assert ids(server.accepted) == ["p1", "p2"]


def test_the_same_table_again_is_the_same_source_and_another_one_a_new_run(server: Recorder):
    first = backfill.run(content(FRAMES["pandas"]))
    again = backfill.run(content(FRAMES["pandas"].copy()))
    other = backfill.run(content(FRAMES["pandas"].assign(score=[3, 4])))

    assert again.closing.was_done
    assert again.closing.run_id == first.closing.run_id != other.closing.run_id
    assert len(server.posted) == 2


def test_a_table_is_kept_where_only_its_owner_may_read_it(tmp_path, server):
    job = backfill.job(content(FRAMES["polars"]), name="crm")

    (path,) = (tmp_path / "state" / "crm.checkpoint.tables").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert job.streams[0].source.path == str(path.relative_to(tmp_path))


def test_a_column_without_one_type_is_named_by_its_stream(server):
    mixed = pd.DataFrame({"id": ["p1", "p2"], "score": ["secret", 2]})

    with pytest.raises(backfill.BackfillError) as refused:
        backfill.run(content(mixed))

    assert "several types" in refused.value.what
    assert refused.value.where == "stream people, source"
    assert "secret" not in str(refused.value)


def test_a_mistake_in_a_dict_is_told_by_its_place_and_the_nearest_key(server):
    with pytest.raises(backfill.BackfillError) as refused:
        backfill.job(content("people.csv", atributes="*"), name="crm")

    assert refused.value.where == "the job 'crm', streams.people.atributes"
    assert refused.value.fix == "did you mean 'attributes'?"


def test_a_running_event_loop_is_no_hindrance(server: Recorder):
    async def cell() -> str:
        return backfill.run(content(FRAMES["polars"])).state

    assert asyncio.run(cell()) == "completed"


def test_progress_is_told_in_order_and_ends_with_every_row(tmp_path, server):
    write_people(tmp_path / "people.csv", 3_000)
    write_job(tmp_path, PEOPLE)
    told: list[backfill.Progress] = []

    result = backfill.run(tmp_path / "job.yaml", on_progress=told.append)

    done = [each.rows_done for each in told]
    assert done == sorted(done)
    assert (told[-1].stream, told[-1].rows_done, told[-1].rows_expected) == ("people", 3000, 3000)
    assert {each.run_id for each in told} == {result.closing.run_id}


def test_progress_of_a_plan_ends_with_every_row(tmp_path):
    write_people(tmp_path / "people.csv", 3_000)
    write_job(tmp_path, PEOPLE)
    told: list[backfill.Progress] = []

    backfill.plan(tmp_path / "job.yaml", on_progress=told.append)

    assert (told[-1].run_id, told[-1].rows_done, told[-1].rows_expected) == (None, 3000, 3000)


def test_a_progress_function_that_fails_does_not_end_the_run(server, caplog):
    def fails(_: backfill.Progress) -> None:
        raise RuntimeError("mine")

    assert backfill.run(content(FRAMES["polars"]), on_progress=fails).state == "completed"
    assert "on_progress failed" in caplog.text


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_rejects_are_a_table_with_the_columns_of_the_source(tmp_path, server, suffix):
    path = tmp_path / f"people.{suffix}"
    frame = pl.DataFrame({"id": ["p1", "", "p3", ""], "note": ["a", "b", "c", "d"]})
    {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[suffix](
        path
    )

    rejects = backfill.run(content(path)).rejects()

    assert rejects.columns == ["stream", "_file", "_row", "_rule", "_reason", "id", "note"]
    assert rejects["_row"].to_list() == [2, 4]
    assert rejects["note"].to_list() == ["b", "d"]
    assert set(rejects["_rule"]) == {"no_identifier"}


def test_nothing_rejected_is_an_empty_table_of_our_columns(server):
    rejects = backfill.run(content(FRAMES["polars"])).rejects()

    assert (rejects.columns, len(rejects)) == (["stream", "_file", "_row", "_rule", "_reason"], 0)


def test_mended_rows_are_a_part_of_the_job(tmp_path, server):
    (tmp_path / "people.csv").write_text("id,note\np1,a\n,b\n")
    first = backfill.run(content("people.csv"))
    (tmp_path / "mended.csv").write_text(
        "id,note,_file,_row,_rule,_reason\np2,b,people.csv,2,x,y\n"
    )

    part = backfill.job(content("people.csv"), only="people", source=tmp_path / "mended.csv")
    mended = backfill.run(part)

    assert (first.rows.rejected, mended.rows.delivered) == (1, 1)
    assert server.accepted[-1]["attributes"] == {"note": "b"}


def test_ctrl_c_saves_what_is_done_and_the_same_call_goes_on(tmp_path):
    write_people(tmp_path / "people.csv", 3_000)
    write_job(tmp_path, PEOPLE, operations_per_s=1_000, concurrency=1)
    script = "import backfill; print(backfill.run('job.yaml').state)"

    def start(address: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environ(address),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    begun: list[Posted] = []
    with recording(lambda posted: begun.append(posted) or Answer()) as server:
        process = start(server.address)
        while len(begun) < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        first = len(ids(server.accepted))
        again = start(server.address).communicate(timeout=60)

    assert "KeyboardInterrupt" in said
    assert first < 3_000
    assert again == ("completed\n", "")
    assert sorted(ids(server.accepted)) == sorted(f"p{n}" for n in range(3_000))


def test_a_run_may_be_spread_over_workers(tmp_path, server: Recorder):
    expected = [f"p{number}" for number in range(200)]
    for first in range(0, 200, 50):
        rows = "".join(f"{one}\n" for one in expected[first : first + 50])
        (tmp_path / f"{first}.csv").write_text("id\n" + rows)

    result = backfill.run(content("*.csv"), engine="local", workers=2)

    assert (result.state, result.rows.delivered) == ("completed", 200)
    assert sorted(ids(server.accepted)) == sorted(expected)


@pytest.mark.parametrize(
    ("spread", "said"),
    [
        ({"workers": 2}, "whose"),
        ({"engine": "spark"}, "no engine 'spark'"),
        ({"engine": "local", "workers": 0}, "no number of workers"),
        ({"engine": "local", "workers": -1}, "no number of workers"),
        ({"engine": "local", "workers": "2"}, "no number of workers"),
        ({"engine": "local", "ray_address": "a:1"}, "for Ray"),
    ],
)
def test_workers_that_cannot_be_are_a_mistake(server, spread, said):
    with pytest.raises(backfill.BackfillError, match=said):
        backfill.run(content("*.csv"), **spread)


def test_ctrl_c_ends_a_plan_before_all_is_read(tmp_path):
    rows = 1_500_000
    (tmp_path / "people.csv").write_text("id,value\n" + "".join(f"p{n},x\n" for n in range(rows)))
    write_job(tmp_path, PEOPLE)
    script = (
        "import backfill, functools\n"
        "backfill.plan('job.yaml', on_progress=functools.partial(print, flush=True))"
    )
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdout=pipe, stderr=pipe, text=True
    )
    assert process.stdout is not None
    assert "rows_done=0" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    told, said = process.communicate(timeout=60)

    assert "KeyboardInterrupt" in said
    assert f"rows_done={rows}" not in told


def test_ctrl_c_once_the_run_has_ended_is_no_error_of_its_own():
    stop = Stop()

    async def run() -> None:
        stop.goes_by(asyncio.get_running_loop())

    asyncio.run(run())
    stop.wish(signal.SIGINT)

    assert stop.signal is None


def test_help_does_not_load_the_engine():
    script = "import sys, backfill; print('polars' in sys.modules, 'pyarrow' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert found.stdout == "False False\n"
