"""Events that may start campaigns, and times that lie ahead."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import polars as pl

from backfill import timestamps, trackapi
from backfill.mapping import Field
from backfill.masks import masked
from backfill.operations import identities
from backfill.phrases import counted
from backfill.planning.looking import Finding, Seen, Tally
from backfill.records import SourceFile

#: Names of events that are spelled out; of more, the most frequent.
NAMES_MAX = 10

#: Words with two digits at most: no email, number or id.
_NAME = re.compile(r"(?!(?:\D*\d){3})[\w .:/-]+")

_BECOMES = {
    None: "a run to a workspace stops before it sends anything, until the stream says `campaigns:"
    " allow`, `hold` or `refuse`",
    "allow": "they are sent, and may start campaigns",
    "hold": "they are held until they are 72 hours old; the same command then sends them",
}


class Young:
    """Events younger than 72 hours, by name."""

    def __init__(self) -> None:
        self._names: dict[str, Counter[str]] = defaultdict(Counter)
        self._campaigns: dict[str, str | None] = {}

    def look(self, seen: Seen) -> None:
        """Count them."""
        made, event = seen.encoded, seen.stream.event
        if event is None or not (made.young or len(made.held)):
            return
        self._campaigns[seen.stream.name] = seen.stream.campaigns
        young = seen.goes | pl.Series(seen.rows).is_in(made.held).to_numpy()
        if not event.is_now:
            assert event.timestamp is not None
            times = _seconds(seen, event.timestamp)
            young &= (times > seen.now_s - trackapi.CAMPAIGN_WINDOW_S).fill_null(False).to_numpy()
        names = identities.named(seen.draft.column(event.name))
        for name, count in names.filter(pl.Series(young)).value_counts().iter_rows():
            self._names[seen.stream.name][_shown(name)] += count

    def found(self, _files: Sequence[SourceFile]) -> Iterator[Finding]:
        """A finding a stream."""
        for stream, names in self._names.items():
            told = [f"{name} {count:,}" for name, count in names.most_common(NAMES_MAX)]
            more = len(names) - NAMES_MAX
            told += [f"and {more:,} more names"] if more > 0 else []
            count = names.total()
            yield Finding(
                "young_events",
                f"{counted(count, 'event')} younger than 72 hours: {', '.join(told)};"
                f" {_BECOMES[self._campaigns[stream]]}",
                stream,
                count,
            )


class Ahead:
    """Times that lie in the future."""

    def __init__(self) -> None:
        self._events: dict[str, Tally] = defaultdict(Tally)
        self._identifies: dict[str, Tally] = defaultdict(Tally)

    def look(self, seen: Seen) -> None:
        """Count the events, and the identifies whose timestamp does."""
        event, name = seen.stream.event, seen.stream.name
        if seen.encoded.future and event and event.timestamp:
            ahead = (_seconds(seen, event.timestamp) > seen.now_s).fill_null(False).to_numpy()
            self._events[name].add(seen, ahead & seen.goes, event.timestamp)
        if seen.stream.timestamp:
            times = _seconds(seen, seen.stream.timestamp)
            ahead = (times > seen.now_s).fill_null(False).to_numpy() & seen.goes
            if ahead.any():
                self._identifies[name].add(seen, ahead, seen.stream.timestamp)

    def found(self, _files: Sequence[SourceFile]) -> Iterator[Finding]:
        """A finding a stream."""
        for stream, tally in self._events.items():
            text = f"{counted(tally.rows, 'event')} that lie in the future"
            yield tally.finding("future_events", text, stream)
        for stream, tally in self._identifies.items():
            text = (
                f"{counted(tally.rows, 'row')} with a `timestamp` in the future: later updates of"
                " these people are dropped until then"
            )
            yield tally.finding("future_timestamps", text, stream)


def _shown(name: str) -> str:
    """An event's name; of what may be a value, where the wrong column is mapped, its shape."""
    return name if _NAME.fullmatch(name) else masked(name)


def _seconds(seen: Seen, field: Field) -> pl.Series:
    as_time = field.model_copy(update={"type": "timestamp"})
    return timestamps.read(seen.draft.column(field), as_time, "").seconds
