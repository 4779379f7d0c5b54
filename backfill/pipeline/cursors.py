"""The cursors of streams with `since`: what holds them, and what people are told of that."""

from __future__ import annotations

from collections.abc import Iterator

from backfill.ledger import Ledger
from backfill.operations import lowest
from backfill.pipeline.sources import OpenStream
from backfill.records import Extremes, Rejected
from backfill.remarks import Remark


def hold(ledger: Ledger, stream: OpenStream, refused: list[Rejected]) -> None:
    """Rows that the API refused are looked at again by the next run."""
    if stream.stream.since is None:
        return
    for some in refused:
        found = Extremes(open=lowest(some.block, stream.stream.since, some.rows))
        ledger.found(stream.name, found)


def held_behind(ledger: Ledger, stream: OpenStream) -> Iterator[Remark]:
    """What is to be said of a stream that is through, where rejected rows hold its cursor."""
    since, cursor = stream.stream.since, ledger.cursor(stream.name)
    is_done = all(ledger.is_finished(file.file) for file in stream.files)
    if since is None or not is_done or cursor.reached is None or cursor.reached == cursor.newest:
        return
    yield Remark(
        f"{stream.name}: rejected rows hold `since` at {since.shown(cursor.reached)}: rows from"
        " there on are sent again each time, until the rejected ones are mended in the source",
        "since_held",
        "warning",
    )
