"""What a command adds to a config for one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backfill.config import Job
from backfill.ledger import Counts
from backfill.pipeline.carrying import Alone, Carries
from backfill.pipeline.comparing import Scope
from backfill.pipeline.preparing import Preparing
from backfill.pipeline.sources import OpenStream
from backfill.pipeline.stop import Stop
from backfill.remarks import Says
from backfill.resumption import Saved


class Preparation(Protocol):
    """Makes the streams of a job what is to be sent; as `Preparing` does it."""

    @property
    def dropped(self) -> Mapping[str, Counts]:
        """Streams that an unfinished run began with and that do not go on, and what was done."""

    async def prepared(
        self, destination: str, resumed: Saved | None, held: ExitStack
    ) -> tuple[OpenStream, ...]:
        """What is to be sent."""

    def begin(self, run_id: str, *, is_resumed: bool) -> None:
        """The run begins, or goes on."""

    def end(self) -> None:
        """The run is done with its sources: put in order what it learnt."""


Prepares = Callable[[Job, tuple[OpenStream, ...], Scope, Says, Stop], Preparation]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to a config.

    limit: how many rows of each stream take part, from its first; None: all.
    fresh: start anew and keep the old checkpoint under another name.
    full:  send everything, whatever was acknowledged before.
    wait_until_s: how long to wait for other runs of the job, on the clock of `time.monotonic`;
           what is past: not at all.
    done_folder: where files that are done with are moved to; None: they stay.
    prepares: what makes the streams of the job what is sent.
    carries: who sends it.
    """

    limit: int | None = None
    fresh: bool = False
    full: bool = False
    wait_until_s: float = 0.0
    done_folder: Path | None = None
    prepares: Prepares = Preparing
    carries: Carries = Alone
