"""People and their devices in v1; what is done to them is what v2 does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

import msgspec

from backfill.sandbox.calls import Answer, Call, Endpoint
from backfill.sandbox.track import devices
from backfill.sandbox.track.v1 import bodies, rules
from backfill.sandbox.workspace import events, relationships, removal
from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.wire import (
    Attributes,
    Device,
    DeviceOf,
    Identify,
    Merge,
    Named,
    Relate,
    Tie,
)

_PERSON: Final = "/api/v1/customers/{identifier:path}"


class _Relating(msgspec.Struct):
    """What to do with which relationships, within the rules."""

    action: str = rules.RELATING[0]
    relationships: list[Tie] = []


_relating: Final = msgspec.json.Decoder(_Relating | None)
_merge: Final = msgspec.json.Decoder(Merge)


def identify(work: Work, call: Call) -> Answer:
    """Create or update a person, and relate them to objects, or no longer."""
    identifier, body = call.names["identifier"], bodies.read(call.body)
    is_loose = work.sandbox.behaviour.takes_undocumented
    if found := body.problems or rules.identify(identifier, body.values, is_loose):
        return bodies.refused(found)
    person, told = bodies.whom(identifier), _attributes(body.raws)
    identified = Identify(person, told, bodies.moment(body.values.get("_timestamp")))
    relating = _relating.decode(body.raws.get("cio_relationships", b"null")) or _Relating()
    if relating.action == "add_relationships":
        identified.cio_relationships = relating.relationships
    number = relationships.identify_person(work, identified)
    if number is not None and relating.action == "delete_relationships":
        relationships.delete_from_person(work, Relate(person, relating.relationships))
    return bodies.DONE


def _attributes(raws: Attributes) -> Attributes:
    """What is no control member, and `_update`, which v2 has among the attributes."""
    taken = rules.CONTROLS - {"_update"}
    return {name: raw for name, raw in raws.items() if name not in taken}


def _on_person(apply: Callable[[Work, Named], None]) -> Callable[[Work, Call], Answer]:
    """A call that says all in its path; a body is not looked at.  [observed: PY sends one]"""

    def handle(work: Work, call: Call) -> Answer:
        identifier = call.names["identifier"]
        if found := rules.path(identifier):
            return bodies.refused(found)
        apply(work, Named(bodies.whom(identifier)))
        return bodies.DONE

    return handle


def add_device(work: Work, call: Call) -> Answer:
    """Add a device to a person, or change it."""
    identifier, body = call.names["identifier"], bodies.read(call.body)
    if found := body.problems or [*rules.path(identifier), *rules.device(body.values)]:
        return bodies.refused(found)
    told = bodies.members(body.raws, "device")
    told["token"] = told.pop("id")  # as v2 calls it
    events.add_device(work, DeviceOf(bodies.whom(identifier), devices.device(told)))
    return bodies.DONE


def delete_device(work: Work, call: Call) -> Answer:
    """Remove a device, whether its token came encoded once or twice.  [observed: APY, twice]"""
    identifier, token = call.names["identifier"], call.names["device_id"]
    problems = [] if token else ["device id must be present"]
    if found := [*rules.path(identifier), *problems]:
        return bodies.refused(found)
    for spelled in dict.fromkeys((token, unquote(token))):
        events.delete_device(work, DeviceOf(bodies.whom(identifier), Device(spelled)))
    return bodies.DONE


def merge(work: Work, call: Call) -> Answer:
    """Fold one person into another."""
    body = bodies.read(call.body)
    if found := body.problems or rules.merge(body.values):
        return bodies.refused_with_one(found)
    removal.merge(work, _merge.decode(call.body))
    return bodies.DONE


ENDPOINTS: Final = (
    Endpoint("POST", "/api/v1/merge_customers", merge),
    Endpoint("POST", f"{_PERSON}/suppress", _on_person(removal.suppress)),
    Endpoint("POST", f"{_PERSON}/unsuppress", _on_person(removal.unsuppress)),
    Endpoint("PUT", f"{_PERSON}/devices", add_device),
    Endpoint("DELETE", f"{_PERSON}/devices/{{device_id:path}}", delete_device),
    Endpoint("PUT", _PERSON, identify),
    Endpoint("DELETE", _PERSON, _on_person(removal.delete)),
)
