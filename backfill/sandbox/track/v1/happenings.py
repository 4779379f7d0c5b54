"""What happens in v1: events of people and of visitors, and what became of deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

from backfill import trackapi
from backfill.sandbox.calls import Answer, Call, Endpoint
from backfill.sandbox.track import limits
from backfill.sandbox.track.identifiers import VISITOR
from backfill.sandbox.track.limits import Members
from backfill.sandbox.track.v1 import bodies, rules
from backfill.sandbox.workspace import events
from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.wire import Attributes, Event, Identifiers

#: An event's name has fewer characters than this.  [docs: invalid Track API requests]
_NAME_CHARACTERS: Final = 500

#: All other types are events.  [spec: track]
_KEEP: Final = {"page": events.page, "screen": events.screen}

#: What can become of a delivery over all channels, of which a report does not say which it is.
#: [spec: metrics]
METRICS: Final = (
    "bounced",
    "clicked",
    "converted",
    "deferred",
    "delivered",
    "dropped",
    "opened",
    "spammed",
)

#: Our name for what an unsubscription is kept as.
_UNSUBSCRIBED: Final = "unsubscribed"


# --- Events -------------------------------------------------------------------------------------


def of_person(work: Work, call: Call) -> Answer:
    """Keep an event of a person."""
    identifier, body = call.names["identifier"], bodies.read(call.body)
    if found := body.problems or [*rules.path(identifier), *_event(body.values)]:
        return bodies.refused(found)
    return _keep(work, bodies.whom(identifier), body)


def of_visitor(work: Work, call: Call) -> Answer:
    """Keep an event of nobody yet known.

    One without anonymous id invites a recipient, and is nobody's ever.  [observed: NODE]
    """
    body = bodies.read(call.body)
    if found := body.problems or [*_event(body.values), *_visitor(body.values)]:
        return bodies.refused(found)
    return _keep(work, {VISITOR: body.values.get(VISITOR) or ""}, body)


def _keep(work: Work, whom: Identifiers, body: bodies.Body) -> Answer:
    values = body.values
    at, attributes = bodies.moment(values.get("timestamp")), bodies.members(body.raws, "data")
    keep = _KEEP.get(str(values.get("type")), events.event)
    keep(work, Event(whom, values["name"], values.get("id"), at, attributes))
    return bodies.DONE


def _event(body: Members) -> list[str]:
    """The rules of an event.  [docs: invalid Track API requests, words included]"""
    return [*_name(body.get("name")), *_data(body.get("data")), *_dedupe_id(body.get("id"))]


def _name(name: object) -> Iterator[str]:
    if not isinstance(name, str) or not name.strip():
        yield "event name must not be blank"
        return
    if limits.is_longer(name, trackapi.EVENT_NAME_BYTES_MAX):
        yield f"event name cannot be longer than {trackapi.EVENT_NAME_BYTES_MAX} bytes"
    if len(name) >= _NAME_CHARACTERS:
        yield f"event name must be less than {_NAME_CHARACTERS} characters"


def _data(data: object) -> Iterator[str]:
    if data is None:
        return  # as the vendor's Go client sends what is not there  [observed]
    if not isinstance(data, dict):
        yield "event data must be a hash"
        return
    try:
        size = len(orjson.dumps(data))
    except orjson.JSONEncodeError:  # more than 254 deep
        yield "event data is nested too deeply"
        return
    if size > trackapi.EVENT_DATA_BYTES_MAX:
        yield f"event data cannot be longer than {trackapi.EVENT_DATA_BYTES_MAX} bytes"


def _dedupe_id(given: object) -> Iterator[str]:
    if given is not None and (not isinstance(given, str) or not given):
        yield "event id must be a string and not empty"


def _visitor(body: Members) -> Iterator[str]:
    if body.get(VISITOR) not in (None, ""):
        for found in limits.identifier(body[VISITOR], VISITOR):
            yield f"{found.field} {found.message}"


# --- Deliveries ---------------------------------------------------------------------------------


def metric(work: Work, call: Call) -> Answer:
    """Keep what became of a delivery, of any channel, with all that is said of it."""
    body = bodies.read(call.body)
    if found := body.problems or _report(body.values, "metric", METRICS):
        return bodies.refused(found)
    told = {n: r for n, r in body.raws.items() if n not in ("delivery_id", "metric", "timestamp")}
    return _keep_report(work, body.values, "metric", told)


def push(work: Work, call: Call) -> Answer:
    """Keep what became of a push; its device is called as in v2.  [spec: pushMetrics]"""
    body = bodies.read(call.body)
    if found := body.problems or _report(body.values, "event", trackapi.DELIVERY_EVENTS):
        return bodies.refused(found)
    raws = body.raws
    told = {"device_token": raws["device_id"]} if "device_id" in raws else {}
    return _keep_report(work, body.values, "event", told)


def unsubscribe(work: Work, call: Call) -> Answer:
    """Keep that a delivery made somebody unsubscribe.

    The API marks the person too; whose delivery it was, a workspace that sends none cannot know.
    """
    delivery, body = call.names["delivery_id"], bodies.read(call.body)
    if found := body.problems or [*_delivery(delivery)]:
        return bodies.refused(found)
    if body.values.get("unsubscribe") is True:
        events.delivery_event(work, Event({"id": delivery}, _UNSUBSCRIBED))
    return bodies.DONE


def _report(body: Members, name: str, words: tuple[str, ...]) -> list[str]:
    """A delivery and what became of it, which `name` tells in one of `words`."""
    problems = [*_delivery(body.get("delivery_id"))]
    if body.get(name) not in words:
        problems.append(f"{name} must be one of {limits.either(words)}")
    return problems


def _delivery(given: Any) -> Iterator[str]:
    for found in limits.identifier(given, "delivery_id"):
        yield f"{found.field} {found.message}"


def _keep_report(work: Work, body: Members, name: str, told: Attributes) -> Answer:
    at = bodies.moment(body.get("timestamp"))
    delivery = {"id": body["delivery_id"]}
    events.delivery_event(work, Event(delivery, body[name], timestamp=at, attributes=told))
    return bodies.DONE


ENDPOINTS: Final = (
    Endpoint("POST", "/api/v1/customers/{identifier:path}/events", of_person),
    Endpoint("POST", "/api/v1/events", of_visitor),
    Endpoint("POST", "/api/v1/metrics", metric, is_open=True),
    Endpoint("POST", "/api/v1/push/events", push, is_open=True),
    Endpoint("POST", "/push/events", push, is_open=True),  # [observed: the vendor's Ruby client]
    Endpoint("POST", "/unsubscribe/{delivery_id:path}", unsubscribe, is_open=True),
)
