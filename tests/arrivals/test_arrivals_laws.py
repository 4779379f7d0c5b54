"""Whatever comes, is renamed, copied, removed or cut short: each content is sent once."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import backfill
from backfill.errors import UsageError
from tests.end_to_end.command import environ, write_job
from tests.end_to_end.recorder import Recorder, recording

from .folders import PEOPLE

NAMES = st.sampled_from(["a", "b", "c/d", "e"])
STEPS = st.one_of(
    st.tuples(st.just("comes"), NAMES, st.integers(0, 5)),
    st.tuples(st.just("is renamed"), NAMES, NAMES),
    st.tuples(st.just("is copied"), NAMES, NAMES),
    st.tuples(st.just("is removed"), NAMES, NAMES),
    st.tuples(st.just("runs"), st.booleans(), st.booleans()),
)


def path_of(folder: Path, name: str) -> Path:
    return folder / "in" / f"{name}.csv"


def content(number: int) -> str:
    """A file of three rows, which no other number shares."""
    return "id,note\n" + "".join(f"p{number}-{row},x\n" for row in range(3))


def step(folder: Path, what: str, name: str, other: str | int) -> None:
    """One thing that happens in the folder."""
    path = path_of(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "comes":
        path.write_text(content(int(other)))
    elif path.exists():
        target = path_of(folder, str(other))
        target.parent.mkdir(parents=True, exist_ok=True)
        if what == "is renamed":
            path.rename(target)
        elif what == "is copied" and target != path:
            shutil.copy(path, target)
        elif what == "is removed":
            path.unlink()


def sent(server: Recorder) -> Counter[str]:
    """How often each person was."""
    return Counter(operation["identifiers"]["id"] for operation in server.accepted)


@contextmanager
def environment(server: Recorder) -> Iterator[None]:
    """Lead runs of this process to a server."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ(server.address).items():
            patch.setenv(name, value)
        yield


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=14), moves=st.booleans())
def test_each_content_is_sent_once_whatever_happens_to_its_files(steps, moves):
    with tempfile.TemporaryDirectory() as made, recording() as server, environment(server):
        folder = Path(made)
        write_job(folder, PEOPLE | {"source": "in/**/*.csv"})
        job, done = folder / "job.yaml", folder / "in/done" if moves else None
        step(folder, "comes", "a", 0)
        for what, one, other in steps:
            if what != "runs":
                step(folder, what, str(one), other)
                continue
            with suppress(UsageError):  # a file of an unfinished run is gone, or none ever came
                backfill.run(job, limit=2 if one else None, done_folder=done)
        there = {path.read_text() for path in (folder / "in").rglob("*.csv")}
        with suppress(UsageError):
            backfill.run(job, done_folder=done)  # ends what is unfinished
            last = backfill.run(job, done_folder=done)  # takes what waited for that

            assert last.state == "completed"
            whole = {n for n in range(6) if all(f"p{n}-{row}" in sent(server) for row in range(3))}
            assert {content(n) for n in whole} >= there

        assert max(sent(server).values(), default=1) == 1
