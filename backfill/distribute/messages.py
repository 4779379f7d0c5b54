"""What the driver and its workers say to each other; all of it can be pickled.

The order in which one of them says something is the order in which the other hears it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from backfill.courier import Limits, RequestLog
from backfill.distribute.shards import Shard
from backfill.errors import BackfillError
from backfill.mapping import Stream
from backfill.pipeline.account import Settled
from backfill.pipeline.destination import Place
from backfill.pipeline.watching import Terms
from backfill.records import Rejected, SourceFile, UInt64s
from backfill.remarks import Remark
from backfill.verdict import Delivery
from backfill.waiting import Limit

# ---- from the driver


class Setup(NamedTuple):
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


class Begin(NamedTuple):
    """A wave begins, or goes on; since_min: as of Surroundings."""

    stream: str
    since_min: int | None


class Assigned(NamedTuple):
    """A shard to send; done: by the place of its cuts, which rows are, as FileState keeps them."""

    shard: Shard
    done: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class NoMore:
    """No shard follows for now: send what is left, and say so."""


class Look(NamedTuple):
    """Say whom the rows of a shard are about."""

    stream: str
    shard: Shard


class Heard(NamedTuple):
    """So many blocks that were settled, or pieces of looks, are written down."""

    blocks: int


class Granted(NamedTuple):
    """A lease for a request; times of the driver's clock.

    number:  of the wish. at_s: when the slot begins.
    heard_s: when the wish was heard; said_s: when this is said.
    """

    number: int
    at_s: float
    heard_s: float
    said_s: float


class Shut(NamedTuple):
    """No request is to start until then, by the driver's clock, whatever was granted."""

    until_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """As of Sender.stop."""


# ---- from a worker


class Ready(NamedTuple):
    """The first word of a worker.

    node, process: where it runs; host: where its clock is. probe: whom it takes some known rows to
    be about, which must be the same everywhere. version: of the package.
    """

    node: str
    host: str
    process: int
    version: str
    probe: UInt64s


class Wanted(NamedTuple):
    """A request of so many operations is ready; said_s: when, by the worker's clock.

    missed: whether it had a lease that came too late to be used.
    """

    number: int
    operations: int
    said_s: float
    missed: bool


class Unwanted(NamedTuple):
    """A wish, or the lease for it, is given back."""

    number: int


class Ended(NamedTuple):
    """A request that started then, by the driver's clock, has ended; shut_s: as of Restraint."""

    started_s: float
    shut_s: float | None


class Told(NamedTuple):
    """A block was read and encoded."""

    settled: Settled


class Answered(NamedTuple):
    """The verdict on a batch, which is hollow; rejected: as of Books."""

    delivery: Delivery
    rejected: tuple[Rejected, ...]


class Requested(NamedTuple):
    """A request has ended; its batch is hollow."""

    log: RequestLog


class Reckoned(NamedTuple):
    """How many rows a shard will have, as far as can be told by now."""

    shard: int
    rows: int


class Read(NamedTuple):
    """A cut of a shard was read to its end; rows: of the file up to there."""

    file: SourceFile
    rows: int


class Looked(NamedTuple):
    """Whom rows of a shard are about: uint64[n], ascending, each once; is_last: no more follows."""

    stream: str
    shard: int
    keys: UInt64s
    is_last: bool


class Rested(NamedTuple):
    """All that was assigned is sent, or the worker was stopped.

    doubted: refusals that wait for the API to accept anything; batches: how many in a row it
    refused every operation of.
    """

    doubted: tuple[Answered, ...]
    batches: int


class Limited(NamedTuple):
    """What holds the worker up now."""

    limited_by: Limit | None


class Said(NamedTuple):
    """Something a person should know."""

    remark: Remark


class Failed(NamedTuple):
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
    | Reckoned
    | Read
    | Looked
    | Rested
    | Limited
    | Said
    | Failed
)
