"""What stops a run before harm is done: young events, and data that is plainly wrong.

Facts: an event younger than 72 hours may start campaigns, an older one never does.  [docs:
backfill historical data]
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from backfill.errors import GuardError
from backfill.ledger import Counts, Ledger
from backfill.mapping import Stream, rows_max
from backfill.operations import encode
from backfill.pipeline.blocks import readings, turns
from backfill.pipeline.sources import OpenStream

#: Rows of which a share tells something while there are more to come: of fewer, one is a per cent.
SHARE_ROWS_MIN = 1_000

_FIX = (
    "say what is meant in the stream: `campaigns: allow` sends them and lets campaigns start,"
    " `campaigns: hold` keeps them until they are 72 hours old, `campaigns: refuse` rejects them"
)


def check_ages(
    streams: tuple[OpenStream, ...], ledger: Ledger, now_s: int, limit: int | None
) -> Iterator[None]:
    """Read every event stream that does not say what its young events may do.

    Yields after each block, so that the caller can stop; raises GuardError at the first young
    event that is still to be sent.
    """
    for stream in streams:
        if not stream.stream.is_event or stream.stream.campaigns is not None:
            continue
        if stream.stream.event and stream.stream.event.is_now:
            raise young(stream, "all of its events, `timestamp: now`,")
        for reading in readings(turns(stream, ledger), limit):
            block = reading.still_open(ledger)
            if block is not None:
                surroundings = reading.source.surroundings(now_s, stream.since_min(ledger))
                found = encode(block, stream.stream, stream.where, surroundings).young
                if found:
                    raise young(stream, f"{found:,} or more of its events")
            yield


def check_young(stream: OpenStream, found: int, *, is_rehearsal: bool) -> None:
    """Raise GuardError where so many young events of a stream are about to be sent."""
    if found and stream.stream.campaigns is None and not is_rehearsal:
        raise young(stream, f"{found:,} or more of its events")


def young(stream: OpenStream, which: str) -> GuardError:
    """The error that stops a run before it could start campaigns."""
    return GuardError(
        f"{which} are younger than 72 hours and could start live campaigns",
        f"stream {stream.name}",
        _FIX,
    )


def check_rejects(
    stream: Stream,
    default: int | str | None,
    counts: Counts,
    reach: int,
    rejects: Path,
    *,
    is_read: bool,
) -> None:
    """Raise GuardError where more rows of a stream are rejected than `max_rejects` bears.

    default: the job's, for a stream that has none. reach: how many of its rows were looked at, at
    the most. rejects: their folder, for the message.
    is_read: whether all of the stream is read; before that a share is held from SHARE_ROWS_MIN on.
    """
    bound, read = default if stream.max_rejects is None else stream.max_rejects, counts.read
    if bound is None or counts.rejected <= rows_max(bound, read):
        return
    is_early = isinstance(bound, str) and not is_read
    if is_early and (reach < SHARE_ROWS_MIN or counts.rejected <= rows_max(bound, reach)):
        return
    raise GuardError(
        f"{counts.rejected:,} of {read:,} rows read are rejected, more than"
        f" `max_rejects: {bound}` bears",
        f"stream {stream.name}",
        f"see `_reason` in {rejects} for what is wrong, mend the source or the config and start"
        " anew with --fresh; or raise max_rejects, and the same command goes on",
    )
