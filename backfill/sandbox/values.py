"""How attributes change: the newest word on each wins.

[observed: PostHog #55330] an older word is ignored, silently; [observed: GRP] the same value
again does not move its time, null removes the value and its time.
"""

from __future__ import annotations

from enum import Enum

from backfill.sandbox.wire import EMPTY_TEXT, NULL, Attributes


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
