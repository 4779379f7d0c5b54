"""What people's profiles will lack: a date of creation, attributes that are always blank."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from backfill.phrases import counted
from backfill.planning.looking import Finding, Seen, Tally
from backfill.records import SourceFile

#: Attributes that are spelled out.
_NAMED_MAX = 10


class Newborn:
    """People who would get no `created_at`: new ones look as if they had been created today."""

    def __init__(self) -> None:
        self._streams: dict[str, Tally] = defaultdict(Tally)

    def look(self, seen: Seen) -> None:
        """Count the rows that may make somebody."""
        stream = seen.stream
        if stream.operation != ("person", "identify") or stream.existing_only:
            return
        field, wanted = seen.attributes.get("created_at"), seen.goes
        if field is not None and not field.is_constant:
            wanted = wanted & seen.draft.column(field).is_blank.to_numpy()
        if (field is None or not field.is_constant) and wanted.any():
            self._streams[stream.name].add(seen, wanted)

    def found(self, _files: Sequence[SourceFile]) -> Iterator[Finding]:
        """A finding a stream."""
        for stream, tally in self._streams.items():
            text = (
                f"{counted(tally.rows, 'row')} without a `created_at`: who is new by them looks as"
                " if created on the day of the run"
            )
            yield tally.finding("no_created_at", text, stream)


class Blanks:
    """Attributes that are blank in every row, and so are never sent."""

    def __init__(self) -> None:
        self._blank: dict[str, set[str]] = {}
        self._filled: dict[str, set[str]] = defaultdict(set)

    def look(self, seen: Seen) -> None:
        """Note which attributes have a value."""
        stream, filled = seen.stream, self._filled[seen.stream.name]
        if not seen.goes.any():
            return
        blank = self._blank.setdefault(stream.name, set())
        for name in seen.attributes.keys() - filled:
            if seen.draft.column(seen.attributes[name]).is_blank.to_numpy()[seen.goes].all():
                blank.add(name)
            else:
                filled.add(name)

    def found(self, _files: Sequence[SourceFile]) -> Iterator[Finding]:
        """A finding a stream."""
        for stream, blank in self._blank.items():
            names = sorted(blank - self._filled[stream])
            if names:
                more = len(names) - _NAMED_MAX
                told = ", ".join(names[:_NAMED_MAX]) + (f" and {more:,} more" if more > 0 else "")
                yield Finding("always_blank", f"blank in every row: {told}", stream)
