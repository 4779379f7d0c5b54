"""Signals, terminals that go away, closed streams, and two runs at once."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backfill.checkpoint import holder, peek
from backfill.errors import UsageError
from backfill.pipeline import Stop
from tests.end_to_end.command import ended
from tests.end_to_end.people import ids
from tests.end_to_end.recorder import Answer, Recorder, recording

from .engine import run as run_here
from .runs import (
    TOO_LONG,
    assert_nothing_is_lost,
    begin,
    here,
    rejected_rows,
    run,
    write_job,
    write_source,
)

CHECKPOINT = "state/job.checkpoint"
REJECTS = "state/job.rejects/people.csv"

#: Commands that start another one otherwise: with signals ignored, as by `nohup` and by a script's
#: `&`; with no streams.
IGNORING_SIGNALS = ["sh", "-c", 'trap "" HUP INT; exec "$@"', "sh"]
WITHOUT_STREAMS = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The folder of a job of fifteen requests, one after the other."""
    write_source(tmp_path / "people.csv")
    write_job(tmp_path)
    return tmp_path


def until_posted(server: Recorder, process: Any, count: int = 1) -> None:
    """Wait for so many requests."""
    while len(server.posted) < count:
        assert process.poll() is None, "the run ended before it was looked at"
        time.sleep(0.005)


def test_a_second_interrupt_abandons_what_is_in_flight_and_leaves_a_run_to_resume(job):
    with recording(lambda _: Answer(delay_s=20)) as server:
        process = begin(server.address, "run", "job.yaml", "--json", cwd=job)
        until_posted(server, process)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        stopped = ended(process)

    assert stopped.code == 130
    assert stopped.told["rows"]["delivered"] == 0
    assert peek(job / CHECKPOINT).state == "interrupted"


def test_a_signal_after_the_last_row_does_not_cut_the_report(job):
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    filled = 0
    while filled < (1 << 20):
        try:
            filled += os.write(writes, b" " * 4096)
        except BlockingIOError:
            break
    os.set_blocking(writes, True)

    with recording() as server:
        process = begin(server.address, "run", "job.yaml", "--json", cwd=job, stdout=writes)
        os.close(writes)
        while not (job / CHECKPOINT).exists() or holder(job / CHECKPOINT):
            time.sleep(0.01)  # until nothing is left but to print
        process.send_signal(signal.SIGTERM)
        with os.fdopen(reads) as pipe:
            told = pipe.read().strip()
        process.communicate()

    assert process.returncode == 3
    assert told.startswith('{"state": "completed"')
    assert told.endswith("}")


