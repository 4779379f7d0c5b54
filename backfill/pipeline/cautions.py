"""What to know of a job's streams before any row is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from backfill import readers
from backfill.changes import known
from backfill.changes.header import header_of
from backfill.config import Job
from backfill.errors import BackfillError
from backfill.mapping import Stream, VanishedSet
from backfill.pipeline.arriving import listed
from backfill.pipeline.overlaps import Width, is_same_kind, overlaps
from backfill.pipeline.sources import OpenStream, widths
from backfill.remarks import Remark

_REMOVING = ("delete", "suppress", "merge")


def cautions(
    job: Job, streams: Sequence[OpenStream], done_folder: Path | None = None
) -> Iterator[Remark]:
    """What is allowed and leaves the workspace otherwise than the exports say.

    streams: those of the job, opened. Raises what `readers.passed_over` raises.
    """
    yield from _passed_over(job, done_folder)
    found = widths(job, streams)
    yield from overlaps(found)
    for width in found:
        if width.stream.changes is not None:
            yield from _unseen(width.stream)
            yield from _staying(width)
    yield from _removed(job)
    yield from _unclaimed(job)


def _passed_over(job: Job, done_folder: Path | None) -> Iterator[Remark]:
    whole = job.part_of or job
    every = (job.checkpoint, whole.checkpoint, job.rejects, job.sandbox, done_folder)
    own = [one for one in every if one is not None]
    for stream in job.streams:
        if names := [label for _, label in readers.passed_over(stream.source, job.base, own)]:
            text = (
                f"{stream.name}: not read, though in the folder of its source: {listed(names)}; a"
                " folder stands for the CSV, JSONL and Parquet files in it, not below it (for"
                " those there are patterns, as exports/**/*.csv)"
            )
            yield Remark(text, "passed_over", "warning")


def _unseen(stream: Stream) -> Iterator[Remark]:
    by_number = stream.object is not None and stream.object.cio_object_id is not None
    if stream.existing_only or by_number:
        why = "existing_only" if stream.existing_only else "cio_object_id"
        text = (
            f"{stream.name}: with {why} the API takes updates of who is not there and ignores them:"
            " they count as sent, and who is created later does not get them; run with --full now"
            " and then"
        )
        yield Remark(text, "unseen_updates", "warning")


def _staying(width: Width) -> Iterator[Remark]:
    stream, told, text = width.stream, width.stream.vanished, ""
    if isinstance(told, VanishedSet):
        names = [name for name in told.set if name not in width.attributes()]
        if names and not width.is_open:
            text = (
                f"vanished sets {', '.join(names)}, which no row sets: who comes back keeps it;"
                " add it to `attributes` with the value of who is there"
            )
    elif told == "suppress":
        text = "who vanishes is suppressed, and who comes back stays suppressed: lift it by hand"
    if text:
        yield Remark(f"{stream.name}: {text}", "set_stays", "warning")
    if told != "ignore" and len(kinds := list(stream.person or ())) > 1:
        text = (
            f"who gets another {kinds[0]} and keeps the {kinds[1]} vanishes by the old one; the API"
            " may not take the new one before, so it is told again with the next export"
        )
        yield Remark(f"{stream.name}: {text}", "vanished_of_several_names", "warning")


def _removed(job: Job) -> Iterator[Remark]:
    streams = (job.part_of or job).streams
    for stream in streams:
        if stream.changes is None or stream.operation[1] in _REMOVING:
            continue
        for other in streams:
            if other is not stream and is_same_kind(stream, other) and (how := _removes(other)):
                text = (
                    f"{stream.name}: whoever {other.name} removes ({how}) and who still stands in"
                    " this export counts as sent, and is not sent again until the row changes;"
                    " --full sends all of them"
                )
                yield Remark(text, "deleted_elsewhere", "warning")


def _removes(stream: Stream) -> str:
    """How a stream takes entities away; empty: it does not."""
    if stream.operation[1] in _REMOVING:
        return f"action {stream.operation[1]}"
    return f"vanished: {stream.vanished}" if stream.vanished in _REMOVING else ""


def _unclaimed(job: Job) -> Iterator[Remark]:
    """Files of what is known of streams that the config does not have."""
    streams = {stream.name: stream for stream in (job.part_of or job).streams}
    checkpoint = (job.part_of or job).checkpoint
    start = known.path_of(checkpoint, "").name
    for path in _files_in(checkpoint.parent):
        name = path.name.removeprefix(start)
        if name == path.name or name in streams or _stream_of(path) != name:
            continue
        new = [
            one.name
            for one in streams.values()
            if one.changes is not None and not known.path_of(checkpoint, one.name).exists()
        ]
        to = f"{start}{new[0] if len(new) == 1 else 'NAME'}"
        text = (
            f"{path} is what is known of a stream {name}, which the config does not have: if it has"
            f" another name now, everything is sent and nobody is seen to vanish, unless you rename"
            f" the file to {to} first (and {path.name}.texts, if there is one, to {to}.texts);"
            " otherwise move it away"
        )
        yield Remark(text, "known_of_no_stream", "warning")


def _files_in(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # not there yet, or a run that needs it says so
        return []


def _stream_of(path: Path) -> str:
    """The stream a file is the knowledge of; empty: it is no such file."""
    try:
        header = header_of(path) if path.is_file() else None
    except BackfillError:  # a run that needs the file says so
        return ""
    return str(header.belongs["stream"]) if header else ""
