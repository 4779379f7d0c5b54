"""`backfill history`: what real runs leave, however they end."""

from __future__ import annotations

import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from backfill.history import append
from tests.end_to_end.command import command, ended, run_job, start, write_job
from tests.end_to_end.people import PEOPLE, write_people
from tests.end_to_end.recorder import Answer, Posted, Recorder, recording

from .nights import night, usual

CHECKPOINT = Path("state/job.checkpoint")
HISTORY = "state/job.checkpoint.history"
ROWS = 1000


@pytest.fixture
def job(tmp_path: Path) -> Path:
    write_people(tmp_path / "people.csv", ROWS)
    write_job(tmp_path, PEOPLE, operations_per_s=10_000, concurrency=1)
    return tmp_path


def history(folder: Path, *options: str) -> dict[str, Any]:
    run = command(folder, None, "history", "job.yaml", "--json", *options)
    assert (run.code, run.told["error"]) == (0, None), run.text
    return run.told


def runs(folder: Path) -> list[dict[str, Any]]:
    return history(folder)["runs"]


def begun(folder: Path, server: Recorder, requests: int) -> subprocess.Popen[str]:
    """A run that waits for its next answer, its first requests acknowledged and committed."""
    process = start(folder, server.address, "run", "job.yaml", "--json")
    while len(server.posted) <= requests:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    time.sleep(0.3)  # the commit of what was acknowledged
    return process


def slow_after(requests: int):
    def script(posted: Posted) -> Answer:
        return Answer(delay_s=30.0 if posted.number == requests else 0.0)

    return script


def test_a_run_that_completed_is_told_with_its_numbers(job):
    with recording() as server:
        run = run_job(job, server.address)

    (entry,) = runs(job)
    told = ("run_id", "state", "rows", "rejected_by", "filtered_by", "operations", "requests")
    shared = {key: run.told[key] for key in (*told, "bytes_sent", "held") if key in run.told}
    assert {key: entry[key] for key in shared} == shared
    assert (entry["streams"][0]["name"], entry["sittings"]) == ("people", 1)
    assert entry["rows"]["delivered"] == ROWS
    assert stat.S_IMODE((job / HISTORY).stat().st_mode) == 0o600


def test_a_run_under_way_is_running_and_one_that_was_killed_is_killed_as_far_as_it_came(job):
    with recording(slow_after(3)) as server:
        process = begun(job, server, 3)
        (running,) = runs(job)
        process.kill()
        process.communicate()
    (killed,) = runs(job)

    assert (running["state"], killed["state"]) == ("running", "killed")
    assert running["rows"]["delivered"] == killed["rows"]["delivered"] > 0
    assert killed["requests"]["sent"] == 3
    assert killed["odd"] == ["it was killed"]


def test_a_run_taken_up_after_a_kill_is_one_entry_with_all_its_requests(job):
    with recording(slow_after(3)) as server:
        process = begun(job, server, 3)
        process.kill()
        process.communicate()
        (before,) = runs(job)
        run = run_job(job, server.address)
        sent = len(server.posted)

    (entry,) = runs(job)
    assert (entry["run_id"], entry["state"], entry["sittings"]) == (
        before["run_id"], "completed", 2,
    )  # fmt: skip
    assert entry["requests"]["sent"] == sent - 1  # the one in flight at the kill left no trace
    assert entry["requests"]["sent"] == 3 + run.told["requests"]["sent"]
    assert entry["rows"] == run.told["rows"]
    assert entry["began_at"] == before["began_at"]
    assert entry["elapsed_s"] > before["elapsed_s"]


def test_a_run_that_is_interrupted_says_so_and_goes_on_as_the_same(job):
    with recording(slow_after(3)) as server:
        process = begun(job, server, 3)
        for _ in range(2):
            process.terminate()
            time.sleep(0.2)
        ended(process)
        states = [entry["state"] for entry in runs(job)]
        run_job(job, server.address)

    assert states == ["interrupted"]
    assert [entry["state"] for entry in runs(job)] == ["completed"]


def test_a_run_that_stopped_says_why_and_no_value(job):
    with recording(lambda _: Answer(401)) as server:
        run = run_job(job, server.address)

    (entry,) = runs(job)
    assert (entry["state"], entry["reason"]) == ("stopped", run.told["error"]["what"])
    assert entry["odd"] == [f"it stopped: {entry['reason']}"]
    assert "x1" not in (job / HISTORY).read_text()


def test_a_start_that_finds_nothing_new_is_an_entry_of_its_own(job):
    with recording() as server:
        first, second = run_job(job, server.address), run_job(job, server.address)

    done, nothing = runs(job)
    assert (done["nothing_new"], nothing["nothing_new"]) == (False, True)
    assert nothing["run_id"] == first.told["run_id"] == second.told["run_id"]
    assert (nothing["rows"]["read"], nothing["requests"]["sent"]) == (0, 0)


