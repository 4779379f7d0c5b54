"""Nights whose exports are cut, shifted or otherwise not what they were."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backfill.config import load
from backfill.errors import Terminated
from backfill.pipeline import Stop, open_streams
from backfill.pipeline.expecting import Expectations
from tests.planning.sources import write_rows

from .command import Ended, command, run_job, start, write_job
from .people import ids
from .recorder import Answer, Recorder, recording

PEOPLE = {"name": "people", "source": "people.csv", "person": {"id": "id"}, "attributes": "*"}
OTHERS = PEOPLE | {"name": "others", "source": "others.csv"}
LEARNT = "state/job.checkpoint.learnt.json"
FORMATS = pytest.mark.parametrize(
    "name", ["people.csv", "people.jsonl", "people.parquet", "people.csv.gz"]
)


def export(folder: Path, count: int, name: str = "people.csv", night: int = 0, **more: Any) -> None:
    """An export; more: further columns, before `email` where they begin with "a_"."""
    before = {key: value for key, value in more.items() if key.startswith("a_")}
    behind = {key: value for key, value in more.items() if not key.startswith("a_")}
    email = {} if more.get("email", "") is None else {"email": f"{night}@example.com"}
    rows = [{"id": f"p{n}"} | before | email | behind for n in range(count)]
    write_rows(folder / name, [{k: v for k, v in row.items() if v is not None} for row in rows])


def expecting(folder: Path, expect: Any = "learnt", **keys: Any) -> None:
    write_job(folder, PEOPLE | {"expect": expect} | keys)


def nights(server: Recorder, folder: Path, *counts: int, name: str = "people.csv") -> None:
    """Nights that are as expected."""
    for night, count in enumerate(counts):
        export(folder, count, name, night)
        assert run_job(folder, server.address).code == 0


def learnt(folder: Path, stream: str = "people") -> list[int]:
    """The rows of the nights that were learnt from."""
    known = json.loads((folder / LEARNT).read_text())
    return [night["rows"] for night in known.get(stream, ())]


def assert_stopped(run: Ended, *texts: str) -> None:
    assert run.code == 1
    assert run.told["error"]
    assert [text for text in texts if text not in run.text] == []


@FORMATS
def test_a_file_that_was_cut_stops_before_the_first_request(tmp_path, name):
    expecting(tmp_path, source=name)

    with recording() as server:
        nights(server, tmp_path, 100, 101, 102, name=name)
        before, asked = len(server.posted), server.asked
        export(tmp_path, 60, name, night=9)
        run = run_job(tmp_path, server.address)

    assert_stopped(
        run,
        "60 rows where the median of 3 nights is 101: 40.6% fewer (`max_row_change: 30%`)",
        f"where: stream people, {name}",
        "backfill run job.yaml --set streams.people.expect=accept",
    )
    assert (len(server.posted), server.asked) == (before, asked)
    assert learnt(tmp_path) == [100, 101, 102]


@FORMATS
def test_a_column_whose_cells_are_gone_stops(tmp_path, name):
    expecting(tmp_path, source=name)

    with recording() as server:
        nights(server, tmp_path, 100, name=name)
        export(tmp_path, 100, name, email="")
        run = run_job(tmp_path, server.address)

    assert_stopped(run, "column 'email' is blank in 100.0% of the rows")


@FORMATS
def test_a_column_that_is_gone_stops(tmp_path, name):
    expecting(tmp_path, {"columns": "learnt"}, source=name)

    with recording() as server:
        nights(server, tmp_path, 10, name=name)
        export(tmp_path, 10, name, email=None, e_mail="x")
        run = run_job(tmp_path, server.address)

    assert_stopped(run, "'email'")
    assert not [p for p in server.posted if "e_mail" in p.operations[0]["attributes"]]


@FORMATS
def test_new_columns_at_the_end_are_told_sent_and_learnt(tmp_path, name):
    expecting(tmp_path, {"columns": "learnt"}, source=name)

    with recording() as server:
        nights(server, tmp_path, 10, name=name)
        export(tmp_path, 10, name, plan="free")
        planned = command(tmp_path, None, "plan", "job.yaml", "--json").told
        second = run_job(tmp_path, server.address)
        export(tmp_path, 11, name, plan="free")
        third = run_job(tmp_path, server.address)

    assert (second.code, third.code) == (0, 0)
    assert "warning: people: new columns at the end: 'plan', which `*` sends" in second.text
    assert "new columns" not in third.text
    assert "new_columns" in [finding["kind"] for finding in planned["findings"]]


def test_columns_between_others_stop(tmp_path):
    expecting(tmp_path)

    with recording() as server:
        nights(server, tmp_path, 10)
        export(tmp_path, 10, a_new="x")
        run = run_job(tmp_path, server.address)

    assert_stopped(run, "new 'a_new', before others")


def test_everything_that_differs_in_any_stream_is_told_at_once_and_nothing_sent(tmp_path):
    written = {"columns": ["id", "email", "phone"], "min_rows": 50}
    write_job(tmp_path, PEOPLE | {"expect": "learnt"}, OTHERS | {"expect": written})
    (tmp_path / "others.csv").write_text("id,email,phone\n" + "1,2,3\n" * 50)

    with recording() as server:
        nights(server, tmp_path, 100)
        before = len(server.posted)
        export(tmp_path, 200, night=1)
        (tmp_path / "others.csv").write_text("id,email\n1,2\n")
        run = run_job(tmp_path, server.address)

    assert_stopped(
        run,
        "in 3 ways",
        "people: 200 rows where the median of 1 night is 100: 100.0% more",
        "others: 1 row, fewer than `min_rows: 50`",
        "others: others.csv has no column 'phone'",
        "stream people, people.csv; stream others, others.csv",
        "change `expect` of the stream",
    )
    assert "streams.others.expect=accept" not in run.text
    assert len(server.posted) == before


def test_a_stream_that_is_not_first_stops_the_job_before_the_first_is_sent(tmp_path):
    write_job(tmp_path, PEOPLE, OTHERS | {"expect": {"min_rows": 5}})
    export(tmp_path, 10)
    export(tmp_path, 4, "others.csv")

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert_stopped(run, "4 rows, fewer than")
    assert server.posted == []


def test_what_is_accepted_once_is_what_the_next_nights_are_held_against(tmp_path):
    expecting(tmp_path)

    with recording() as server:
        nights(server, tmp_path, 100, 100, 100)
        export(tmp_path, 20, night=4, a_new="x")
        stopped = run_job(tmp_path, server.address)
        accepted = run_job(tmp_path, server.address, "--set", "streams.people.expect=accept")
        export(tmp_path, 21, night=5, a_new="x")
        after = run_job(tmp_path, server.address)
        export(tmp_path, 100, night=6, a_new="x")
        as_before = run_job(tmp_path, server.address)

    assert (stopped.code, accepted.code, after.code) == (1, 0, 0)
    assert_stopped(as_before, "100 rows where the median of 2 nights is 20")
    assert learnt(tmp_path) == [20, 21]


def test_a_week_of_nights_is_kept_beside_the_checkpoint_for_its_owner_only(tmp_path):
    expecting(tmp_path, {"max_row_change": "30%"})

    with recording() as server:
        nights(server, tmp_path, *range(100, 109))

    assert learnt(tmp_path) == list(range(102, 109))
    assert stat.S_IMODE((tmp_path / LEARNT).stat().st_mode) == 0o600


def test_what_was_learnt_survives_a_fresh_start(tmp_path):
    expecting(tmp_path)

    with recording() as server:
        nights(server, tmp_path, 100)
        export(tmp_path, 10, night=1)
        run = run_job(tmp_path, server.address, "--fresh")

    assert_stopped(run, "10 rows where")
    assert [p for p in (tmp_path / "state").iterdir() if p.name.count("checkpoint.2")] == []


def test_parts_of_a_job_and_runs_with_a_limit_teach_nothing(tmp_path):
    expecting(tmp_path)

    with recording() as server:
        export(tmp_path, 10)
        export(tmp_path, 3, "mended.csv")
        for arguments in (
            ("--limit", "5"),
            ("--only", "people"),
            ("--only", "people", "--source", "mended.csv"),
        ):
            assert run_job(tmp_path, server.address, *arguments).code == 0

    assert not (tmp_path / LEARNT).exists()


def test_what_a_limit_left_is_sent_later_and_then_the_night_is_learnt_from(tmp_path):
    expecting(tmp_path)

    with recording() as server:
        nights(server, tmp_path, 100)
        export(tmp_path, 3)
        accept = ("--set", "streams.people.expect=accept")
        codes = [run_job(tmp_path, server.address, *accept, "--limit", "1").code]
        codes.append(run_job(tmp_path, server.address).code)
        export(tmp_path, 3, night=9)
        codes.append(run_job(tmp_path, server.address).code)

    assert codes == [0, 0, 0]


def test_of_files_that_are_taken_once_the_rows_of_a_file_are_compared(tmp_path):
    expecting(tmp_path, source="in/*.csv")
    (tmp_path / "in").mkdir()

    with recording() as server:
        codes = []
        for files in ([100, 101, 102], [103], [104, 105], [106], [20]):
            for count in files:
                export(tmp_path, count, f"in/{count}.csv", night=count)
            codes.append(run_job(tmp_path, server.address).code)

    assert codes == [0, 0, 0, 0, 1]


def test_a_night_of_which_some_is_held_is_learnt_from(tmp_path):
    events = {"name": "orders", "source": "orders.csv", "person": {"id": "id"}}
    events |= {"event": {"name": "ordered", "timestamp": "at", "key": "content"}}
    events |= {"campaigns": "hold", "changes": {"key": "id"}}
    write_job(tmp_path, PEOPLE | {"expect": "learnt", "changes": {"key": "id"}}, events)
    (tmp_path / "orders.csv").write_text(f"id,at\na,{int(time.time())}\n")

    with recording() as server:
        export(tmp_path, 100)
        held = run_job(tmp_path, server.address)
        export(tmp_path, 10)
        cut = run_job(tmp_path, server.address)

    assert held.told["held"] == 1
    assert_stopped(cut, "10 rows where")


def test_a_part_of_a_job_is_held_against_its_nights_and_mended_rows_are_not(tmp_path):
    expecting(tmp_path)

    with recording() as server:
        nights(server, tmp_path, 100)
        export(tmp_path, 3, "mended.csv")
        mended = run_job(tmp_path, server.address, "--only", "people", "--source", "mended.csv")
        export(tmp_path, 3)
        part = run_job(tmp_path, server.address, "--only", "people")

    assert mended.code == 0
    assert_stopped(part, "3 rows where")


def test_streams_without_expectations_teach_nothing(tmp_path):
    write_job(tmp_path, PEOPLE, OTHERS | {"expect": "learnt"})

    with recording() as server:
        export(tmp_path, 10, "others.csv")
        nights(server, tmp_path, 10)

    assert list(json.loads((tmp_path / LEARNT).read_text())) == ["others"]


def test_all_files_of_a_stream_count_together(tmp_path):
    expecting(tmp_path, {"min_rows": 30, "columns": "learnt"}, source="part-*.csv")

    with recording() as server:
        for night, name in enumerate("abc"):
            export(tmp_path, 10, f"part-{name}.csv", night=night)
        first = run_job(tmp_path, server.address)
        (tmp_path / "part-c.csv").unlink()
        export(tmp_path, 10, "part-a.csv", night=3)
        second = run_job(tmp_path, server.address)

    assert first.code == 0
    assert_stopped(second, "10 rows, fewer than", "stream people, part-a.csv")


@pytest.mark.parametrize("expect", [{"min_rows": 1}, "learnt"])
def test_a_source_that_cannot_be_read_to_its_end_stops_before_the_first_request(tmp_path, expect):
    expecting(tmp_path, expect, source="people.csv.gz")
    rows = "".join(f"p{n},{n * 7919 % 10_007}\n" for n in range(400_000))
    whole = gzip.compress(("id,value\n" + rows).encode())
    (tmp_path / "people.csv.gz").write_bytes(whole[: len(whole) - 100])

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert_stopped(run, "the compressed file is cut short")
    assert server.posted == []


def test_a_run_that_was_accepted_and_killed_goes_on_and_is_learnt_from_in_the_end(tmp_path):
    expecting(tmp_path, operations_per_s=200)
    write_job(tmp_path, PEOPLE | {"expect": "learnt"}, operations_per_s=4_000, concurrency=2)

    with recording(lambda _: Answer(delay_s=0.05)) as server:
        nights(server, tmp_path, 10)
        export(tmp_path, 3_000, night=1)
        accept = ("--set", "streams.people.expect=accept")
        process = start(tmp_path, server.address, "run", "job.yaml", *accept)
        begun = len(server.posted)
        while len(server.posted) < begun + 3:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert learnt(tmp_path) == [10]
        run = run_job(tmp_path, server.address)

    assert (run.code, run.told["rows"]["delivered"]) == (0, 3_000)
    assert learnt(tmp_path) == [3_000]


def test_a_night_that_was_not_learnt_from_before_its_process_ended_is_by_the_next(tmp_path):
    expecting(tmp_path)

    with recording() as server:
        nights(server, tmp_path, 100)
        (tmp_path / LEARNT).unlink()
        nights(server, tmp_path, 100, 101)

    assert learnt(tmp_path) == [100, 101]


def test_a_night_that_ends_with_rejected_rows_is_learnt_from_and_a_stopped_one_is_not(tmp_path):
    expecting(tmp_path, max_rejects=1)

    with recording() as server:
        (tmp_path / "people.csv").write_text("id,email\n1,a\n,b\n")
        rejected = run_job(tmp_path, server.address)
        (tmp_path / "people.csv").write_text("id,email\n1,a\n,b\n,c\n")
        stopped = run_job(tmp_path, server.address, "--set", "streams.people.expect=accept")

    assert (rejected.code, stopped.code) == (3, 1)
    assert learnt(tmp_path) == [2]


def test_what_was_learnt_and_is_damaged_needs_a_person(tmp_path):
    expecting(tmp_path)

    with recording() as server:
        nights(server, tmp_path, 100)
        (tmp_path / LEARNT).write_text('{"people": [{"ro')
        export(tmp_path, 10, night=1)
        run = run_job(tmp_path, server.address)

    assert run.code == 2
    assert "what was learnt of earlier nights is damaged" in run.text


def test_a_plan_tells_what_differs_and_goes_on(tmp_path):
    expecting(tmp_path)

    with recording() as server:
        nights(server, tmp_path, 100)
    export(tmp_path, 10, night=1)
    planned = command(tmp_path, None, "plan", "job.yaml", "--json")

    told = [f["text"] for f in planned.told["findings"] if f["kind"] == "not_as_expected"]
    assert (planned.code, planned.told["rows"]["read"]) == (0, 10)
    assert told == [
        "10 rows where the median of 1 night is 100: 90.0% fewer (`max_row_change: 30%`)"
    ]
    assert (
        "A run stops before it sends anything:" in command(tmp_path, None, "plan", "job.yaml").text
    )


def test_a_first_night_is_taken_as_it_is_and_says_so(tmp_path):
    expecting(tmp_path)
    export(tmp_path, 10)

    with recording() as server:
        run = run_job(tmp_path, server.address)

    assert "people: nothing is learnt of earlier nights yet: this one is taken as it is" in run.text
    assert sorted(ids(server.accepted)) == sorted(f"p{n}" for n in range(10))


def test_a_look_at_the_sources_ends_when_it_is_asked_to(tmp_path):
    expecting(tmp_path)
    export(tmp_path, 400_000)
    job, stop = load(tmp_path / "job.yaml"), Stop()
    looking = Expectations(job, open_streams(job)).look()

    def asked() -> Iterator[None]:
        for number, step in enumerate(looking):
            if number == 1:
                stop.wish(signal.SIGTERM)
                time.sleep(0.2)  # it is heard in another thread
            yield step

    async def run() -> None:
        stop.goes_by(asyncio.get_running_loop())
        await stop.through(asked())

    with pytest.raises(Terminated):
        asyncio.run(run())
    assert list(looking) != []
