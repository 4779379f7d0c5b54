"""What a job expects of its sources, held against them before its first request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from backfill.config import Job
from backfill.errors import BackfillError, GuardError
from backfill.mapping import Expect
from backfill.pipeline.expecting import nights as learnt
from backfill.pipeline.expecting.judging import (
    Difference,
    Seen,
    differences,
    new_columns,
    quoted,
)
from backfill.pipeline.expecting.looking import Look
from backfill.pipeline.expecting.nights import Night, Nights, load, written
from backfill.pipeline.sources import OpenStream
from backfill.pipeline.stop import Stop
from backfill.remarks import Remark, Says
from backfill.resumption import Saved, Start

#: Files of a stream that a message names.
_FILES_MAX = 3

_ANEW = "have the export made anew and run the same command again"


class Unexpected(NamedTuple):
    """What is not as expected of one stream."""

    stream: OpenStream
    found: tuple[Difference, ...]

    @property
    def place(self) -> str:
        """The stream and its files."""
        labels = [file.file.label for file in self.stream.files]
        more = len(labels) - _FILES_MAX
        named = ", ".join(labels[:_FILES_MAX]) + (f" and {more:,} more files" if more > 0 else "")
        return f"stream {self.stream.name}, {named}"


class Expectations:
    """The streams of a job that have `expect`: read by `look`, then judged all at once."""

    def __init__(self, job: Job, streams: Sequence[OpenStream]) -> None:
        self._job = job
        self._looks = [Look(stream) for stream in streams if stream.stream.expect is not None]
        self._nights: Nights = {}

    async def hold(self, start: Start, stop: Stop) -> None:
        """Look, and check, before a run begins; the sources of one that goes on were by then."""
        if start is not Start.RESUME:
            await stop.through(self.look())
            self.check()

    def to_learn(self) -> str:
        """What to keep with a run, for the nights after it once it is finished; not of a part."""
        return self.observed if self._job.part_of is None else ""

    def look(self) -> Iterator[None]:
        """Read the sources. Yields now and then, so that the caller can stop.

        Raises SourceError where one cannot be read on, and what `nights.load` raises.
        """
        if self._looks:
            self._nights = load(self._job.learnt_file)
        for look in self._looks:
            yield from look.read()

    def check(self) -> None:
        """Raise GuardError with all that is not as expected."""
        if unexpected := self.unexpected():
            raise _error(unexpected, self._job.typed)

    def unexpected(self) -> list[Unexpected]:
        """The streams whose files are not as expected."""
        found = [
            Unexpected(look.stream, tuple(differences(look.expect, nights, seen)))
            for look, nights, seen in self._seen()
            if isinstance(look.expect, Expect)
        ]
        return [one for one in found if one.found]

    def remarks(self) -> Iterator[Remark]:
        """What else people should know of the streams that are as expected."""
        for look, nights, _ in self._seen():
            name = look.stream.name
            if look.expect == "accept":
                yield Remark(f"{name}: its export is accepted as it is", "export_accepted")
            elif not nights and look.expect.is_learning:
                text = "nothing is learnt of earlier nights yet: this one is taken as it is"
                yield Remark(f"{name}: {text}", "nothing_learnt")
        for stream, text in self.new_columns():
            yield Remark(f"{stream}: {text}", "new_columns", "warning")

    def new_columns(self) -> Iterator[tuple[str, str]]:
        """By stream what is said of columns that came after those of the last night."""
        for look, nights, seen in self._seen():
            is_learnt = isinstance(look.expect, Expect) and look.expect.columns == "learnt"
            if is_learnt and (names := new_columns(nights, seen)):
                sent = ", which `*` sends" if look.stream.stream.takes_every_column else ""
                yield look.stream.name, f"new columns at the end: {quoted(names)}{sent}"

    @property
    def observed(self) -> str:
        """What to keep with a run, for the nights after it."""
        return written({look.stream.name: look.night for look in self._looks})

    def _seen(self) -> Iterator[tuple[Look, tuple[Night, ...], Seen]]:
        for look in self._looks:
            nights = self._nights.get(look.stream.name, ())
            yield look, nights, Seen(look.night, look.labels, look.is_json)


def learn(job: Job, saved: Saved | None, says: Says, *, is_whole: bool = False) -> None:
    """Learn from the run that stands at the checkpoint, if it is finished and nobody did.

    is_whole: whether it counts as finished, for what it left is held back for a time.
    """
    try:
        if saved is not None and (is_whole or saved.is_finished) and saved.observed:
            learnt.learn(job.learnt_file, saved.run_id, saved.observed)
    except BackfillError as error:  # the run has completed all the same
        says(f"{error.what} ({error.where}); {error.fix}", "not_learnt", "warning")


def _error(unexpected: list[Unexpected], typed: str) -> GuardError:
    texts = [(one.stream.name, each.text) for one in unexpected for each in one.found]
    what = texts[0][1]
    if len(texts) > 1:
        listed = "".join(f"\n  {name}: {text}" for name, text in texts)
        what = f"the exports differ from what is expected in {len(texts)} ways:{listed}"
    ways = [_ANEW]
    if learnt := [one for one in unexpected if any(each.is_learnt for each in one.found)]:
        accepting = "".join(f" --set streams.{one.stream.name}.expect=accept" for one in learnt)
        ways.append(
            "if they are to look like this from now on, accept them once:"
            f" backfill run {typed}{accepting}"
        )
    if any(not each.is_learnt for one in unexpected for each in one.found):
        ways.append("where the config says it, change `expect` of the stream")
    return GuardError(what, "; ".join(one.place for one in unexpected), "; or ".join(ways))