@contextmanager
def on_a_terminal(
    address: str, folder: Path, inside: list[str], *options: str
) -> Iterator[tuple[Any, int]]:
    """A run on a terminal of its own; gives it and the side whose closing hangs up."""
    master, slave = pty.openpty()
    process = begin(
        address, "run", "job.yaml", *options, inside=["setsid", "--ctty", *inside],
        cwd=folder, stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    with process:
        yield process, master


def test_a_terminal_that_goes_away_ends_the_run_in_order_and_abandons_nothing(job):
    with recording(lambda _: Answer(delay_s=0.15)) as server:
        with on_a_terminal(server.address, job, [], "--yes") as (process, terminal):
            until_posted(server, process, 2)
            os.close(terminal)  # the system sends SIGHUP
            time.sleep(0.05)
            process.send_signal(signal.SIGHUP)  # so does a shell
        answered = len(ids(server.accepted))
        kept = peek(job / CHECKPOINT)
        finished = run(server.address, cwd=job)

    assert process.returncode == 129
    assert kept.state == "interrupted"
    assert kept.counts["people"].delivered == answered
    assert_nothing_is_lost(finished, server, rejected_rows(job / REJECTS))
    assert len(ids(server.accepted)) == len(set(ids(server.accepted)))


def test_ctrl_c_at_the_question_before_anything_is_sent_ends_the_run(job):
    with (
        recording() as server,
        on_a_terminal(server.address, job, []) as (process, terminal),
    ):
        asked = b""
        while b"[y/N]" not in asked:
            asked += os.read(terminal, 4096)
        os.write(terminal, b"\x03")
        code = process.wait(20)
        os.close(terminal)

    assert f"to {server.address} (region: us)?".encode() in asked
    assert (code, server.posted) == (130, [])


@pytest.mark.parametrize(
    ("asked", "wishes"),
    [
        ([signal.SIGTERM, signal.SIGHUP], 1),  # systemd's SendSIGHUP=yes
        ([signal.SIGINT, signal.SIGHUP], 1),
        ([signal.SIGHUP, signal.SIGHUP], 1),
        ([signal.SIGTERM, signal.SIGHUP, signal.SIGTERM], 2),
    ],
)
def test_a_hangup_is_never_the_second_wish_to_end(asked, wishes):
    stop, heard = Stop(), []
    stop.listen(lambda: heard.append(stop.signal))
    for number in asked:
        stop.request(number)

    assert len(heard) == wishes
    assert stop.signal == asked[0]


def test_signals_that_whoever_started_the_run_ignores_stop_nothing(job):
    with (
        recording(lambda _: Answer(delay_s=0.02)) as server,
        on_a_terminal(server.address, job, IGNORING_SIGNALS, "--yes") as (process, terminal),
    ):
        until_posted(server, process, 2)
        process.send_signal(signal.SIGINT)
        os.close(terminal)

    assert process.returncode == 3
    assert peek(job / CHECKPOINT).state == "completed"


def test_a_run_whose_output_nobody_reads_any_more_goes_on(job):
    with recording(lambda _: Answer(delay_s=0.02)) as server:
        process = begin(server.address, "run", "job.yaml", cwd=job)
        process.stdout.close()  # `run … | head`, `run … 2>&1 | head`
        process.stderr.close()
        process.wait()

    assert process.returncode == 3
    assert peek(job / CHECKPOINT).state == "completed"


def test_a_report_on_a_pipe_that_does_not_block_is_whole():
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    printing = "from backfill.cli.streams import *; outlive_readers(); print('x' * 300_000)"
    with subprocess.Popen([sys.executable, "-c", printing], stdout=writes) as process:
        os.close(writes)
        with os.fdopen(reads) as pipe:
            told = pipe.read()

    assert (process.returncode, len(told)) == (0, 300_001)


def test_a_run_without_standard_streams_writes_into_none_of_its_files(job):
    with recording() as server:
        process = begin(server.address, "run", "job.yaml", inside=WITHOUT_STREAMS, cwd=job)
        process.communicate()

    assert process.returncode == 3
    assert peek(job / CHECKPOINT).state == "completed"
    assert rejected_rows(job / REJECTS) == sorted(TOO_LONG)


def test_two_jobs_that_share_rejects_are_kept_apart_until_the_first_is_dead(job, monkeypatch):
    with recording(lambda _: Answer(delay_s=20 if first.poll() is None else 0)) as server:
        here(monkeypatch, server)
        first = begin(server.address, "run", "job.yaml", cwd=job)
        until_posted(server, first)
        before = (job / REJECTS).read_bytes()

        with pytest.raises(UsageError) as refused:
            run_here(job / "job.yaml", overrides=["checkpoint=other.checkpoint"])
        posted = len(server.posted)
        first.kill()
        first.communicate()
        second = run_here(job / "job.yaml", overrides=["checkpoint=other.checkpoint"])

    assert f"process {first.pid} writes these rejects" in refused.value.what
    assert refused.value.where.endswith("people.csv")
    assert "another folder for `rejects`" in refused.value.fix
    assert (posted, second.state) == (1, "completed")
    assert (job / f"{REJECTS}.earlier").read_bytes() == before
