"""Which fate meets a request, so that a run with the same seed can be repeated.

It depends on the seed, the fault's place in the scenario, the request (method, path, body) and how
often this very request came before, never on the order requests come in. Only
throttling looks at other requests. The fate of an operation depends on the seed, the fault and the
operation: it is refused each time, or never.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import msgspec

from backfill.sandbox.faults.kinds import (
    AnyFault,
    Delay,
    Ending,
    Failure,
    Poison,
    Refusal,
    Throttle,
    operations,
)
from backfill.sandbox.settings import Refuse, Sandbox
from backfill.sandbox.throttle import Window

#: Requests of which it is known how often they came; beyond it the one not seen for the longest
#: is forgotten. 20 MB.
_REMEMBERED_MAX: Final = 100_000


class Asked(NamedTuple):
    """A request, as far as its fate depends on it; path: as it was sent."""

    method: str
    path: str
    body: bytes


class Refused(NamedTuple):
    """A refusal that is active now, for the chosen operations with a draw under `share`."""

    fault: Refusal
    salt: bytes
    share: float


@dataclass(slots=True)
class Fate:
    """What is to happen to a request.

    ending:   how it ends; None: with its own answer.
    delay_s:  how long the answer waits.
    refusals: asked about each operation; `refused` counts those they refused.
    """

    ending: Ending | None = None
    delay_s: float = 0.0
    refusals: list[Refused] = field(default_factory=list)
    refused: int = 0

    @property
    def is_processed(self) -> bool:
        """Whether the request takes effect."""
        return getattr(self.ending, "processed", True)

    def applied(self, sandbox: Sandbox) -> Sandbox:
        """The sandbox as this request finds it."""
        return replace(sandbox, refuse=self._refusing(sandbox.refuse)) if self.refusals else sandbox

    def _refusing(self, before: Refuse | None) -> Refuse:
        def refuse(operation: dict[str, Any]) -> str | None:
            if before and (message := before(operation)):
                return message
            for fault, salt, share in self.refusals:
                if _is_chosen(fault, salt, share, operation):
                    self.refused += 1
                    return fault.message
            return None

        return refuse

    def __str__(self) -> str:
        """For the log: what was done to the request, empty if nothing."""
        told = []
        if self.refused:
            told.append(f"refused {self.refused}")
        if self.delay_s:
            told.append(f"delayed {self.delay_s:.3f} s")
        if self.ending:
            name = type(self.ending).__name__.lower()
            status = f" {self.ending.status}" if isinstance(self.ending, Failure) else ""
            when = " after processing" if self.is_processed else ""
            told.append(name + status + when)
        return ", ".join(told)


class Fates:
    """Decides request by request; to be used from one thread.

    Delays add up; of the faults that end a request, the first of the scenario does.
    """

    def __init__(
        self, seed: int, faults: Sequence[AnyFault], requests_per_s: int | None = None
    ) -> None:
        limit = [Throttle(requests_per_s=requests_per_s)] if requests_per_s else []
        # A limit leaves the places of the faults, and so their draws, as they are.
        self._faults = list(enumerate([*limit, *faults], -len(limit)))
        self._seed = seed
        self._windows = {
            place: Window(fault.requests_per_s)
            for place, fault in self._faults
            if isinstance(fault, Throttle)
        }
        self._begun_s: float | None = None
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def meet(self, asked: Asked, now_s: float) -> Fate:
        """The fate of a request that came at `now_s`, of a clock that never goes back."""
        fate = Fate()
        if not self._faults:
            return fate
        self._begun_s = now_s if self._begun_s is None else self._begun_s
        digest = hashlib.blake2b(asked.body, digest_size=16).digest()
        request = f"{asked.method} {asked.path} ".encode() + digest
        chance = request + str(self._times_seen(request)).encode()
        for place, fault in self._faults:
            share = fault.share_at(asked.path, now_s - self._begun_s)
            salt = f"{self._seed} {place} ".encode()
            is_met = _draw(salt, chance) < share
            if isinstance(fault, Refusal):
                fate.refusals += [Refused(fault, salt, share)] if share else []
            elif isinstance(fault, Delay):
                fate.delay_s += fault.length_s(_draw(salt + b"length ", chance)) if is_met else 0
            elif fate.ending:
                continue
            elif isinstance(fault, Poison):
                is_held = share and _holds_chosen(asked.body, fault, salt, share)
                fate.ending = Failure(status=fault.status) if is_held else None
            elif is_met:
                fate.ending = self._ending(place, fault, now_s)
        return fate

    def _ending(self, place: int, fault: Ending | Throttle, now_s: float) -> Ending | None:
        if not isinstance(fault, Throttle):
            return fault
        if self._windows[place].admits(now_s):
            return None
        return Failure(status=429, retry_after_s=fault.retry_after_s)

    def _times_seen(self, request: bytes) -> int:
        """How often this very request came before."""
        times = self._seen.pop(request, 0)
        self._seen[request] = times + 1
        if len(self._seen) > _REMEMBERED_MAX:
            self._seen.popitem(last=False)
        return times


def _holds_chosen(body: bytes, fault: Poison, salt: bytes, share: float) -> bool:
    return any(_is_chosen(fault, salt, share, operation) for operation in operations(body))


def _is_chosen(
    fault: Poison | Refusal, salt: bytes, share: float, operation: dict[str, Any]
) -> bool:
    return fault.only.holds(operation) and (
        share == 1 or _draw(salt, msgspec.json.encode(operation, order="deterministic")) < share
    )


def _draw(salt: bytes, chance: bytes) -> float:
    """A number in (0, 1), as if drawn evenly."""
    digest = hashlib.blake2b(salt + chance, digest_size=6).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**48
