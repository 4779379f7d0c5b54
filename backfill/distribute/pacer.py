"""The one place that gives out starts: all workers ask it, and it keeps to the pace for all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from backfill.distribute.messages import Ended, Granted, Shut, Unwanted, Wanted
from backfill.distribute.schedule import Schedule
from backfill.pace import Restraint, now_s

#: How far ahead of its time a lease is given, in seconds: what a message may take at most.
AHEAD_S = 0.1

#: How far ahead at least, and at first; what a missed lease makes of it, and a used one.
LEAD_S, LEAD_S_MAX, LONGER, SHORTER = 0.003, AHEAD_S, 2.0, 0.98

Tells = Callable[[Granted | Shut], None]


@dataclass(slots=True)
class _Wish:
    """Of a request that waits for its start; heard_s: when it was made known."""

    number: int
    operations: int
    heard_s: float


@dataclass(slots=True)
class _Asker:
    """Who asks; lead_s: how far ahead its leases have to be."""

    tells: Tells
    wishes: deque[_Wish] = field(default_factory=deque)
    given: dict[int, float] = field(default_factory=dict)
    lead_s: float = LEAD_S


class Pacer:
    """Gives leases in turn to those who ask, none of them earlier than the pace allows.

    Lives in one event loop.
    """

    def __init__(self, requests_per_s: int, operations_per_s: int | None) -> None:
        self._schedule = Schedule(requests_per_s, operations_per_s)
        self._restraint = Restraint(requests_per_s)
        self._askers: dict[str, _Asker] = {}
        self._turns: deque[str] = deque()  # those who wait, in the order in which they are served
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_waited_for(self) -> bool:
        """Whether the pace holds somebody up."""
        return self._timer is not None

    def follow(self) -> None:
        """Keep to the pace together with a run that used it to the full until now."""
        self._schedule.follow(now_s())

    def admit(self, name: str, tells: Tells) -> None:
        """Somebody will ask."""
        self._askers[name] = _Asker(tells)

    def dismiss(self, name: str) -> None:
        """Somebody is gone; what it held ends with its slots."""
        self._askers.pop(name, None)

    def hear(self, name: str, word: Wanted | Unwanted | Ended) -> None:
        """What an asker says."""
        asker = self._askers[name]
        if isinstance(word, Wanted):
            self._want(name, asker, word)
        elif isinstance(word, Unwanted):
            self._unwant(asker, word.number)
        else:
            self._restrain(word)
        self._serve()

    def close(self) -> None:
        """Give nothing any more."""
        self._askers.clear()
        self._turns.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _want(self, name: str, asker: _Asker, word: Wanted) -> None:
        changed = LONGER if word.missed else SHORTER
        asker.lead_s = min(max(changed * asker.lead_s, LEAD_S), LEAD_S_MAX)
        asker.wishes.append(_Wish(word.number, word.operations, now_s()))
        if len(asker.wishes) == 1:
            self._turns.append(name)

    def _unwant(self, asker: _Asker, number: int) -> None:
        asker.wishes = deque(wish for wish in asker.wishes if wish.number != number)
        if (at_s := asker.given.pop(number, None)) is not None:
            self._schedule.give_back(now_s(), at_s)

    def _restrain(self, word: Ended) -> None:
        before_s = self._restraint.shut_until_s
        self._restraint.end(now_s(), word.started_s, word.shut_s)
        if self._restraint.shut_until_s > before_s:
            for asker in self._askers.values():
                asker.tells(Shut(self._restraint.shut_until_s))

    def _serve(self) -> None:
        """Give what may be given by now, and come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._turns:
            name = self._turns[0]
            asker = self._askers.get(name)
            if asker is None or not asker.wishes:
                self._turns.popleft()
                continue
            wish, now = asker.wishes[0], now_s()
            earliest_s = now + max(asker.lead_s, self._restraint.wait_s(now))
            at_s = self._schedule.next_s(earliest_s, wish.operations)
            if at_s > now + asker.lead_s + AHEAD_S:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_at(at_s - asker.lead_s - AHEAD_S / 2, self._serve)
                return
            self._give(asker, wish, at_s)
            self._turns.rotate(-1)

    def _give(self, asker: _Asker, wish: _Wish, at_s: float) -> None:
        asker.wishes.popleft()
        self._schedule.take(at_s, wish.operations)
        self._restraint.start(at_s)
        now = now_s()
        asker.given = {n: s for n, s in asker.given.items() if s > now}
        asker.given[wish.number] = at_s
        asker.tells(Granted(wish.number, at_s, wish.heard_s, now))
