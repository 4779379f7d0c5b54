"""Which of the files in a folder a run reads, where each is taken once.

Facts. Files come, are renamed and copied at any time, also while a run is unfinished. Rules. A file
is its content, under whatever name. A run keeps the files that it began with until it is finished:
what comes meanwhile waits for the next run. A new run reads every content that no run has taken,
each under the first name that it has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from backfill.identity import FileIdentity
from backfill.ledger import Taken
from backfill.resumption import Saved


class Arrival(NamedTuple):
    """A file that stands there: its label, its size in bytes and a digest of all of it."""

    label: str
    size: int
    content: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """Places of arrivals, each in one of the parts; labels by which the contents are known.

    files:   those the run reads, in order.
    before:  those that an earlier run took, and their labels then.
    copies:  those that hold what another one of the run does, and that one's label.
    waiting: those left to the next run.
    """

    files: list[int] = field(default_factory=list)
    before: dict[int, str] = field(default_factory=dict)
    copies: dict[int, str] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)


def was_anything_taken(stream: str, saved: Saved | None, elsewhere: Collection[Taken] = ()) -> bool:
    """Whether any run has taken a file of the stream; elsewhere: as of `sort`."""
    own = saved.taken if saved is not None else ()
    return any(taken.stream == stream for taken in (*own, *elsewhere))


def sort(
    stream: str,
    arrivals: Sequence[Arrival],
    saved: Saved | None,
    elsewhere: Collection[Taken] = (),
) -> Sorted:
    """What becomes of each file of a stream in the run that starts over `saved`.

    elsewhere: what runs of the same stream by another checkpoint took.
    """
    run = {file.label: file for file in _unfinished(stream, saved)}
    others = {(one.size, one.content): one.label for one in elsewhere if one.stream == stream}
    before = others | dict(_taken_before(stream, saved))
    known = {(f.size, f.content): f.label for f in run.values() if f.content is not None}
    is_going_on = saved is not None and not saved.is_finished
    found = Sorted()
    for place, (label, size, content) in enumerate(arrivals):
        key = (size, content)
        if label in run:
            found.files.append(place)
        elif key in before:
            found.before[place] = before[key]
        elif key in known:
            found.copies[place] = known[key]
        else:
            known[key] = label
            (found.waiting if is_going_on else found.files).append(place)
    return found


def _unfinished(stream: str, saved: Saved | None) -> Sequence[FileIdentity]:
    """The files of the run that goes on; none where a run begins."""
    if saved is None or saved.is_finished:
        return ()
    return next((each.files for each in saved.job.streams if each.name == stream), ())


def _taken_before(stream: str, saved: Saved | None) -> Mapping[tuple[int, str], str]:
    """Contents that runs before this one took, to their labels then."""
    if saved is None:
        return {}
    own = None if saved.is_finished else saved.run_id
    return {
        (taken.size, taken.content): taken.label
        for taken in saved.taken
        if taken.stream == stream and taken.run_id != own
    }
