"""What an answered batch means for the rows it was made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backfill.batches import Batch, Piece
from backfill.ledger.state import Counts
from backfill.records import Bools, Rejected


def outcome(piece: Piece, is_refused: Bools) -> Counts:
    """What became of the rows of a piece.

    is_refused: bool[len(piece)]: which of its operations the API refused. The last row of one
    it took is delivered and the rows before it were folded into it; of one it refused, all rows
    are rejected.
    """
    refused = int(np.count_nonzero(is_refused))
    taken = len(piece) - refused
    rejected = refused if piece.firsts is None else int(np.diff(piece.firsts)[is_refused].sum())
    return Counts(
        delivered=taken,
        rejected_by_api=rejected,
        filtered_folded=len(piece.rows) - taken - rejected,
        operations_delivered=taken,
        operations_rejected=refused,
    )


def rejected_by_api(batch: Batch, reasons: Mapping[int, str]) -> list[Rejected]:
    """The rows behind the operations of a batch that the API refused, block by block.

    reasons: operation's place in the batch to what the API said of it. A row folded into a
    refused operation is refused with it.
    """
    found: list[Rejected] = []
    first = 0
    for piece in batch.pieces:
        refused = [i for i in range(len(piece)) if first + i in reasons]
        said = {row: reasons[first + i] for i in refused for row in _rows(piece, i)}
        first += len(piece)
        if said:
            rows = sorted(said)
            texts = [said[row] for row in rows]
            found.append(
                Rejected(piece.block, np.array(rows, np.int64), ["api"] * len(rows), texts)
            )
    return found


def _rows(piece: Piece, i: int) -> list[int]:
    """The rows behind operation i of a piece."""
    if piece.firsts is None:
        return [int(piece.rows[i])]
    rows: list[int] = piece.rows[piece.firsts[i] : piece.firsts[i + 1]].tolist()
    return rows