def test_it_outlives_new_runs_and_fresh_ones_also_over_one_that_was_killed(job):
    with recording(slow_after(3)) as server:
        process = begun(job, server, 3)
        process.kill()
        process.communicate()
        run_job(job, server.address, "--fresh")
        write_people(job / "people.csv", ROWS + 1)
        run_job(job, server.address)
        run_job(job, server.address, "--limit", "5", "--fresh")

    every = runs(job)
    assert [entry["state"] for entry in every] == ["killed", *["completed"] * 3]
    assert [entry["rows"]["read"] for entry in every[1:]] == [ROWS, ROWS + 1, 5]
    assert every[0]["requests"]["sent"] == 3, "the killed run is told by its own checkpoint"
    assert [entry["is_cut"] for entry in every] == [False, False, False, True]


def test_a_part_has_a_history_of_its_own_that_is_taken_for_no_part(job):
    write_people(job / "mended.csv", 3)
    where = ("--only", "people", "--source", "mended.csv")
    with recording() as server:
        first = run_job(job, server.address, *where)
        whole = run_job(job, server.address)
        rejects = command(job, None, "rejects", "job.yaml", "--json")

    assert (first.code, whole.code, rejects.code) == (0, 0, 0)
    assert [entry["run_id"] for entry in runs(job)] == [whole.told["run_id"]]
    (beside,) = (job / "state").glob("job.checkpoint.only-*.history")
    assert first.told["run_id"] in beside.read_text()


def test_a_history_that_cannot_be_written_is_a_warning_and_stops_nothing(job):
    (job / HISTORY).mkdir(parents=True)

    with recording() as server:
        run = run_job(job, server.address)

    assert (run.code, run.told["rows"]["delivered"]) == (0, ROWS)
    assert run.text.count("warning: no history of this run: Is a directory") == 1


def test_a_history_that_cannot_be_read_is_an_error_that_names_it(job):
    (job / HISTORY).mkdir(parents=True)

    run = command(job, None, "history", "job.yaml", "--json")

    assert run.code == 1
    assert run.told["error"]["where"].endswith(HISTORY)


def test_before_the_first_run_it_says_that_there_is_none(job):
    text = command(job, None, "history", "job.yaml").text

    assert text == f"No history yet: {HISTORY} is not there or empty.\n"
    assert runs(job) == []
    assert not (job / "state").exists()


def test_it_is_shown_also_when_the_checkpoint_cannot_be_read(job):
    with recording() as server:
        run_job(job, server.address)
    (job / CHECKPOINT).write_bytes(b"not a checkpoint" * 100)

    run = command(job, None, "history", "job.yaml", "--json")

    assert (run.code, len(run.told["runs"])) == (0, 1)
    assert "this is not a checkpoint" in run.text


def test_the_table_has_a_line_a_run_and_below_an_odd_one_the_reason(job):
    (job / "state").mkdir()
    for entry in [*usual([4010, 3990, 4020, 4001, 3985, 4007]), night(6, 2360, 3)]:
        append(job / CHECKPOINT, entry)

    text = command(job, None, "history", "job.yaml", "--last", "2").text

    header, usually, odd, *rest = text.splitlines()
    assert text.isascii()
    assert header.split()[:2] == ["began", "(UTC)"]
    assert usually.startswith("2026-03-07 02:00")
    assert usually.endswith("########|")
    assert "2,360" in odd
    assert odd.split("  ")[-1].strip() == "!"
    assert "#####   |" in odd
    assert rest[:2] == [
        "    ! rows read 41% below the median of 6 runs",
        "    ! rows delivered 41% below the median of 6 runs",
    ]
    assert rest[-1] == "These are the last 2 of 7; --last N shows more."
    assert any(line.startswith("! no run for ") for line in rest), "no run for months is late"


def test_a_night_that_is_stopped_before_it_begins_is_there_and_odd(job):
    with recording() as server:
        write_job(job, PEOPLE | {"expect": {"min_rows": ROWS}}, concurrency=1)
        assert run_job(job, server.address).code == 0
        write_people(job / "people.csv", ROWS // 2)
        stopped = run_job(job, server.address)
        (job / "people.csv").unlink()
        missing = run_job(job, server.address)

    assert (stopped.code, stopped.told["run_id"], stopped.told["rows"]["read"]) == (1, None, 0)
    first, *others = runs(job)
    assert (first["state"], first["odd"]) == ("completed", [])
    for entry, run in zip(others, (stopped, missing), strict=True):
        assert (entry["run_id"], entry["state"], entry["rows"]["read"]) == (None, "stopped", 0)
        assert entry["odd"] == [f"it stopped: {run.told['error']['what']}"]
