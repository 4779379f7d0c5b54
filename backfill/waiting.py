"""What the sender's time goes to, told by who waits for what; the time is an argument.

Facts. Requests start one at a time at the gate, which waits for the pace or, with as many in flight
as may be, for an answer; the feeder fetches the next batch as long as there is room.
Rules. What stands first in this list is what holds the sender up, for to mend what stands below it
would make nothing faster:
  pace      a request is ready and waits for its time: the limits of the config, or the slower pace
            and the pauses of a server that throttles
  latency   a request is ready and waits for an answer to another, as many as may be are in flight
  encoding  none is ready, and the next batch is read and encoded
  pace      there is room for no other, and more of those held wait to be tried again, because the
            server refuses them all for now, than are in flight
  latency   there is room for no other, and they are in flight, or wait for an earlier change of the
            same entity
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

Limit = Literal["pace", "latency", "encoding"]

_LIMITS: tuple[Limit, ...] = get_args(Limit)

#: Who waits: the gate for the pace or with all in flight that may be, the feeder for a batch, and
#: a batch for its answer or for the end of a pause that the server's refusal of all made.
Wait = Literal["gate_pace", "gate_full", "batch", "answer", "pause"]

#: Time counts by how long ago it was: to a third after so many seconds. A person sees a change
#: within two, and a block that takes 0.1 s more to encode changes nothing.
FADES_S = 1.0


class Waiting:
    """What the last second or so went to; clock_s: seconds, never backwards."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._since_s: float | None = None
        self._waiters: dict[Wait, int] = dict.fromkeys(get_args(Wait), 0)
        self._spent_s: dict[Limit, float] = dict.fromkeys(_LIMITS, 0.0)

    @contextmanager
    def on(self, wait: Wait) -> Iterator[None]:
        """Somebody waits so until the context ends."""
        self._account()
        self._waiters[wait] += 1
        try:
            yield
        finally:
            self._account()
            self._waiters[wait] -= 1

    def mostly(self) -> Limit | None:
        """What most of the time went to of late; None while nobody has waited."""
        self._account()
        longest = max(_LIMITS, key=self._spent_s.__getitem__)
        return longest if self._spent_s[longest] else None

    def _account(self) -> None:
        """Put the time since the last look to what it went to."""
        now_s = self._clock_s()
        gone_s = 0.0 if self._since_s is None else now_s - self._since_s
        self._since_s = now_s
        kept = math.exp(-gone_s / FADES_S)
        for limit in _LIMITS:
            self._spent_s[limit] *= kept
        self._spent_s[self._holds_up()] += FADES_S * (1 - kept)

    def _holds_up(self) -> Limit:
        """What the sender is held up by at this instant."""
        waiters = self._waiters
        if waiters["gate_pace"]:
            return "pace"
        if waiters["gate_full"]:
            return "latency"
        if waiters["batch"]:
            return "encoding"
        return "pace" if waiters["pause"] > waiters["answer"] else "latency"
