"""What a job remembers of a file that it is done with."""

from __future__ import annotations

from typing import NamedTuple


class Taken(NamedTuple):
    """A file whose rows are all done: delivered, filtered, or rejected into the rejects files.

    content:  32 hexadecimal digits: xxh3_128 of all of its bytes; size: how many those are.
    label:    what messages called it then; digest: its sampled fingerprint, as event ids have it.
    rejected: how many of its rows were.
    """

    stream: str
    content: str
    size: int
    label: str
    digest: str
    run_id: str
    rejected: int
