"""A run that is stopped anywhere and taken up again comes to the same as one that is not."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from backfill import config, pipeline
from backfill.following import Follower
from backfill.pipeline import Options, Place, Stop
from backfill.report import Closing

from .command import write_job
from .recorder import Answer, recording

ROWS = 400


class StopsAfter(Follower):
    """Asks the run to stop once so many rows are done."""

    def __init__(self, stop: Stop, rows: int) -> None:
        super().__init__(None)
        self._stop, self._left = stop, rows

    def settled(self, rows: int, rejected: int) -> None:
        self._left -= rows
        if self._left <= 0:
            self._stop.request(2)


def write_source(folder: Path) -> None:
    lines = [f"p{n % 90},{'x' * 1001 if n % 31 == 3 else n},{n % 7}\n" for n in range(ROWS)]
    (folder / "people.csv").write_text("id,value,kind\n" + "".join(lines))
    stream = {"name": "people", "source": "people.csv", "person": {"id": "id"}}
    stream |= {"attributes": {"value": "value"}, "where": "kind != '5'"}
    write_job(folder, stream, operations_per_s=100_000, concurrency=3)


def run(folder: Path, address: str, rows: int | None) -> Closing:
    job = config.load(folder / "job.yaml", ["destination.operations_per_s=5000"])
    place = Place(address, "here", config.Credentials("site", "key"))
    stop = Stop()
    watcher = StopsAfter(stop, rows) if rows is not None else Follower(None)
    return asyncio.run(pipeline.run(job, place, Options(), watcher, stop))


@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(1, ROWS), max_size=3))
def test_a_run_cut_anywhere_and_resumed_equals_a_run_that_is_not_cut(cuts):
    with (
        tempfile.TemporaryDirectory() as whole_name,
        tempfile.TemporaryDirectory() as cut_name,
        recording(lambda _: Answer(delay_s=0.002)) as server,
    ):
        whole, cut = Path(whole_name), Path(cut_name)
        for folder in (whole, cut):
            write_source(folder)
        expected = run(whole, server.address, None)
        sent = sorted(o["attributes"]["value"] for o in server.accepted)
        server.posted.clear()
        for rows in cuts:
            run(cut, server.address, rows)
        found = run(cut, server.address, None)

        assert found.state == "completed"
        assert found.counts == expected.counts
        assert sorted(o["attributes"]["value"] for o in server.accepted) == sent
        rejects = [f / "state/job.rejects/people.csv" for f in (whole, cut)]
        lines = [sorted(path.read_text().splitlines()) for path in rejects]
        assert lines[0] == lines[1]
