"""Every line a run logs names it, from the moment it has a name until its command ends."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

import backfill
from tests.end_to_end.command import command, environ, run_job
from tests.end_to_end.recorder import Answer, Posted, recording

from .jobs import write

RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6} ")

#: What it takes for a run to have warnings of its own: it goes faster than the API allows, over
#: rejects that stood there, and its history and its metrics cannot be written.
TROUBLED = ("--set", "destination.requests_per_s=2000", "--metrics-file", "none/m.prom")


@pytest.fixture
def job(tmp_path):
    write(tmp_path)
    (tmp_path / "state/job.rejects").mkdir(parents=True)
    (tmp_path / "state/job.rejects/people.csv").write_text("id,value\n")
    (tmp_path / "state/job.checkpoint.history").mkdir()
    return tmp_path


def refusing(posted: Posted) -> Answer:
    return Answer(401 if posted.number else 200)


def test_each_json_line_from_the_start_of_the_run_on_has_its_id(job):
    with recording(refusing) as server:
        run = run_job(job, server.address, "--log-format", "json", *TROUBLED)

    lines = [json.loads(line) for line in run.text.splitlines()]
    events = [line["event"] for line in lines]
    begun = events.index("run_started")
    assert {line["run_id"] for line in lines[:begun]} == {None}
    assert {line["run_id"] for line in lines[begun:]} == {run.told["run_id"]}
    assert {"no_history", "rejects_kept", "stream_progress", "error", "run_ended"} <= {
        *events[begun:]
    }


def test_each_text_line_of_a_log_begins_with_the_id_once_there_is_one(job):
    with recording(refusing) as server:
        run = command(job, server.address, "run", "job.yaml", *TROUBLED)

    summary = next(line for line in run.text.splitlines() if line.startswith("Run "))
    run_id = summary.split()[1]
    log = run.text[: run.text.index(summary)].splitlines()
    begun = next(n for n, line in enumerate(log) if RUN_ID.match(line))
    assert all(line.startswith(f"{run_id} ") for line in log[begun:])
    assert f"{run_id} companies: begins" in log
    assert any(line.startswith(f"{run_id} warning: no history of this run") for line in log)


def test_an_error_that_ends_a_command_after_its_run_has_begun_has_the_id_too(job):
    with recording() as server, Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "backfill", "run", "job.yaml"],
            cwd=job, env=environ(server.address), stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60,
        )  # fmt: skip

    begun = next(line for line in run.stderr.splitlines() if RUN_ID.match(line))
    assert f"{begun.split()[0]} error: the report cannot be written" in run.stderr


def test_what_a_python_program_logs_has_the_id(job, monkeypatch, caplog):
    with recording() as server, caplog.at_level(logging.INFO, "backfill"):
        for name, value in environ(server.address).items():
            monkeypatch.setenv(name, value)
        result = backfill.run(job / "job.yaml")

    told = [record for record in caplog.records if record.name == "backfill"]
    assert "no_history" in [record.event for record in told]
    assert {record.run_id for record in told} == {result.closing.run_id}
