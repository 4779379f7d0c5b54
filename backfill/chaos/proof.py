"""What stands after the chaos, held against what stands after an undisturbed run. Pure.

Facts. An API that was asked twice for the same thing ends as if it was asked once, but for what
became of deliveries, which has no id. Of an identify whose identifiers are of several people, it
depends on who came first what it does; order is promised for each entity, not among them. Rules.
Each promise has its own function, and a breach says where to look and nothing of what stands there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from backfill.chaos.pace import Arrival, most
from backfill.chaos.readings import Asked, Standing
from backfill.sandbox import Contents, Found

#: What is proven: the columns of the table.
Promise = Literal["rows", "events", "values", "pace"]

#: Breaches of one kind that are told one by one; the rest are counted.
_TOLD_MAX: Final = 3

#: By how much less than a second windows are counted, in seconds, besides twice the time that we
#: stood still: an engine that starts requests in time may be held up before it writes them, which
#: nobody outside it can see. Needed were 0.042 s at most, where we stood still for 0.17 s, and
#: nothing where we did not (60 and 200 requests a second, two cores, alone and beside four
#: processes that never wait); at twice this an engine 30 % too fast would be passed over.
LATENESS_S: Final = 0.1

#: Below such a window, in seconds, nothing is said of the pace: the machine stood still.
_WINDOW_S_MIN: Final = 0.3

_COLUMNS: Final = ("delivered", "rejected", "filtered", "unprocessed")

Key = tuple[str | int, ...]


class Breach(NamedTuple):
    """A promise that did not hold: which, and what is to be seen of it."""

    promise: Promise
    what: str


class Pace(NamedTuple):
    """What the engine was to keep to, a second."""

    requests_per_s: int
    operations_per_s: int


def breaches(reference: Standing, found: Standing, pace: Pace) -> Iterator[Breach]:
    """Every breach, promise by promise."""
    yield from (Breach("rows", what) for what in _rows(reference, found))
    yield from (Breach("events", what) for what in _events(reference.contents, found.contents))
    yield from (Breach("values", what) for what in _values(reference.contents, found.contents))
    yield from (Breach("pace", what) for what in _pace(found, pace))


def window_s(stall_s: float) -> float | None:
    """How long the windows are that the pace is counted in; None: none would tell anything."""
    found = 1 - LATENESS_S - 2 * stall_s
    return found if found >= _WINDOW_S_MIN else None


def sent_again(reference: Standing, found: Standing) -> int:
    """Operations that took effect more often than once, as long as none is missing."""
    return max(0, _taken(found.log) - _taken(reference.log))


def unsound(standing: Standing) -> Iterator[str]:
    """What cannot be right of a run by itself, whatever happened to it."""
    told = standing.ended.told
    if standing.ended.is_hung:
        yield "the engine does not end, or makes no request any more"
        return
    if told is None or told.get("error") or told.get("state") not in ("completed", "held"):
        why = (told or {}).get("error") or {"what": "it does not say why"}
        yield f"the engine ended with exit code {standing.ended.code}: {why['what']}"
        return
    for stream in told["streams"]:
        rows, name = stream["rows"], stream["name"]
        if rows["read"] != sum(rows[column] for column in _COLUMNS):
            yield f"{name}: the rows do not add up: {_spelled(rows)}"
        if rows["unprocessed"] and told["state"] != "held":
            yield f"{name}: {rows['unprocessed']:,} rows were read and never done"
        lines = standing.rejects[name]
        if rows["rejected"] != lines.total():
            yield (
                f"{name}: {rows['rejected']:,} rows are counted as rejected, and"
                f" {lines.total():,} stand in the rejects files"
            )
        yield from _first(
            f"{name}: {line.file} row {line.row} stands in the rejects {times} times"
            for line, times in sorted(lines.items())
            if times > 1
        )


def _untaken(reference: Standing) -> Iterator[str]:
    """Where nothing is sent twice, what counts as delivered is what was taken."""
    told, taken = reference.ended.told or {}, _taken(reference.log)
    delivered = told.get("operations", {}).get("delivered", 0)
    if delivered != taken:
        yield f"{delivered:,} operations are counted as delivered, and {taken:,} were taken"


def _rows(reference: Standing, found: Standing) -> Iterator[str]:
    yield from (f"undisturbed: {what}" for what in [*unsound(reference), *_untaken(reference)])
    problems = list(unsound(found))
    yield from problems
    expected, told = _by_stream(reference), _by_stream(found)
    for name, then in expected.items():
        now = told.get(name, {"rows": {}})
        if now != then:
            yield f"{name}: {_spelled(now['rows'])}; undisturbed it is {_spelled(then['rows'])}"
    for name, known in reference.rejects.items():
        lines = found.rejects[name]
        for names, text in ((known - lines, "is missing in"), (lines - known, "is too much in")):
            yield from _first(
                f"{name}: {line.file} row {line.row} ({line.rule}) {text} the rejects"
                for line in sorted(names)
            )
    if not problems:
        yield from _resent(reference, found)


def _by_stream(standing: Standing) -> dict[str, dict[str, Any]]:
    return {stream["name"]: stream for stream in (standing.ended.told or {}).get("streams", ())}


def _resent(reference: Standing, found: Standing) -> Iterator[str]:
    """Each process sends what is not durable, once more for each answer that was lost."""
    whole = _taken(reference.log)
    for number, process in enumerate(found.processes):
        is_last = number == len(found.processes) - 1
        stop = len(found.log) if is_last else found.processes[number + 1].asked
        asked = _of_process(found.log[process.asked : stop])
        once = sum(request.taken for request in asked if not request.is_lost)
        left = whole - process.durable
        if once > left or (is_last and once < left):
            yield (
                f"process {number + 1} was acknowledged {once:,} operations,"
                f" where {left:,} of {whole:,} were not yet durable"
            )


def _of_process(asked: Iterable[Asked]) -> Iterator[Asked]:
    """Its batches: those after it asked who we are; before it comes what its forerunner left."""
    its_own = itertools.dropwhile(lambda request: request.is_batch, asked)
    return (request for request in its_own if request.is_batch)


def _taken(log: Iterable[Asked]) -> int:
    return sum(request.taken for request in log)


def _events(reference: Contents, found: Contents) -> Iterator[str]:
    known, now = reference.things["events"], found.things["events"]
    yield from _missing(known, now, "is missing")
    yield from _missing(now, known, "stands there, and not after an undisturbed run")


def _values(reference: Contents, found: Contents) -> Iterator[str]:
    doubtful = _doubtful(reference, found)
    for kind, things in reference.things.items():
        known, now = things, found.things[kind]
        if kind != "events":  # they are there whoever they belong to
            known, now = _certain(known, doubtful), _certain(now, doubtful)
            yield from _missing(known, now, "is missing")
            yield from _missing(now, known, "stands there, and not after an undisturbed run")
        yield from _first(
            f"{now[key].label}: {_differing(thing, now[key], doubtful)}"
            for key, thing in known.items()
            if key in now and _differing(thing, now[key], doubtful)
        )


def _missing(known: Mapping[Key, Found], now: Mapping[Key, Found], text: str) -> Iterator[str]:
    return _first(f"{thing.label} {text}" for key, thing in known.items() if key not in now)


def _doubtful(reference: Contents, found: Contents) -> frozenset[Key]:
    """People of whom it depends on who came first what stands there, by their keys.

    Those whom one run refused an identifier that another has, and the other run did not.
    """
    named = {_folded(key) for key in reference.collided ^ found.collided}
    return frozenset(
        key
        for contents in (reference, found)
        for key, person in contents.things["people"].items()
        if any(_folded((kind, name)) in named for kind, name in person.values.items())
    )


def _folded(key: Key) -> Key:
    return tuple(str(part).lower() for part in key)


def _certain(things: Mapping[Key, Found], doubtful: frozenset[Key]) -> dict[Key, Found]:
    """Less the doubtful people, and what hangs on them."""
    return {
        key: thing
        for key, thing in things.items()
        if key not in doubtful and thing.owner not in doubtful
    }


def _differing(thing: Found, now: Found, doubtful: frozenset[Key]) -> str:
    """Names of the attributes that differ; empty if none does."""
    names = sorted(
        name
        for name in {*thing.values, *now.values}
        if thing.values.get(name) != now.values.get(name)
    )
    is_moved = thing.owner != now.owner and not {thing.owner, now.owner} & doubtful
    told = [f"{', '.join(names)} differs"] if names else []
    return "; ".join([*told, *(["belongs to somebody else"] if is_moved else [])])


def _pace(found: Standing, pace: Pace) -> Iterator[str]:
    within_s = window_s(found.stall_s)
    if within_s is None:
        return
    came = most([Arrival(a.at_s, a.operations) for a in found.log if a.is_batch], within_s)
    for count, limit, name in zip(came, pace, ("requests", "operations"), strict=True):
        if count > limit:
            yield f"{count:,} {name} came within {within_s:.2f} s, allowed are {limit:,} a second"


def _spelled(rows: Mapping[str, Any]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in rows.items()) or "nothing is told"


def _first(texts: Iterable[str]) -> Iterator[str]:
    """The first few, and how many more there are."""
    rest = iter(texts)
    yield from itertools.islice(rest, _TOLD_MAX)
    more = sum(1 for _ in rest)
    if more:
        yield f"and {more:,} more like it"
