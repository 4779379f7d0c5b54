"""Refusals of several workers that wait for the API to accept anything, as `Courier` has it of one.

A worker that is refused everything cannot tell a mistake in its rows from an API that takes none.
"""

from __future__ import annotations

from collections.abc import Sequence

from backfill.courier import REFUSED_BATCHES_MAX, refuses_all
from backfill.distribute.messages import Answered
from backfill.pipeline.account import Account


class Doubts:
    """What is not yet in the books of a wave; where: for the error of an API that takes nothing."""

    def __init__(self, account: Account, where: str) -> None:
        self._account, self._where = account, where
        self._doubted: list[Answered] = []
        self._refused_batches, self._has_accepted = 0, False

    def answered(self, word: Answered) -> None:
        """Write down a verdict, and all others if it accepts anything."""
        self._account.answered(word.delivery, word.rejected)
        if len(word.delivery.rejected) < len(word.delivery.batch):
            self._has_accepted = True
            self.believe()

    def add(self, words: Sequence[Answered], batches: int) -> None:
        """Refusals that a worker leaves, and how many batches in a row were refused it whole.

        Raises DeliveryError where that is too many to be the rows.
        """
        self._doubted += words
        self._refused_batches += batches
        if self._has_accepted:
            self.believe()
        elif self._refused_batches >= REFUSED_BATCHES_MAX:
            raise refuses_all("", self._where)

    def believe(self) -> None:
        """Write down what waits: the API does accept, or the wave is done."""
        doubted, self._doubted = self._doubted, []
        for word in doubted:
            self._account.answered(word.delivery, word.rejected)
