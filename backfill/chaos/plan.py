"""What is to go wrong in one rehearsal: a seed in, faults, kills and cuts out. Pure.

Rules. The same seed gives the same plan. Each seed has several kinds, and any nine seeds in a row
have all of them. What a request meets then depends on the seed and the request alone
(`backfill.sandbox.faults.fates`); moments of kills are counted in requests, not in seconds.

Sizes. Waits are short, or twenty seeds would take an hour. Shares are small enough that few batches
fail several times in a row, for each wait is twice the one before and the next stream waits for the
last batch of this one; with shares up to 15 % and four kinds, a seed of the demo took 13 s instead
of 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from backfill import trackapi
from backfill.sandbox.faults.kinds import (
    AnyFault,
    Choice,
    Cut,
    Delay,
    Failure,
    Poison,
    Refusal,
    Reset,
    Throttle,
)

#: All but the region is asked for batches; who we are is answered whatever else goes wrong.
_BATCHES: Final = f"*{trackapi.BATCH_PATH}"

#: Kinds a seed has besides the one that is its turn.
_MORE_KINDS: Final = 2

#: Requests a second: few enough that an engine that keeps no pace is far above them even on a
#: slow machine, and a job of `settings.REQUESTS` takes two to four seconds.
_PACES: Final = (40, 50, 60)

#: Kills of a seed that has any. Each costs a start of the engine, 0.6 s, and the wait for the pace.
_KILLS_MAX: Final = 3

#: Shares of a process's part of the job between which it is killed.
_KILL_FROM, _KILL_TO = 0.02, 0.9


class WriteCut(NamedTuple):
    """A write of the checkpoint that a power failure ended.

    at:      share of the last transaction's bytes that reached the disk, in [0, 1).
    is_torn: the file has its length, and zeros where the rest should be; else it ends there.
    """

    at: float
    is_torn: bool


class Kill(NamedTuple):
    """A SIGKILL.

    after: share of the requests of the whole job that the process has made by then, in (0, 1).
    cut:   what becomes of the checkpoint; None: it stays as it is.
    """

    after: float
    cut: WriteCut | None


@dataclass(frozen=True, slots=True)
class Plan:
    """One rehearsal.

    kinds:    names of what goes wrong, of KINDS.
    refusals: faults that leave rows refused, the same in the undisturbed run; they come first.
    """

    seed: int
    kinds: tuple[str, ...]
    requests_per_s: int
    refusals: tuple[AnyFault, ...]
    faults: tuple[AnyFault, ...]
    kills: tuple[Kill, ...]


def plan(seed: int, refusable: Choice = Choice()) -> Plan:  # noqa: B008 (it is frozen)
    """The plan of a seed.

    refusable: operations that are the same in every run, whatever its time, so that a refusal of
               one can be too.
    """
    draw = Random(seed)  # noqa: S311 (chance, no secret)
    kinds = _chosen(seed, draw)
    killed = [kind for kind in ("killed", "torn") if kind in kinds]
    kills = draw.randint(1, _KILLS_MAX) if killed else 0
    return Plan(
        seed,
        kinds,
        draw.choice(_PACES),
        _refusals(draw, refusable) if "refused" in kinds else (),
        (_network(draw), *(fault for kind in kinds for fault in KINDS[kind](draw))),
        tuple(_kill(draw, kills, "torn" in kinds) for _ in range(kills)),
    )


def _chosen(seed: int, draw: Random) -> tuple[str, ...]:
    turn = list(KINDS)[seed % len(KINDS)]
    others = [kind for kind in KINDS if kind != turn]
    chosen = {turn, *draw.sample(others, _MORE_KINDS)}
    return tuple(kind for kind in KINDS if kind in chosen)


def _network(draw: Random) -> AnyFault:
    """The way to a server that is well: kills find requests in flight."""
    return Delay(between_s=(0.005, draw.uniform(0.02, 0.1)), path=_BATCHES)


def _refusals(draw: Random, refusable: Choice) -> tuple[AnyFault, ...]:
    told = Refusal(share=draw.uniform(0.01, 0.05), only=refusable, path=_BATCHES)
    spoiling = Poison(share=draw.uniform(0.002, 0.01), only=refusable, path=_BATCHES)
    return (told, spoiling) if draw.random() < 1 / 2 else (told,)


def _throttled(draw: Random) -> tuple[AnyFault, ...]:
    """Storms, once the engine has found out that there is room."""
    from_s = draw.uniform(1.2, 2.0)
    to_s, later = from_s + draw.uniform(0.5, 1.5), draw.choice((None, 0, 1))
    limit = draw.randint(5, 20)
    fewer = Throttle(
        requests_per_s=limit, retry_after_s=later, from_s=from_s, to_s=to_s, path=_BATCHES
    )
    none = Failure(
        status=429,
        share=draw.uniform(0.3, 0.8),
        retry_after_s=later,
        from_s=from_s,
        to_s=to_s,
        path=_BATCHES,
    )
    return (draw.choice((fewer, none)),)


def _some(draw: Random) -> float:
    """A share of requests: of a hundred, two to eight."""
    return draw.uniform(0.02, 0.08)


def _failed(draw: Random) -> tuple[AnyFault, ...]:
    status = draw.choice((408, 500, 502, 503, 504))
    return (Failure(status=status, share=_some(draw), path=_BATCHES),)


def _lost(draw: Random) -> tuple[AnyFault, ...]:
    """Answers to requests that took effect."""
    share = _some(draw)
    broken = Reset(processed=True, share=share, path=_BATCHES)
    hidden = Failure(status=502, processed=True, share=share, path=_BATCHES)
    return (draw.choice((broken, hidden)),)


def _cut(draw: Random) -> tuple[AnyFault, ...]:
    return (Cut(share=_some(draw), path=_BATCHES),)


def _reset(draw: Random) -> tuple[AnyFault, ...]:
    return (Reset(share=_some(draw), path=_BATCHES),)


def _slow(draw: Random) -> tuple[AnyFault, ...]:
    """Answers as from far away, one in a hundred much later."""
    return (Delay(median_s=draw.uniform(0.05, 0.15), p99_s=0.8, path=_BATCHES),)


def _nothing(_draw: Random) -> tuple[AnyFault, ...]:
    return ()


#: What may go wrong, by the name the table has for it, with the faults of the sandbox it needs;
#: those without are refusals, and what is done to the engine and its checkpoint.
KINDS: Final[Mapping[str, Callable[[Random], tuple[AnyFault, ...]]]] = {
    "throttled": _throttled,
    "failed": _failed,
    "lost": _lost,
    "cut": _cut,
    "reset": _reset,
    "slow": _slow,
    "refused": _nothing,
    "killed": _nothing,
    "torn": _nothing,
}


def _kill(draw: Random, kills: int, is_cut: bool) -> Kill:
    after = draw.uniform(_KILL_FROM, _KILL_TO) / kills
    return Kill(after, WriteCut(draw.random(), draw.random() < 1 / 2) if is_cut else None)
