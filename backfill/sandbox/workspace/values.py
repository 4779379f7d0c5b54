"""How attributes change: the newest word on each wins.

[observed: PostHog #55330] an older word is ignored, silently; [observed: GRP] the same value
again does not move its time, null removes the value and its time.
"""

from __future__ import annotations

from enum import Enum

import orjson

from backfill.sandbox.workspace.wire import EMPTY_TEXT, NULL, Attributes, spoken


class Outcome(Enum):
    """What became of a set of attributes."""

    CHANGED = "changed"
    SAME = "same"
    OLDER = "older"  #: every one of them older than what is there


def update(
    attributes: Attributes,
    times: dict[str, float],
    told: Attributes,
    at: float,
    empty_removes: bool,
) -> Outcome:
    """Change `attributes` and `times` in place by what is told of the moment `at`."""
    is_changed, older = False, 0
    for name, value in told.items():
        if times.get(name, at) > at:
            older += 1
        elif value == NULL or (empty_removes and value == EMPTY_TEXT):
            is_changed |= attributes.pop(name, None) is not None
            times.pop(name, None)
        elif attributes.get(name) != value:
            attributes[name], times[name] = value, at
            is_changed = True
    if is_changed:
        return Outcome.CHANGED
    return Outcome.OLDER if older and older == len(told) else Outcome.SAME


def remaining(told: Attributes, empty_removes: bool) -> Attributes:
    """What is left of attributes told of somebody new: all but what removes."""
    removing = (NULL, EMPTY_TEXT) if empty_removes else (NULL,)
    if not any(value in told.values() for value in removing):
        return told
    return {name: value for name, value in told.items() if value not in removing}


def difference(before: Attributes, after: Attributes) -> str:
    """What changed, as JSON of attribute to {"from", "to"}, both as text, "" for none.

    [app api: activities]
    """
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    ends = ((name, before.get(name, EMPTY_TEXT), after.get(name, EMPTY_TEXT)) for name in names)
    told = {name: {"from": spoken(old), "to": spoken(new)} for name, old, new in ends}
    return orjson.dumps(told).decode()
