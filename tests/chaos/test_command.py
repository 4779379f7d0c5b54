"""`backfill chaos` as a user runs it."""

from __future__ import annotations

import signal
import subprocess
import time

import psutil
import pytest

from backfill.chaos.settings import COMMAND
from tests.end_to_end.command import adds_up, command, ended, start

from .jobs import PRIVATE, TOO_LONG, write

#: What the interpreter runs first in the folder's processes: the ids of events change with them.
CHANGING_IDS = """
import os
from backfill import event_ids
ulids = event_ids.ulids
event_ids.ulids = lambda seconds, scope, parts: ulids(seconds, f"{scope} {os.getpid()}", parts)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a job of a second, and a place for temporary files below it."""
    (tmp_path / "job").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    write(tmp_path / "job", people=12, versions=2, orders=12)
    return tmp_path / "job"


def left(folder):
    """What temporary files there are yet."""
    return [path.name for path in (folder.parent / "temporary").iterdir()]


def test_a_job_passes_and_nothing_is_left_of_it(folder):
    before = sorted(path.name for path in folder.iterdir())

    run = command(folder, None, "chaos", "job.yaml", "--seed", "204", "--json")

    (seed,) = run.told["seeds"]
    assert run.code == 0, run.text
    assert run.told["holds"] is True
    assert set(seed["holds"].values()) <= {True, None}
    assert "torn" in seed["faults"]
    assert seed["kills"] > 0
    assert adds_up(seed["rows"])
    assert seed["rows"]["rejected"] >= TOO_LONG
    assert sorted(path.name for path in folder.iterdir()) == before
    assert left(folder) == []


def test_a_breach_ends_with_1_and_says_where_it_is_and_how_to_repeat_it(folder, monkeypatch):
    (folder / "first").mkdir()
    (folder / "first" / "sitecustomize.py").write_text(CHANGING_IDS)
    monkeypatch.setenv("PYTHONPATH", str(folder / "first"))

    run = command(folder, None, "chaos", "job.yaml", "--seed", "96")

    (kept,) = left(folder)
    assert run.code == 1
    assert "BREACH" in run.text
    assert "events: event 01" in run.text
    assert "backfill chaos job.yaml --seed 96" in run.text
    assert kept in run.text
    assert PRIVATE not in run.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_interrupt_leaves_nothing_running_and_nothing_behind(folder, number):
    chaos = start(folder, None, "chaos", "job.yaml", "--json")
    while not (engines := psutil.Process(chaos.pid).children()):
        time.sleep(0.01)
    chaos.send_signal(number)

    stopped = ended(chaos)

    assert stopped.code == 128 + number
    assert stopped.told["state"] == "interrupted"
    assert not any(engine.is_running() for engine in engines)
    assert left(folder) == []


def test_a_job_that_cannot_run_is_told_before_anything_is_begun(folder):
    (folder / "changes.csv").unlink()

    run = command(folder, None, "chaos", "job.yaml", "--json")

    assert run.code == 2
    assert "changes.csv" in run.told["error"]["what"]
    assert left(folder) == []


def test_the_engine_takes_no_module_of_the_folder_it_stands_in_for_one_of_pythons(tmp_path):
    (tmp_path / "email.py").write_text("raise SystemExit(99)")

    run = subprocess.run([*COMMAND, "run", "no.yaml"], cwd=tmp_path, capture_output=True)

    assert (run.returncode, b"no such config file" in run.stderr) == (2, True)
