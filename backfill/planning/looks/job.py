"""What the config and the columns tell: the pace, and how the streams go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backfill.config import Job
from backfill.mapping import Stream
from backfill.pipeline import OpenStream, cautions
from backfill.planning.looking import Finding

_REMOVING = ("suppress", "delete")


def of_job(job: Job, streams: Sequence[OpenStream]) -> Iterator[Finding]:
    """What to know of a job before any row is read; streams: its own, opened."""
    for text, kind, _ in cautions(job, streams):
        yield Finding(kind, text)
    if job.destination.operations_per_s is None:
        yield Finding(
            "no_operations_per_s",
            "destination.operations_per_s is not set: whether the API counts requests or operations"
            " is not documented, and a request may hold thousands",
        )
    yield from _order(job.streams)
    yield from _segments(job.streams)


def _order(streams: tuple[Stream, ...]) -> Iterator[Finding]:
    reaching = ""
    for stream in streams:
        what = _takes_back(stream)
        if what and reaching:
            yield Finding(
                "stands_behind",
                f"{what} stands behind {reaching}: whoever is in both may be reached before it;"
                " put it first",
                stream.name,
            )
        elif not what and _reaches(stream):
            reaching = reaching or stream.name


def _segments(streams: tuple[Stream, ...]) -> Iterator[Finding]:
    for stream in streams:
        if stream.operation == ("person", "identify") and not _takes_back(stream):
            yield Finding(
                "may_start_segment_campaigns",
                "its attributes may move people into segments, and so start campaigns that listen"
                " to them: pause those, or keep an attribute of the import out of their segments",
                stream.name,
            )


def _takes_back(stream: Stream) -> str:
    """What of consent or existence a stream takes back, for all of its rows."""
    kind, action = stream.operation
    if kind == "person" and action in _REMOVING:
        return f"action {action}"
    unsubscribed = stream.named_attributes.get("unsubscribed")
    is_out = unsubscribed is not None and unsubscribed.is_constant and unsubscribed.value
    return "unsubscribed: true" if is_out else ""


def _reaches(stream: Stream) -> bool:
    kind, action = stream.operation
    return kind == "person" and action in ("identify", "event", "page", "screen", "add_device")
