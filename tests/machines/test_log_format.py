"""`--log-format json`: every line on stderr is one object."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.end_to_end.command import command, run_job
from tests.end_to_end.recorder import Answer, recording

from .jobs import ROWS, VALUE, write

KEYS = ["at", "level", "event", "message", "run_id", "stream"]


@pytest.fixture
def job(tmp_path):
    write(tmp_path)
    return tmp_path


def logged(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_logs_its_beginning_its_streams_and_its_end(job):
    with recording() as server:
        run = run_job(job, server.address, "--log-format", "json")

    lines = logged(run.text)
    assert [(line["event"], line["stream"]) for line in lines] == [
        ("run_started", None),
        ("stream_started", "companies"),
        ("stream_ended", "companies"),
        ("stream_started", "people"),
        ("stream_ended", "people"),
        ("run_ended", None),
    ]
    assert {line["run_id"] for line in lines} == {run.told["run_id"]}
    assert (lines[4]["rows"], lines[4]["rejected"]) == (ROWS, 1)
    assert (lines[5]["delivered"], lines[5]["rejected"], lines[5]["exit_code"]) == (ROWS, 1, 3)


def test_every_line_begins_with_the_same_keys_and_holds_no_value_and_no_secret(job):
    with recording() as server:
        run = run_job(job, server.address, "--log-format=json")

    for line in logged(run.text):
        assert list(line)[: len(KEYS)] == KEYS
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["at"])
        assert re.fullmatch("[a-z]+(_[a-z]+)*", line["event"])
    assert VALUE not in run.text
    assert "key-nobody-may-see" not in run.text


def test_without_json_the_summary_stays_on_stdout_and_no_text_on_stderr(job):
    with recording() as server:
        run = command(job, server.address, "run", "job.yaml", "--log-format", "json")

    lines = run.text.splitlines()
    objects = [line for line in lines if line.startswith("{")]
    assert json.loads(objects[-1])["event"] == "run_ended"
    assert lines[len(objects)].startswith("Run ")


def test_what_stops_a_run_is_a_line_of_level_error(job):
    with recording(lambda _: Answer(401)) as server:
        run = run_job(job, server.address, "--log-format", "json")

    error, end = logged(run.text)[-2:]
    assert (error["event"], error["level"], error["run_id"]) == ("error", "error", end["run_id"])
    assert {key: error[key] for key in ("what", "where", "fix")} == run.told["error"]
    assert (end["event"], end["level"], end["state"]) == ("run_ended", "error", "stopped")


@pytest.mark.parametrize(
    "arguments", [("run", "none.yaml"), ("run", "job.yaml", "--nonsense"), ("check", "none.yaml")]
)
def test_what_stops_a_command_before_it_began_is_one_line(job, arguments):
    run = command(job, None, *arguments, "--log-format", "json")

    (line,) = logged(run.text)
    assert (line["event"], line["level"], line["exit_code"]) == ("error", "error", 2)


def test_a_warning_of_the_config_is_a_line_of_level_warning(job):
    with recording() as server:
        run = run_job(
            job, server.address, "--log-format", "json", "--set", "destination.requests_per_s=2000"
        )

    first = logged(run.text)[0]
    assert (first["event"], first["level"]) == ("config_warning", "warning")


def test_a_run_that_goes_on_says_so_under_its_id(job):
    with recording() as server:
        first = run_job(job, server.address, "--limit", "5")
        run = run_job(job, server.address, "--log-format", "json")

    started, resumed = logged(run.text)[:2]
    assert (started["event"], resumed["event"]) == ("run_started", "run_resumed")
    assert started["run_id"] == resumed["run_id"] == first.told["run_id"]
