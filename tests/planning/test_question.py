"""A run on a terminal shows what it is about to send, and asks."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.command import environ, run_job, write_job
from tests.end_to_end.people import PEOPLE, write_people
from tests.end_to_end.recorder import recording

ASKED = b"[y/N]"


@dataclass
class Shown:
    """What a run on a terminal came to; asked: what stood there when it asked."""

    code: int
    text: str
    asked: str


def on_a_terminal(
    folder: Path,
    address: str | None,
    *options: str,
    answer: bytes = b"",
    words: Sequence[str] = ("run", "job.yaml"),
) -> Shown:
    """Run job.yaml on a terminal of its own; the answer is typed where it asks."""
    master, slave = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "backfill", *words, *options]
    streams = {"stdin": slave, "stdout": slave, "stderr": slave}
    with subprocess.Popen(command, cwd=folder, env=environ(address), **streams) as process:
        os.close(slave)
        shown, asked = b"", b""
        try:
            while more := _read(master):
                shown += more
                if ASKED in shown and not asked:
                    asked = shown
                    os.write(master, answer)
        except BaseException:  # a time that is up, which is not to be waited for any more
            process.kill()
            raise
    os.close(master)
    return Shown(process.returncode, shown.decode(), asked.decode())


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # nobody has the other side any more
        return b""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The folder of a job of 1,234 people and one that is refused."""
    write_people(tmp_path / "people.csv", 1_234)
    with (tmp_path / "people.csv").open("a") as file:
        file.write(",nobody\n")
    write_job(tmp_path, PEOPLE)
    return tmp_path


def test_the_question_shows_rows_requests_rejects_findings_and_time(job):
    with recording() as server:
        shown = on_a_terminal(job, server.address, answer=b"n\n")

    [row] = [line.split() for line in shown.asked.splitlines() if line.startswith("total ")]
    assert row[1:4] == ["1,235", "1,234", "1"]
    assert "Rejected: 1 row; backfill plan" in shown.asked
    assert "without a `created_at`" in shown.asked
    assert "Expected time: less than a second." in shown.asked
    assert f"Send 1,234 operations to {server.address}" in shown.asked


@pytest.mark.parametrize("answer", [b"n\n", b"\n"])
def test_who_does_not_say_yes_sends_nothing(job, answer):
    with recording() as server:
        shown = on_a_terminal(job, server.address, answer=answer)

    assert (shown.code, server.posted) == (1, [])
    assert "not confirmed: nothing was sent" in shown.text
    assert not (job / "state" / "job.checkpoint").exists()


def test_yes_sends_what_was_shown(job):
    with recording() as server:
        shown = on_a_terminal(job, server.address, answer=b"y\n")

    assert (shown.code, len(server.accepted)) == (3, 1_234)


def test_ctrl_c_at_the_question_sends_nothing(job):
    with recording() as server:
        shown = on_a_terminal(job, server.address, answer=b"\x03")

    assert (shown.code, server.posted) == (130, [])


def test_who_says_yes_beforehand_is_not_asked(job):
    with recording() as server:
        shown = on_a_terminal(job, server.address, "--yes")

    assert (shown.code, shown.asked, len(server.accepted)) == (3, "", 1_234)


def test_without_a_terminal_nobody_is_asked(job):
    with recording() as server:
        run = run_job(job, server.address)

    assert (run.code, len(server.accepted)) == (3, 1_234)
    assert ASKED.decode() not in run.text


def test_a_run_into_a_sandbox_does_not_ask(job):
    text = (job / "job.yaml").read_text()
    (job / "job.yaml").write_text(text.replace("region: us", "sandbox: workspace.db"))

    shown = on_a_terminal(job, None)

    assert (shown.code, shown.asked) == (3, "")


def test_a_job_that_is_done_does_not_ask(job):
    with recording() as server:
        run_job(job, server.address)
        shown = on_a_terminal(job, server.address)

    assert (shown.code, shown.asked, len(server.posted)) == (0, "", 1)
    assert "nothing was sent" in shown.text


def test_a_run_that_goes_on_asks_for_what_is_left(job):
    with recording() as server:
        run_job(job, server.address, "--limit", "1000")
        shown = on_a_terminal(job, server.address, answer=b"y\n")

    assert "Send 234 operations" in shown.asked
    assert "a run goes on with the rest" in shown.asked
    assert (shown.code, len(server.accepted)) == (3, 1_234)


def test_a_run_that_would_be_refused_does_not_ask(job):
    with recording() as server:
        run_job(job, server.address, "--limit", "1000")
        write_people(job / "people.csv", 7)
        shown = on_a_terminal(job, server.address)

    assert (shown.code, shown.asked, len(server.posted)) == (2, "", 1)
    assert "the checkpoint belongs to another job" in shown.text
