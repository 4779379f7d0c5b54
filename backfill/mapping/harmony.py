"""What does not fit together in a stream, although each of its parts is right.

Each rule yields what is wrong; the first complaint of the first rule is the most telling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from backfill import trackapi
from backfill.mapping.fields import EVERY_COLUMN

if TYPE_CHECKING:
    from backfill.mapping.stream import Stream

_SUBJECTS = ("person", "object", "merge", "delivery")


def complaints(stream: Stream) -> Iterator[str]:
    """All that does not fit together, most telling first."""
    named = [name for name in _SUBJECTS if getattr(stream, name)]
    if len(named) != 1:
        said = " and ".join(named) or "none of them"
        yield f"a stream names one of person, object, merge, delivery; this one names {said}"
        return
    for rule in _RULES:
        yield from rule(stream)


def _action(stream: Stream) -> Iterator[str]:
    kind, action = stream.operation
    possible = trackapi.ACTIONS[kind] if stream.merge else trackapi.ACTIONS[kind] - {"merge"}
    if action not in possible or stream.action not in (None, action):
        allowed = ", ".join(sorted(trackapi.ACTIONS[kind] - {"merge"}))
        yield f"no action '{stream.action or action}' for {kind}; use one of: {allowed}"


def _event(stream: Stream) -> Iterator[str]:
    action, event = stream.operation[1], stream.event
    is_needed = action in trackapi.EVENT_ACTIONS
    if is_needed != (event is not None):
        yield f"action {action} {'needs' if is_needed else 'takes no'} event: {{name: …}}"
    if not stream.is_event:
        if stream.campaigns:
            yield "campaigns belongs to events, pages and screens"
        if event and (event.timestamp or event.key):
            yield "the event of a delivery has a name only: it takes no timestamp and no key"
    elif event:
        if event.timestamp is None:
            yield "an event stream maps event.timestamp (or says timestamp: now)"
        if not event.key:
            yield "an event stream says event.key: a column, several, content or row"
        if stream.timestamp:
            yield "the time of an event belongs to event.timestamp"
        if event.is_now and stream.campaigns in ("hold", "refuse"):
            yield f"events that happen now never age: campaigns: {stream.campaigns} sends none"


def _device(stream: Stream) -> Iterator[str]:
    action = stream.operation[1]
    if (action in ("add_device", "delete_device")) != (stream.device is not None):
        yield "device and the actions add_device, delete_device go together"
    if action == "add_device" and stream.device and stream.device.platform is None:
        yield "add_device needs device.platform: ios or android"


def _relationships(stream: Stream) -> Iterator[str]:
    kind, action = stream.operation
    if stream.relationships and not (action == "identify" or action.endswith("_relationships")):
        yield f"action {action} takes no relationships"
    if action.endswith("_relationships") and not stream.relationships:
        yield f"action {action} needs relationships"
    if any((tie.object is None) == (kind == "person") for tie in stream.relationships):
        named = "a person name objects" if kind == "person" else "an object name people"
        yield f"the relationships of {named}"


def _attributes(stream: Stream) -> Iterator[str]:
    action = stream.operation[1]
    takes_them = action.startswith("identify") or action in (*trackapi.EVENT_ACTIONS, "add_device")
    if stream.attributes and not takes_them:
        yield f"action {action} takes no attributes"
    for name, given in stream.attributes.items():
        if (given is True) != (name == EVERY_COLUMN):
            yield 'attributes: "*" stands for every column and is true; others name their column'


def _identify(stream: Stream) -> Iterator[str]:
    action = stream.operation[1]
    if (stream.anonymous_id is None) == (action == "identify_anonymous"):
        yield "anonymous_id and action identify_anonymous go together"
    if stream.operation != ("person", "identify"):
        for key in ("existing_only", "timestamp"):
            if getattr(stream, key):
                yield f"{key} belongs to a person's identify"
    if stream.repeats == "fold" and action != "identify":
        yield "repeats: fold belongs to identify"


def _changes(stream: Stream) -> Iterator[str]:
    kind, action = stream.operation
    if stream.changes and stream.repeats == "fold":
        yield "changes sends the last row of each key: it does not go with repeats: fold"
    if stream.changes and stream.changes.keeps_operations and action != "identify":
        yield "send: changed_attributes and keep_previous belong to identify"
    if stream.vanished == "ignore":
        return
    if not stream.changes:
        yield "vanished needs changes: {key: …}, which tells who was there before"
    if action != "identify":
        yield "vanished belongs to identify"
    if stream.vanished == "suppress" and kind != "person":
        yield "only a person can be suppressed"
    if stream.changes and set(stream.changes.columns) != set(stream.naming_columns):
        needed = ", ".join(stream.naming_columns) or "no column"
        yield (
            f"vanished acts on whom {needed} names, so changes.key is exactly that: a key may not"
            " vanish while the entity is still there"
        )


_RULES: tuple[Callable[[Stream], Iterator[str]], ...] = (
    _action,
    _event,
    _device,
    _relationships,
    _attributes,
    _identify,
    _changes,
)
