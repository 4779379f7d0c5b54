"""What becomes of who was in an export before and is gone: streams of their own, at the end."""

from __future__ import annotations

import os
from pathlib import Path

from backfill.changes import Departures, Detection, gone
from backfill.config import Job
from backfill.errors import CheckpointError, GuardError
from backfill.mapping import rows_max
from backfill.pipeline.comparing import Scope, known_path
from backfill.pipeline.sources import OpenStream, file_identity, opened
from backfill.pipeline.vanishing import vanished
from backfill.remarks import Remark, Says
from backfill.resumption import Saved


def departures(
    job: Job,
    streams: tuple[OpenStream, ...],
    scope: Scope,
    before: Saved | None,
    says: Says,
    folder: Path | None = None,
) -> tuple[OpenStream, ...]:
    """A stream for each whose keys vanished and that says what is to become of them.

    before: what the checkpoint holds of the last run.
    folder: where they are listed; None: beside what is known.
    Raises GuardError where more vanished than a stream bears.
    """
    found = []
    for stream, detection, places in vanished(job, streams, scope, before, says):
        named = gone.named(detection.memory, places)
        if unnamed := len(places) - len(named):
            text = (
                f"{stream.name}: how the API names {unnamed:,} of {len(places):,} vanished keys is"
                " not kept, and nothing is done about them: they were sent before `vanished` was"
                " said, or the file of it was lost; --full names all who are still there"
            )
            says(*Remark(text, "vanished_unnamed", "warning"))
        if not len(named):
            continue
        _check_count(stream, len(named), detection.memory.known.count)
        listed = gone.path_of(known_path(job, stream.name))
        listed = folder / listed.name if folder else listed
        gone.write(listed, stream.stream, detection.memory, named)
        found.append(_departing(job, stream, listed))
    return tuple(found)


def again(
    job: Job, streams: tuple[OpenStream, ...], saved: Saved, says: Says
) -> tuple[OpenStream, ...]:
    """The streams of who vanished that an unfinished run began with.

    Raises CheckpointError where a list is not as it was.
    """
    found = []
    begun = {stream.name: stream.files for stream in saved.job.streams}
    for stream in streams:
        if stream.stream.vanished == "ignore":
            continue
        if not (files := begun.get(stream.name + gone.SUFFIX)):
            _say_none_began(stream, says)
            continue
        listed = gone.path_of(known_path(job, stream.name))
        if listed.exists():
            found.append(_departing(job, stream, listed))
        if not listed.exists() or tuple(map(file_identity, found[-1].files)) != files:
            raise CheckpointError(
                "the list of who vanished is not as the run began with it",
                str(listed),
                "put it back as it was, or start anew with --fresh",
            )
    return tuple(found)


def _say_none_began(stream: OpenStream, says: Says) -> None:
    """Say who is gone where a run goes on that began without acting on it, as with --limit."""
    assert isinstance(stream.detector, Detection)
    if count := len(stream.detector.comparison.gone):
        text = (
            f"{stream.name}: {count:,} known keys have no row, and nothing is done about them: the"
            " run began without that; a run of the next export does, or one with --full"
        )
        says(*Remark(text, "vanished_ignored", "warning"))


def _departing(job: Job, stream: OpenStream, listed: Path) -> OpenStream:
    # By a path that is the same from wherever the command is called, for the run to go on with.
    path = Path(os.path.relpath(listed.resolve(), job.base.resolve()))
    found = opened(job, gone.stream_of(stream.stream, path))
    assert stream.detector is not None
    return OpenStream(found.stream, None, found.files, detector=Departures(stream.detector.memory))


def leave_doubt(departing: OpenStream, streams: tuple[OpenStream, ...]) -> None:
    """What is known of who is removed by other streams, or of who has a name of theirs, is void.

    Durable when it returns. streams: those that compare.
    """
    us = next(one for one in streams if one.name + gone.SUFFIX == departing.name)
    if us.stream.vanished not in ("delete", "suppress"):
        return
    listed = departing.files[0].file.path
    assert isinstance(listed, Path)
    removed = gone.listed_keys(listed)
    assert us.detector is not None
    texts = us.detector.memory.texts
    if texts is not None and texts.names:
        us.detector.memory.doubt_those(gone.namesakes(texts, removed))
        us.detector.memory.are_unsure = True  # of who is told in this run the names come later
    for other in streams:
        if other is not us and other.stream.compared_by == us.stream.compared_by:
            assert other.detector is not None
            other.detector.memory.doubt_those(removed)


def _check_count(stream: OpenStream, vanished: int, known: int) -> None:
    bound = stream.stream.max_vanished
    if vanished > rows_max(bound, known):
        raise GuardError(
            f"{vanished:,} of {known:,} known keys have no row any more, more than"
            f" `max_vanished: {bound}` bears",
            f"stream {stream.name}, {', '.join(one.file.label for one in stream.files)}",
            "see whether the export is whole; if they are really gone, allow it for one run: add"
            f" --set streams.{stream.name}.max_vanished={vanished} to the command",
        )
