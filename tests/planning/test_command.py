"""`plan` as a command: bad input, its exits, what it leaves beside the checkpoint."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.end_to_end.command import Ended, command, ended, environ, start, write_job
from tests.end_to_end.people import PEOPLE, write_people
from tests.end_to_end.recorder import Answer, recording

KEPT = "state/job.checkpoint.plan.json"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The folder of a job of ten people."""
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)
    return tmp_path


def plan(folder: Path, *arguments: str) -> Ended:
    return command(folder, None, "plan", "job.yaml", "--json", *arguments)


def assert_says(ended: Ended, code: int, *words: str) -> None:
    """It ended with the code, and its JSON object holds the words."""
    told = json.dumps(ended.told["error"])
    assert ended.code == code, ended.text
    assert [word for word in words if word not in told] == []


def test_a_column_that_is_not_there_is_named(job):
    write_job(job, PEOPLE | {"attributes": {"a": "valeu"}})

    assert_says(plan(job), 2, "no column 'valeu'", "attributes.a", "id, value")


def test_a_source_that_is_not_there_is_named(job):
    (job / "people.csv").unlink()

    assert_says(plan(job), 2, "people.csv")


def test_a_config_that_does_not_hold_is_told_as_json(job):
    (job / "job.yaml").write_text("streams: 7\n")

    assert_says(plan(job), 2, "job.yaml")


def test_everything_may_be_rejected(job):
    (job / "people.csv").write_text("id,value\n,a\n,b\n")

    found = plan(job)

    assert (found.code, found.told["rows"]["rejected"], found.told["requests"]) == (0, 2, 0)


def test_a_file_that_changes_while_it_is_read_is_told(job):
    write_people(job / "people.csv", 400_000)
    process = start(job, None, "plan", "job.yaml", "--json")
    assert "begins" in process.stderr.readline()
    write_people(job / "people.csv", 5)

    assert_says(ended(process), 1, "changed", "people.csv")


def test_no_credentials_are_needed(job):
    bare = {k: v for k, v in environ(None).items() if not k.startswith("CUSTOMERIO_")}
    line = [sys.executable, "-m", "backfill", "plan", "job.yaml"]

    run = subprocess.run(line, cwd=job, env=bare, capture_output=True, text=True, check=False)

    assert (run.returncode, "Nothing is sent" in run.stdout) == (0, True)


@pytest.mark.parametrize("latency", ["-1", "61s", "fast", "1h", "", "1e3"])
def test_a_latency_that_is_none_is_refused(job, latency):
    assert_says(plan(job, "--latency", latency), 2, "is no time up to a minute")


@pytest.mark.parametrize(
    ("latency", "seconds"),
    [("0", 0.0), ("250", 0.25), ("250ms", 0.25), ("1.5s", 1.5), ("60 s", 60)],
)
def test_a_latency_is_milliseconds_unless_it_says_otherwise(job, latency, seconds):
    found = plan(job, "--latency", latency).told

    assert found["forecast"]["assumed_latency_s"] == seconds
    assert found["forecast"]["latency_s"] == seconds


def test_progress_tells_the_end_of_each_stream(job):
    (job / "people.csv").write_text("id,value\np1,a\n,b\np3,c\n")

    told = [line for line in plan(job).text.splitlines() if line.startswith("people: ")]

    assert told[0] == "people: begins"
    assert told[1].startswith("people: ends, 3 rows done, ")
    assert ", 1 rejected, " in told[1]


def test_ctrl_c_ends_a_plan_and_leaves_nothing(job):
    write_people(job / "people.csv", 600_000)
    process = start(job, None, "plan", "job.yaml", "--json")
    assert "begins" in process.stderr.readline()
    process.send_signal(signal.SIGINT)

    found = ended(process)

    assert (found.code, found.told["state"]) == (130, "interrupted")
    assert sorted(path.name for path in job.iterdir()) == ["job.yaml", "people.csv"]


def test_a_damaged_checkpoint_is_told_as_a_run_would(job):
    (job / "state").mkdir()
    (job / "state" / "job.checkpoint").write_text("no checkpoint")

    assert_says(plan(job), 2, "this is not a checkpoint")


def test_a_plan_beside_a_run_disturbs_it_in_nothing(job):
    write_people(job / "people.csv", 300)
    released = threading.Event()
    with recording(lambda _: Answer(200 if released.is_set() else 503)) as server:
        process = start(job, server.address, "run", "job.yaml", "--json")
        while not server.posted:
            assert process.poll() is None
            time.sleep(0.01)
        beside = plan(job)
        was_alive = process.poll() is None
        released.set()
        run = ended(process)

    assert was_alive
    assert (beside.code, beside.told["rows"]["read"]) == (0, 300)
    assert beside.told["checkpoint"]["state"] == "running"
    assert (run.code, run.told["rows"]["delivered"]) == (0, 300)


def test_the_plan_is_kept_beside_the_checkpoint_for_its_owner_alone(job):
    told = plan(job).told

    path = job / KEPT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == told


def test_the_kept_plan_tells_the_job_by_its_sources_and_mapping(job):
    first, again = plan(job).told["job"], plan(job).told["job"]
    write_job(job, PEOPLE, requests_per_s=7)
    slower = plan(job).told["job"]
    write_job(job, PEOPLE | {"attributes": {"a": "value"}})
    mapped = plan(job).told["job"]
    write_people(job / "people.csv", 11)
    changed = plan(job).told["job"]

    assert first == again == slower
    assert len({first, mapped, changed}) == 3


def test_a_plan_of_the_first_rows_is_not_kept(job):
    plan(job, "--limit", "3")

    assert not (job / KEPT).exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_a_warning(job):
    job.chmod(0o500)
    found = plan(job)
    job.chmod(0o700)

    assert found.code == 0
    assert "warning: the plan is not kept" in found.text


def test_a_checkpoint_below_a_file_is_a_warning(job):
    (job / "state").write_text("in the way")

    found = plan(job)

    assert (found.code, found.told["rows"]["read"]) == (0, 10)
    assert "warning: the plan is not kept" in found.text


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_file_without_even_a_header_is_told_to_be_empty(job, content, verb):
    (job / "people.csv").write_text(content)

    found = command(job, None, verb, "job.yaml", "--json")

    assert_says(found, 2, "people.csv is empty: it has no header", "header line")
