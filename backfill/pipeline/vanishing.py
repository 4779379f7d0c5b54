"""Who counts as gone from a stream: nobody, where its export or another's may not be whole."""

from __future__ import annotations

from collections.abc import Iterator

from backfill.changes import Detection
from backfill.config import Job
from backfill.phrases import counted
from backfill.pipeline.comparing import Scope
from backfill.pipeline.sources import OpenStream
from backfill.records import Int64s
from backfill.remarks import Remark, Says
from backfill.resumption import Saved


def vanished(
    job: Job,
    streams: tuple[OpenStream, ...],
    scope: Scope,
    before: Saved | None,
    says: Says,
) -> Iterator[tuple[OpenStream, Detection, Int64s]]:
    """Each stream that something becomes of whose vanished keys, and the places of these.

    before: what the checkpoint holds of the last run.
    """
    for stream in streams:
        detection = stream.detector
        if stream.stream.vanished == "ignore" or not isinstance(detection, Detection):
            continue
        places = detection.comparison.gone
        if not len(places):
            continue
        others = tuple(_others(stream, streams))
        if reason := _why_not(job, stream, others, scope, before):
            text = f"{stream.name}: {len(places):,} known keys have no row, and nothing is done"
            says(*Remark(f"{text} about them: {reason}", "vanished_ignored", "warning"))
            continue
        left = places
        for other in others:
            assert isinstance(other.detector, Detection)
            left = left[~other.detector.comparison.has(detection.memory.known.at(left))]
        if elsewhere := len(places) - len(left):
            names = ", ".join(other.name for other in others)
            text = (
                f"{stream.name}: {elsewhere:,} of {len(places):,} vanished keys have a row in"
                f" {names}, and nothing is done about them"
            )
            says(*Remark(text, "vanished_elsewhere"))
        if len(left):
            yield stream, detection, left


def _others(stream: OpenStream, streams: tuple[OpenStream, ...]) -> Iterator[OpenStream]:
    """The streams that may name who is gone from this one, as far as that can be told.

    Of `delete` and `suppress` the config is refused where it cannot.
    """
    for other in streams:
        is_alike = other.stream.compared_by == stream.stream.compared_by
        if other is not stream and is_alike and other.stream.may_name_those_of(stream.stream):
            yield other


def _why_not(
    job: Job,
    stream: OpenStream,
    others: tuple[OpenStream, ...],
    scope: Scope,
    before: Saved | None,
) -> str:
    """Why nobody counts as vanished although keys have no row; empty: somebody does."""
    if job.part_of is not None:
        return "only a part of the job is run (--only)"
    if scope.limit is not None:
        return "only the first rows are sent (--limit)"
    for one in (stream, *others):
        if reason := _why_not_whole(one, before):
            return reason if one is stream else f"of {one.name}, which may name them, {reason}"
    return ""


def _why_not_whole(stream: OpenStream, before: Saved | None) -> str:
    assert isinstance(stream.detector, Detection)
    found, files = stream.detector.comparison, stream.detector.memory.files
    if stream.stream.since is not None:
        return "the export holds new rows only (since)"
    if not len(found.said):
        return "the source holds no rows"
    if empty := [file.label for file, rows in found.rows.items() if not rows]:
        return f"{empty[0]} holds no rows"
    if not isinstance(stream.stream.max_vanished, int):
        way = (
            "put back what is missing, or, if it is meant, allow it with the next export: --set"
            f" streams.{stream.name}.max_vanished={len(found.gone)}"
        )
        if missing := _missing(stream, before):
            return f"{missing} was there in the last run and is not any more: {way}"
        if len(stream.files) < files:
            return f"{counted(files, 'file')} were there before, {len(stream.files):,} now: {way}"
    if found.unreadable:
        assert found.first_unreadable is not None
        file, row = found.first_unreadable
        return (
            f"the key of {counted(found.unreadable, 'row')} cannot be read or has white space"
            f" around it, and may be theirs (the first is row {row + 1:,} of {file.label}): mend"
            " them, and the next run acts"
        )
    return ""


def _missing(stream: OpenStream, before: Saved | None) -> str:
    """A file that the last run had, where there are fewer now; empty: none is missing."""
    now = {one.file.label for one in stream.files}
    for then in before.job.streams if before else ():
        labels = [file.label for file in then.files]
        if then.name == stream.name and len(now) < len(labels):
            return next((label for label in labels if label not in now), "")
    return ""
