"""`--metrics-file`, read back by Prometheus' own parser."""

from __future__ import annotations

import signal
import stat
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backfill.report import Closing, Effort
from backfill.telemetry.metrics import WRITE_EVERY_S, Metrics
from tests.end_to_end.command import ended, run_job, start
from tests.end_to_end.recorder import Answer, recording
from tests.progress.watching import Clock, counts

from .jobs import ROWS, VALUE, write


@pytest.fixture
def job(tmp_path):
    write(tmp_path)
    return tmp_path


LABELS = ("stream", "outcome", "state", "run_id", "version")


def read(path: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """name -> values of the labels beside `job` -> value."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(path.read_text()):
        assert family.documentation
        assert family.type == "gauge"
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in LABELS if name in sample.labels)
            found.setdefault(sample.name, {})[labels] = sample.value
            assert sample.labels["job"] == "job"
    return found


def state(metrics: dict[str, dict[tuple[str, ...], float]]) -> str:
    (found,) = [name for (name,), value in metrics["backfill_run_state"].items() if value == 1]
    return found


def test_a_run_that_finished_tells_rows_requests_and_its_success(job):
    with recording() as server:
        run = run_job(job, server.address, "--metrics-file", "job.prom")

    found = read(job / "job.prom")
    assert (run.code, state(found), found["backfill_run_exit_code"][()]) == (3, "completed", 3)
    assert found["backfill_rows"] == {
        ("companies", "delivered"): 1,
        ("companies", "rejected"): 0,
        ("companies", "filtered"): 0,
        ("companies", "unprocessed"): 0,
        ("people", "delivered"): ROWS - 1,
        ("people", "rejected"): 1,
        ("people", "filtered"): 0,
        ("people", "unprocessed"): 0,
    }
    assert found["backfill_run_requests"][()] == len(server.posted) == 2
    assert found["backfill_run_sent_bytes"][()] == run.told["bytes_sent"]
    assert {names[0] for names in found["backfill_run_info"]} == {run.told["run_id"]}
    began_s = found["backfill_run_start_timestamp_seconds"][()]
    assert found["backfill_last_success_timestamp_seconds"][()] >= began_s


def test_everybody_may_read_the_file_and_nothing_else_is_left(job):
    with recording() as server:
        process = start(job, server.address, "run", "job.yaml", "--metrics-file", "job.prom")
        ended(process)

    assert stat.S_IMODE((job / "job.prom").stat().st_mode) == 0o644
    assert sorted(path.name for path in job.glob("*prom*")) == ["job.prom"]
    assert VALUE not in (job / "job.prom").read_text()


def test_a_run_that_fails_keeps_the_time_of_the_last_success(job):
    with recording() as server:
        run_job(job, server.address, "--metrics-file", "job.prom")
    before = read(job / "job.prom")["backfill_last_success_timestamp_seconds"]
    with recording(lambda _: Answer(401)) as server:
        run_job(job, server.address, "--metrics-file", "job.prom", "--fresh")

    found = read(job / "job.prom")
    assert (state(found), found["backfill_run_exit_code"][()]) == ("stopped", 1)
    assert found["backfill_last_success_timestamp_seconds"] == before


def test_a_first_run_that_fails_tells_no_success(job):
    run = run_job(job, None, "--metrics-file", "job.prom", "--set", "streams=[]")

    found = read(job / "job.prom")
    assert (run.code, state(found), found["backfill_run_exit_code"][()]) == (2, "stopped", 2)
    assert "backfill_last_success_timestamp_seconds" not in found


def test_an_interrupted_run_says_so(job):
    with recording(lambda _: Answer(delay_s=20)) as server:
        process = start(job, server.address, "run", "job.yaml", "--metrics-file", "job.prom")
        while not server.posted:
            assert process.poll() is None
        assert state(read(job / "job.prom")) == "running"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        run = ended(process)

    found = read(job / "job.prom")
    assert (state(found), found["backfill_run_exit_code"][()]) == ("interrupted", run.code)


def test_a_file_that_cannot_be_written_is_said_once_and_stops_nothing(job):
    with recording() as server:
        run = run_job(job, server.address, "--metrics-file", "nowhere/job.prom")

    assert (run.code, run.told["state"]) == (3, "completed")
    assert run.text.count("the metrics cannot be written: No such file or directory") == 1


def test_while_a_run_goes_on_the_file_is_written_every_15_seconds(tmp_path):
    clock, path, seen = Clock(), tmp_path / "job.prom", []
    with Metrics(path, "job", lambda *_: None, clock) as metrics:
        metrics.begins("people", 0)
        for _ in range(40):
            clock.now_s += 1
            metrics.ticks(counts(int(clock.now_s)), "pace")
            metrics._look(5.0)
            seen.append(read(path)["backfill_run_duration_seconds"][()])

    every = int(WRITE_EVERY_S)
    assert seen == [0] * (every - 1) + [every] * every + [2 * every] * (40 - 2 * every + 1)


def test_names_of_any_kind_come_back_as_they_are(tmp_path):
    name, path = 'a "name"\\ of\nlines', tmp_path / "job.prom"
    with Metrics(path, "job", lambda *_: None) as metrics:
        effort = Effort(0, 0, 0, 0.0)
        metrics.closes(Closing("completed", "r", {name: counts(5)}, effort, [], None), 0)

    assert read(path)["backfill_rows"][(name, "delivered")] == 5
