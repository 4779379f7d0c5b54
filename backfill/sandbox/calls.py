"""What passes between the door and what stands behind it: a call in, an answer out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from backfill import trackapi
from backfill.sandbox.settings import Sandbox
from backfill.sandbox.workspace.state import Work

#: Largest body of a v1 request. None is documented; event data of 100,000 bytes, each written as
#: an escape of six, have room in it.
V1_BODY_BYTES_MAX: Final = 1_000_000


class Call(NamedTuple):
    """One request, its credentials checked.

    names: the parameters of the path, percent-decoded once.
    query: the last of each parameter.
    """

    names: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """What a request is answered with, and what is kept of it in the log.

    operations: how many the body holds; refused: how many of them were.
    """

    status: int
    body: bytes
    operations: int = 0
    refused: int = 0


class Reading(NamedTuple):
    """A look at the workspace as it was last committed.

    database: opened read-only; now: unix seconds.
    """

    database: sqlite3.Connection
    sandbox: Sandbox
    now: int


class Endpoint(NamedTuple):
    """One method of one path of the Track API.

    path:    with {parameters}, matched against the path as it was sent, still percent-encoded.
    is_open: needs no credentials.
    """

    method: str
    path: str
    handle: Callable[[Work, Call], Answer]
    is_open: bool = False
    body_bytes_max: int = V1_BODY_BYTES_MAX


class Lookup(NamedTuple):
    """One method of one path of the App API, which only reads; path as in `Endpoint`."""

    method: str
    path: str
    handle: Callable[[Reading, Call], Answer]
    body_bytes_max: int = trackapi.BODY_BYTES_MAX
