"""What the exports of earlier nights looked like: CHECKPOINT.learnt.json.

Rules: counts and names of columns, no value. A night is learnt from once its run has completed, and
once only: what is kept with the run says what it looked like, and the run's name that it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import msgspec

from backfill.errors import CheckpointError, StorageError
from backfill.private import write_whole

#: Nights that are kept of a stream: a week holds each of its days once.
NIGHTS_MAX = 7


class Night(msgspec.Struct, frozen=True):
    """What the files of a stream looked like, together.

    columns: the names in each file's order, each such list once; of JSONL one list, of all keys;
             None where nobody looked.
    blanks:  rows without a value, by column; of a row that could not be read every one is blank.
             None where nobody looked.
    is_anew: whether the nights before are no longer compared with.
    files:   how many they are, where each is taken once: then rows are compared by the file.
    """

    run_id: str
    rows: int
    columns: tuple[tuple[str, ...], ...] | None = None
    blanks: dict[str, int] | None = None
    is_anew: bool = False
    files: int = 1

    @property
    def rows_a_file(self) -> Fraction:
        """Rows, of a stream that takes each file once by the file."""
        return Fraction(self.rows, max(self.files, 1))


Nights = Mapping[str, tuple[Night, ...]]


def load(path: Path) -> Nights:
    """The nights of each stream, the last one last.

    Raises CheckpointError for a file that is damaged, StorageError for one that cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, tuple[Night, ...]])
    except FileNotFoundError:
        return {}
    except OSError as error:
        what = f"what was learnt of earlier nights cannot be read: {error.strerror}"
        raise StorageError(what, str(path), "make the file readable for this user") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(
            "what was learnt of earlier nights is damaged",
            str(path),
            "look at the exports yourself, and remove the file: the next run takes them as they are"
            " and learns from them anew",
        ) from error


def learn(path: Path, run_id: str, observed: str) -> None:
    """Add the night of a run that completed; a second time changes nothing.

    observed: as `written` gave it. Raises as `load` does, StorageError where it cannot be written.
    """
    before_it = load(path)
    known = dict(before_it)
    for stream, night in read(observed).items():
        before = known.get(stream, ())
        if all(each.run_id != run_id for each in before):
            kept = () if night.is_anew else before
            named = msgspec.structs.replace(night, run_id=run_id)
            known[stream] = (*kept, named)[-NIGHTS_MAX:]
    if known == before_it:
        return
    try:
        write_whole(path, msgspec.json.format(msgspec.json.encode(known)) + b"\n")
    except OSError as error:
        what = f"what was learnt of this night cannot be written: {error.strerror}"
        raise StorageError(what, str(path), "free some space, or make it writable") from error


def written(nights: Mapping[str, Night]) -> str:
    """Nights, by stream, as text to be kept with a run; empty where there are none."""
    return msgspec.json.encode(nights).decode() if nights else ""


def read(observed: str) -> Mapping[str, Night]:
    """The same back."""
    return msgspec.json.decode(observed, type=dict[str, Night]) if observed else {}
