"""The files of a folder that its job takes once: known by their content, whatever they are called.

A row of one that an earlier run took is done; the requests that carried it are no longer on record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from backfill import readers
from backfill.inquiry.runs import Run
from backfill.ledger import Taken
from backfill.mapping import Stream
from backfill.phrases import counted
from backfill.readers import Content

if TYPE_CHECKING:
    from backfill.inquiry.sources import Asked


@dataclass(slots=True)
class Memory:
    """What a run and those before it took of one stream.

    seen: the contents that were met so far, and the labels of their files then.
    """

    run_id: str = ""
    is_finished: bool = False
    taken: dict[Content, Taken] = field(default_factory=dict)
    seen: dict[Content, str] = field(default_factory=dict)

    def recognised(self, asked: Asked, places: dict[str, int]) -> Asked | None:
        """The same file by what it was taken as; None for a second copy.

        places: labels to places in the checkpoint of the run. Raises SourceError where it cannot be
        read.
        """
        if not self.taken:
            return asked
        content = readers.content(asked.file.path)
        if content in self.seen:
            return None
        self.seen[content] = asked.file.label
        taken = self.taken.get(content)
        if taken is None:  # under a name that another file had
            is_new = asked.is_changed and self.is_finished
            return replace(asked, is_known=False, is_changed=False) if is_new else asked
        is_own = taken.run_id == self.run_id
        index = places[taken.label] if is_own else asked.file.index
        file = replace(asked.file, label=taken.label, index=index)
        before = None if is_own else taken
        return replace(asked, file=file, is_known=is_own, is_changed=False, taken=before)

    def remarks(self) -> Iterator[str]:
        """What people should know of the names and the whereabouts of what was taken."""
        for content, label in self.seen.items():
            taken = self.taken.get(content)
            if taken is not None and taken.label != label:
                yield f"{label} was taken as {taken.label}"
        before = [c for c, taken in self.taken.items() if taken.run_id != self.run_id]
        gone = sum(content not in self.seen for content in before)
        if gone:
            are = "is" if gone == 1 else "are"
            yield f"{counted(gone, 'file')} that earlier runs took {are} not among its sources now"


def memory(run: Run, stream: Stream) -> Memory:
    """Of the first run of a job; nothing of one of mended rows, or where nothing was taken."""
    if run.name or run.saved is None or not stream.takes_files_once:
        return Memory()
    own = (taken for taken in run.saved.taken if taken.stream == stream.name)
    found = {Content(taken.size, taken.content): taken for taken in own}
    return Memory(run.saved.run_id, run.saved.is_finished, found)
