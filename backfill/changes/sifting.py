"""Operations against what was acknowledged before: those that say nothing new are not sent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backfill.batches import Marks, Piece
from backfill.changes import digests, operations
from backfill.changes.comparison import Comparison
from backfill.changes.entries import DOUBT, Records
from backfill.changes.texts import Texts
from backfill.columns import columns_of
from backfill.mapping import Changes
from backfill.operations import Encoded
from backfill.records import Bools, Int64s


def sift(made: Encoded, changes: Changes, compared: Comparison, texts: Texts | None) -> Encoded:
    """The operations of a block that differ from what was acknowledged, marked for the next time.

    texts: what is kept of the operations that were; None: nothing.
    """
    piece = made.piece
    if not len(piece):
        return made
    records = _records(made, compared)
    known_at = compared.known_of(made.block.file, piece.rows)
    is_new = _differ(records, known_at, compared)
    kept = None
    if texts is not None:
        kept = operations.texts(made, texts.names, whole=changes.keeps_operations)
    marks = Marks(records, known_at, kept)
    found = made if is_new.all() else _less(made, marks, is_new)
    marks = marks.part(is_new)
    if changes.send == "changed_attributes" and texts is not None and not compared.is_full:
        found = operations.reduced(found, _acknowledged(marks, compared, texts))
    return replace(found, piece=replace(found.piece, marks=marks))


def _records(made: Encoded, compared: Comparison) -> Records:
    """What is to be remembered of each operation."""
    block, rows = made.block, made.piece.rows
    assert block.hashes is not None, "the rows of a comparison come through its sieve"
    columns, places = columns_of(block), np.searchsorted(block.rows, rows)
    records: Records = digests.of_keys(columns, compared.key, len(block.rows))[places]
    records["line"] = block.hashes[places]
    if compared.key.is_acted_on:  # a padded key is told every night: its line is not known
        is_padded = digests.are_padded(columns, compared.key, len(block.rows))
        records["line"][is_padded[places]] = DOUBT
    digests.put_operations(records, made.each())
    return records


def _differ(records: Records, known_at: Int64s, compared: Comparison) -> Bools:
    """bool[n]: which operations are not what was acknowledged."""
    is_new = np.ones(len(records), np.bool_)
    if compared.is_full:
        return is_new
    is_known = known_at >= 0
    before, now = compared.known.at(known_at[is_known]), records[is_known]
    is_new[is_known] = (before["d0"] != now["d0"]) | (before["d1"] != now["d1"])
    return is_new


def _acknowledged(marks: Marks, compared: Comparison, texts: Texts) -> list[bytes | None]:
    """The operation that each entity was last told, where it is known and kept.

    Of one in doubt there is a text as well, but it was told another since; the text of one that
    was told something while none were kept is older than what is known.
    """
    known = compared.known.at(marks.entries[marks.entries >= 0])
    told = iter(zip(texts.of(known), digests.operations_of(known), strict=True))
    found: list[bytes | None] = []
    for entry in marks.entries.tolist():
        text, digest = next(told) if entry >= 0 else (None, b"")
        is_it = text is not None and digests.of_operation(text) == digest
        found.append(text if is_it else None)
    return found


def _less(made: Encoded, marks: Marks, is_new: Bools) -> Encoded:
    """The operations that are new; the rows of the others are unchanged."""
    operations_, ends = operations.chosen(made, is_new)
    piece, same = made.piece, marks.part(~is_new)
    unchanged = made.filtered.get("unchanged", np.empty(0, np.int64))
    unchanged = np.concatenate([unchanged, np.sort(piece.rows[~is_new])])
    return replace(
        made,
        piece=Piece(piece.block, piece.rows[is_new]),
        operations=operations_,
        ends=ends,
        keys=made.keys[is_new],
        filtered={**made.filtered, "unchanged": unchanged},
        event_ids=None if made.event_ids is None else made.event_ids.filter(is_new),
        confirmed=same,
    )
