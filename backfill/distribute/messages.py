"""What the driver and its workers say to each other; all of it can be pickled.

The order in which one of them says something is the order in which the other hears it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backfill.courier import Limits, RequestLog
from backfill.distribute.shards import Shard
from backfill.errors import BackfillError
from backfill.mapping import Stream
from backfill.pipeline.account import Settled
from backfill.pipeline.destination import Place
from backfill.pipeline.watching import Terms
from backfill.records import Rejected, SourceFile, UInt64s
from backfill.verdict import Delivery
from backfill.waiting import Limit

# ---- from the driver


@dataclass(frozen=True, slots=True)
class Setup:
    """The first word to a worker.

    host:    where the driver's clock is, as `clock.host` tells it.
    environ: variables for the filesystems of sources; what the worker has itself stays.
    """

    name: str
    host: str
    streams: tuple[Stream, ...]
    place: Place
    terms: Terms
    limits: Limits
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Begin:
    """A wave begins, or goes on; since_min: as of Surroundings."""

    stream: str
    since_min: int | None


@dataclass(frozen=True, slots=True)
class Assigned:
    """A shard to send; done: by the place of its cuts, which rows are, as FileState keeps them."""

    shard: Shard
    done: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class NoMore:
    """No shard follows for now: send what is left, and say so."""


@dataclass(frozen=True, slots=True)
class Look:
    """Say whom the rows of a shard are about."""

    stream: str
    shard: Shard


@dataclass(frozen=True, slots=True)
class Heard:
    """So many blocks that were settled are written down."""

    blocks: int


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease for a request; times of the driver's clock.

    number:  of the wish. at_s: when the slot begins.
    heard_s: when the wish was heard; said_s: when this is said.
    """

    number: int
    at_s: float
    heard_s: float
    said_s: float


@dataclass(frozen=True, slots=True)
class Shut:
    """No request is to start until then, by the driver's clock, whatever was granted."""

    until_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """As of Sender.stop."""


# ---- from a worker


@dataclass(frozen=True, slots=True)
class Ready:
    """The first word of a worker.

    node, process: where it runs. probe: whom it takes some known rows to be about, which must be
    the same everywhere. version: of the package.
    """

    node: str
    process: int
    version: str
    probe: UInt64s


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request of so many operations is ready; said_s: when, by the worker's clock.

    missed: whether it had a lease that came too late to be used.
    """

    number: int
    operations: int
    said_s: float
    missed: bool


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A wish, or the lease for it, is given back."""

    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that started then, by the driver's clock, has ended; shut_s: as of Restraint."""

    started_s: float
    shut_s: float | None


@dataclass(frozen=True, slots=True)
class Told:
    """A block was read and encoded."""

    settled: Settled


@dataclass(frozen=True, slots=True)
class Answered:
    """The verdict on a batch, which is hollow; rejected: as of Books."""

    delivery: Delivery
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class Requested:
    """A request has ended; its batch is hollow."""

    log: RequestLog


@dataclass(frozen=True, slots=True)
class Expected:
    """How many rows a shard will have, as far as can be told by now."""

    shard: int
    rows: int


@dataclass(frozen=True, slots=True)
class Read:
    """A cut of a shard was read to its end; rows: of the file up to there."""

    file: SourceFile
    rows: int


@dataclass(frozen=True, slots=True)
class Looked:
    """Whom the rows of a shard are about: uint64[n], ascending, each once."""

    shard: int
    keys: UInt64s


@dataclass(frozen=True, slots=True)
class Rested:
    """All that was assigned is sent, or the worker was stopped.

    doubted: refusals that wait for the API to accept anything; batches: how many in a row it
    refused every operation of.
    """

    doubted: tuple[Answered, ...]
    batches: int


@dataclass(frozen=True, slots=True)
class Held:
    """What holds the worker up now."""

    limited_by: Limit | None


@dataclass(frozen=True, slots=True)
class Failed:
    """What ends the run."""

    error: BackfillError


FromDriver = Setup | Begin | Assigned | NoMore | Look | Heard | Granted | Shut | Stop
FromWorker = (
    Ready
    | Wanted
    | Unwanted
    | Ended
    | Told
    | Answered
    | Requested
    | Expected
    | Read
    | Looked
    | Rested
    | Held
    | Failed
)
