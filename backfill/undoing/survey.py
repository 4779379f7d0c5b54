"""What undoing a run comes to: who is set back, deleted, left alone, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial

from backfill.appapi import AppApi
from backfill.changes import Change, Known, Overtaken, Texts, ToldLast
from backfill.checkpoint import peek
from backfill.config import Job
from backfill.errors import StorageError
from backfill.mapping import Stream
from backfill.phrases import counted
from backfill.pipeline import comparing
from backfill.undoing.births import Births
from backfill.undoing.kept import check, keeping, span, why_never
from backfill.undoing.lists import Lists
from backfill.undoing.reversal import FirstSeen, Left, SetBack, names_before, reversal

#: What opens the App API of the workspace: it, and how a checkpoint knows the workspace; None:
#: there is no key.
Opens = Callable[[], tuple[AppApi, str] | None]


@dataclass(slots=True)
class StreamUndo:
    """What undoing a run comes to in one stream; of entities.

    left:  why they are left alone; stays: what of those that are set back stays nevertheless.
    names: attributes that are set back. overtaken: what became of others since.
    last_run: the last that is known of the stream.
    """

    stream: Stream
    last_run: str
    overtaken: Overtaken
    set_back: int = 0
    delete: int = 0
    left: Counter[str] = field(default_factory=Counter)
    stays: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)

    @property
    def left_alone(self) -> Mapping[str, int]:
        """Why entities are left as they are, and how many."""
        _, changed, runs = self.overtaken
        by = f"changed again since, by {counted(runs, 'later run')}"
        return {**({by: changed} if changed else {}), **self.left}


@dataclass(frozen=True, slots=True)
class Undo:
    """What undoing a run comes to.

    irreversible: the other streams of the job, and why nothing of them is undone.
    is_unfinished: whether the run itself may go on.
    """

    job: Job
    run_id: str
    streams: tuple[StreamUndo, ...]
    irreversible: Mapping[str, str]
    is_unfinished: bool

    @property
    def set_back(self) -> int:
        """Entities whose attributes are set back."""
        return sum(one.set_back for one in self.streams)

    @property
    def delete(self) -> int:
        """Entities that are deleted."""
        return sum(one.delete for one in self.streams)

    @property
    def undone(self) -> int:
        """Entities that were set back or deleted by an undo before."""
        return sum(one.overtaken.undone for one in self.streams)

    @property
    def left(self) -> int:
        """Entities that the run changed and that are left as they are."""
        return sum(sum(one.left_alone.values()) for one in self.streams)


def survey(job: Job, run_id: str, opens: Opens, *, lists: bool) -> Undo:
    """See what undoing a run of a job comes to; lists: whether to write down who is concerned.

    Raises UsageError for a run of which nothing is kept, what the App API raises, CheckpointError
    and StorageError where what is kept cannot be read or written.
    """
    with keeping(job) as found:
        check(job, run_id, found)
        streams = tuple(
            _of_stream(job, run_id, stream, found[stream.name], opens, lists=lists)
            for stream in job.streams
            if stream.name in found and run_id in found[stream.name].runs()
        )
    saved = peek(job.checkpoint)
    return Undo(
        job,
        run_id,
        streams,
        {one.name: why for one in job.streams if (why := why_never(one))},
        saved is not None and saved.run_id == run_id and not saved.is_finished,
    )


def _of_stream(
    job: Job, run_id: str, stream: Stream, texts: Texts, opens: Opens, *, lists: bool
) -> StreamUndo:
    runs = texts.runs()
    found = StreamUndo(stream, runs[-1], texts.overtaken(run_id))
    births = Births(span(job, run_id, runs), partial(_opened, job, stream, opens))
    with ExitStack() as held:
        known = held.enter_context(closing(Known.look(comparing.known_path(job, stream.name))))
        told = ToldLast(known)
        written = held.enter_context(Lists(job, run_id, stream)) if lists else None
        blanks = _may_be_blank(stream, texts, run_id)
        try:
            for changes in texts.changed_by(run_id):
                both = zip(changes, told.are(changes), strict=True)
                reversals = [
                    reversal(change, is_told_last=is_last, may_be_blank=blanks)
                    for change, is_last in both
                ]
                _sort(changes, reversals, found, births, written)
        except OSError as error:
            raise StorageError(
                f"who is to be set back cannot be listed: {error.strerror}",
                str(job.checkpoint.parent),
                "free some space, or make the folder writable, and run the same command again",
            ) from error
    return found


def _may_be_blank(stream: Stream, texts: Texts, run_id: str) -> set[str]:
    """The attributes that anybody had before a run, and whose blanks are not sent."""
    named = stream.named_attributes
    had = {
        name
        for changes in texts.changed_by(run_id)
        for change in changes
        for name in names_before(change)
    }
    blanks = {name: named[name].blank if name in named else None for name in had}
    return {name for name, blank in blanks.items() if (blank or stream.blank) == "omit"}


def _sort(
    changes: list[Change],
    reversals: list[SetBack | FirstSeen | Left],
    found: StreamUndo,
    births: Births,
    written: Lists | None,
) -> None:
    """Count some entities by what becomes of them, and list them."""
    seen = [each for each in reversals if isinstance(each, FirstSeen)]
    reasons = iter(births.why_left(seen))
    for change, each in zip(changes, reversals, strict=True):
        if isinstance(each, SetBack):
            found.set_back += 1
            found.names.update(each.names)
            found.stays.update(each.stays)
            if written:
                written.set_back(change.key, each)
            continue
        why = each.why if isinstance(each, Left) else next(reasons)
        if why:
            found.left[why] += 1
        else:
            found.delete += 1
        if written and why:
            written.leave(each.identifiers, why)
        elif written:
            written.delete(change.key, each.identifiers)


def _opened(job: Job, stream: Stream, opens: Opens) -> AppApi | None:
    """The App API of the workspace that the stream is known of."""
    if (opened := opens()) is None:
        return None
    api, destination = opened
    comparing.check_known(job, stream, destination)
    return api
