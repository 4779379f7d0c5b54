"""The whole engine in this process: what a run costs less than one of the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from backfill import config, engine
from backfill.following import Follower
from backfill.pipeline import Options, Watcher
from backfill.remarks import Level
from backfill.report import Closing
from tests.end_to_end.command import environ, write_job
from tests.end_to_end.people import PEOPLE, write_people
from tests.end_to_end.recorder import Recorder

ROWS = 300


class Words(Follower):
    """Keeps what a person is told."""

    def __init__(self) -> None:
        super().__init__(None)
        self.said: list[str] = []

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        self.said.append(text)


def prepared(folder: Path, **destination: object) -> Path:
    """A job of ROWS people in batches of 20, two in flight; gives its config."""
    write_people(folder / "people.csv", ROWS)
    write_job(folder, PEOPLE, **{"operations_per_s": 2_000, "concurrency": 2} | destination)
    return folder / "job.yaml"


def run(
    path: Path,
    overrides: Sequence[str] = (),
    options: Options | None = None,
    watcher: Watcher | None = None,
) -> Closing:
    """Run a job in this process."""
    job = config.load(path, overrides)
    return engine.send(job, options or Options(), watcher or Follower(None))


def surround(patch: pytest.MonkeyPatch, address: str | None, more: Mapping[str, str]) -> None:
    """Set the environment of a run to `address`, and more."""
    for name, value in (environ(address) | more).items():
        patch.setenv(name, value)


def assert_all_arrived(closing: Closing, server: Recorder) -> None:
    """The run finished the job and every row was accepted."""
    counts = closing.counts["people"]
    assert (closing.state, closing.error) == ("completed", None)
    assert (counts.delivered, counts.rejected, counts.read) == (ROWS, 0, ROWS)
    assert {o["identifiers"]["id"] for o in server.accepted} == {f"p{n}" for n in range(ROWS)}
