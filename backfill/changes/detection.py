"""Change detection of one stream in a run: what is compared, and what is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from backfill.changes.comparison import Comparison
from backfill.changes.memory import Memory
from backfill.changes.sifting import sift
from backfill.mapping import Changes
from backfill.operations import Encoded


class Detector(Protocol):
    """Marks the operations of a block, and leaves out those that change nothing."""

    @property
    def memory(self) -> Memory:
        """What is to hear of their verdicts."""

    def sift(self, made: Encoded) -> Encoded:
        """What is left."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A stream whose export was compared."""

    changes: Changes
    comparison: Comparison
    memory: Memory

    def sift(self, made: Encoded) -> Encoded:
        """The operations of a block that differ from what was acknowledged."""
        return sift(made, self.changes, self.comparison, self.memory.texts)
