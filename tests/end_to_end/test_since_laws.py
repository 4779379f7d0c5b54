"""Nights over a file that grows, with rows refused and processes that die: nothing is ever lost."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.checkpoint import Checkpoint
from backfill.config import Job, load
from backfill.following import Follower
from backfill.pipeline.account import Account
from backfill.pipeline.encoding import encoded
from backfill.pipeline.flow import Flow
from backfill.pipeline.run import _ledger
from backfill.pipeline.sources import job_identity, open_streams
from backfill.pipeline.watching import Terms
from backfill.rejects import RejectsFile
from backfill.resumption import Extent, Outset, Start, decide
from backfill.verdict import Delivery

from .command import write_job

#: What is wrong with a row in one night: nothing, with us, with the API, its value is not there.
FATES = st.sampled_from(["", "", "", "us", "api", "blank"])
NOW_S = 1_000


@dataclass
class Row:
    """A row of the export: its value, and what becomes of it."""

    id: str
    value: int
    fate: str
    mended_in: int


@dataclass
class Night:
    """One night: how far above the newest the new rows lie, and after how many answers it dies."""

    steps: list[int]
    fates: list[str]
    mended_after: list[int]
    dies_after: list[int]


nights = st.builds(
    Night,
    steps=st.lists(st.integers(0, 3), max_size=8),
    fates=st.lists(FATES, min_size=8, max_size=8),
    mended_after=st.lists(st.integers(1, 3), min_size=8, max_size=8),
    dies_after=st.lists(st.integers(0, 4), max_size=3),
)


class Killed(Exception):
    """The process ends here, with what was not committed."""


@dataclass
class World:
    """The export and the API; acknowledged: values that were taken, by row and value."""

    folder: Path
    rows: list[Row] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)

    def export(self, number: int) -> None:
        """Write the file as it is in this night."""
        lines = ["id,at,note,night"]
        for row in self.rows:
            is_bad = row.fate if number < row.mended_in else ""
            at = "" if is_bad == "blank" else row.value
            note = "x" * 1_001 if is_bad == "us" else "bad" if is_bad == "api" else "good"
            lines.append(f"{row.id},{at},{note},{number}")
        (self.folder / "people.csv").write_text("\n".join(lines) + "\n")

    def answer(self, batch: Any) -> Delivery:
        """What the API says of a batch."""
        operations = json.loads(b"".join(batch.body()))["batch"]
        refused = {
            i: "bad" for i, one in enumerate(operations) if one["attributes"]["note"] == "bad"
        }
        taken = {one["identifiers"]["id"] for i, one in enumerate(operations) if i not in refused}
        self.acknowledged |= taken
        return Delivery(batch, refused)


async def process(job: Job, world: World, dies_after: int | None) -> int | None:
    """One process of a run; returns the lowest value it would not look at again."""
    streams = open_streams(job)
    stream, identity = streams[0], job_identity("here", streams)
    with ExitStack() as held:
        checkpoint = held.enter_context(Checkpoint.open(job.checkpoint))
        saved = checkpoint.load()
        start = decide(identity, saved)
        if start is Start.FINISHED:
            return saved.cursors[stream.name].reached if saved and saved.cursors else None
        ledger = _ledger(start, identity, saved, is_full=False)
        if start is Start.RESUME:
            checkpoint.go_on()
        else:
            checkpoint.begin(identity, "run", Outset(ledger.cursors))
        known = saved.rejects.get(stream.name, Extent()) if saved else Extent()
        extent = known if start is Start.RESUME else None
        rejects = RejectsFile(job.rejects, stream.name, stream.stream.source, extent)
        held.callback(rejects.close)

        class Keeper:
            def notice(self) -> None:
                """Commits are made after every other answer."""

        def commit(state: Any) -> None:
            rejects.sync()
            checkpoint.commit(ledger.take_changes(), {stream.name: rejects.extent}, state)

        terms = Terms(NOW_S, None, 2, True, None, job.rejects)
        account = Account(stream, terms, ledger, Keeper(), Follower(None), rejects)  # type: ignore[arg-type]
        flow = Flow(stream, terms, account)
        answers = 0
        async for batch in flow.batches(encoded(stream, ledger, None, terms.now_s)):
            if answers == dies_after:
                raise Killed
            flow.delivered(world.answer(batch))
            answers += 1
            if answers % 2:
                commit("running")
        if answers == dies_after:
            raise Killed
        commit("completed")
        return ledger.cursor(stream.name).reached


def growing(world: World, drawn: list[Night]) -> Iterator[Night]:
    """The nights, the file having grown before each: it holds no value below one it had."""
    newest = 0
    for number, night in enumerate(drawn):
        for i, step in enumerate(night.steps):
            newest += step
            mended_in = number + night.mended_after[i]
            world.rows.append(Row(f"r{len(world.rows)}", newest, night.fates[i], mended_in))
        world.export(number)
        yield night


def completed(job: Job, world: World, dies_after: list[int]) -> int | None:
    """A run, however often it dies."""
    for after in dies_after:
        with suppress(Killed):
            return asyncio.run(process(job, world, after))
    return asyncio.run(process(job, world, None))


@settings(max_examples=15, deadline=None)
@given(drawn=st.lists(nights, min_size=1, max_size=4), overlap=st.sampled_from([0, 2]))
def test_every_row_of_a_growing_file_is_acknowledged_whatever_is_refused_or_dies(
    tmp_path_factory, drawn, overlap
):
    world = World(tmp_path_factory.mktemp("nights"))
    since = {"column": "at", "type": "integer", "overlap": overlap}
    stream = {"name": "people", "source": "people.csv", "person": {"id": "id"}, "since": since}
    write_job(world.folder, stream | {"attributes": {"note": "note"}})
    job, before = load(world.folder / "job.yaml"), None

    for night in growing(world, drawn):
        reached = completed(job, world, night.dies_after)

        passed = {row.id for row in world.rows if reached is not None and row.value < reached}
        assert passed <= world.acknowledged | had_no_value(world)
        assert before is None or (reached is not None and reached >= before)
        before = reached
    world.rows.append(Row("last", before or 0, "", 0))
    world.export(99)
    completed(job, world, [])

    assert {row.id for row in world.rows} - world.acknowledged <= had_no_value(world)
    shutil.rmtree(world.folder)


def had_no_value(world: World) -> set[str]:
    """Rows whose value was blank: once they are mended it may lie below the cursor."""
    return {row.id for row in world.rows if row.fate == "blank"}
