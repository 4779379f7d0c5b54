"""One request's body to one answer: what is refused is listed, all the rest is applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
import orjson

from backfill import trackapi
from backfill.sandbox.calls import Answer, Call, Endpoint
from backfill.sandbox.track.devices import device
from backfill.sandbox.track.limits import Violation
from backfill.sandbox.track.v2_rules import violations
from backfill.sandbox.workspace import events, objects, relationships, removal
from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.wire import (
    Attributes,
    DeviceOf,
    Envelope,
    Event,
    Identify,
    IdentifyAnonymous,
    Merge,
    Named,
    Relate,
    is_plain,
    plain,
)

#: [observed: live recordings of the vendor's Node client]
ACCEPTED: Final = b"{}\n"

#: [observed: PostCo's tests, for a batch that is not an array as well]
_NOT_JSON: Final = Violation("invalid", "body", "must be valid JSON")


Apply = Callable[[Work, Any], object]


class _LooseDevice(Named):
    """A person and a device, its members as they came."""

    device: Attributes


def _on(shape: type, apply: Apply) -> tuple[msgspec.json.Decoder[Any], Apply]:
    return msgspec.json.Decoder(shape), apply


def _with_device(
    apply: Callable[[Work, DeviceOf], None],
) -> tuple[msgspec.json.Decoder[Any], Apply]:
    def applied(work: Work, told: _LooseDevice) -> None:
        apply(work, DeviceOf(told.identifiers, device(told.device)))

    return _on(_LooseDevice, applied)


_SEMANTICS: Final = {
    ("person", "identify"): _on(Identify, relationships.identify_person),
    ("person", "delete"): _on(Named, removal.delete),
    ("person", "suppress"): _on(Named, removal.suppress),
    ("person", "unsuppress"): _on(Named, removal.unsuppress),
    ("person", "merge"): _on(Merge, removal.merge),
    ("person", "event"): _on(Event, events.event),
    ("person", "page"): _on(Event, events.page),
    ("person", "screen"): _on(Event, events.screen),
    ("person", "add_device"): _with_device(events.add_device),
    ("person", "delete_device"): _with_device(events.delete_device),
    ("person", "add_relationships"): _on(Relate, relationships.add_to_person),
    ("person", "delete_relationships"): _on(Relate, relationships.delete_from_person),
    ("object", "identify"): _on(Identify, relationships.identify_object),
    ("object", "identify_anonymous"): _on(IdentifyAnonymous, relationships.identify_anonymous),
    ("object", "delete"): _on(Named, objects.delete),
    ("object", "add_relationships"): _on(Relate, relationships.add_to_object),
    ("object", "delete_relationships"): _on(Relate, relationships.delete_from_object),
    ("delivery", "event"): _on(Event, events.delivery_event),
}

_envelope = msgspec.json.Decoder(Envelope)


def batch(work: Work, call: Call) -> Answer:
    """Apply a batch: 200, 207 with the items refused, or 400 if it is none at all."""
    body = call.body
    try:
        values = orjson.loads(body)  # strict: msgspec passes over text it does not decode
        raws = _envelope.decode(body).batch
    except (orjson.JSONDecodeError, msgspec.DecodeError, RecursionError):
        return Answer(400, _listing([_NOT_JSON._asdict()]))
    errors: list[dict[str, Any]] = []
    refused, is_bare = 0, is_plain(body)
    for i, (value, raw) in enumerate(zip(values["batch"], raws, strict=True)):
        found = _take(work, value, raw, is_bare)
        refused += bool(found)
        errors += [{"batch_index": i, **violation._asdict()} for violation in found]
    if errors:
        return Answer(207, _listing(errors), len(raws), refused)
    return Answer(200, ACCEPTED, len(raws))


def entity(work: Work, call: Call) -> Answer:
    """Apply the one operation a body is: 200 or 400."""
    try:
        value = orjson.loads(call.body)
        found = _take(work, value, call.body, False)
    except orjson.JSONDecodeError:
        found = [_NOT_JSON]
    if found:
        return Answer(400, _listing([violation._asdict() for violation in found]), 1, 1)
    return Answer(200, ACCEPTED, 1)


def _take(work: Work, value: object, raw: bytes | msgspec.Raw, is_bare: bool) -> list[Violation]:
    """Apply one operation, or say why not; is_bare: as `is_plain` says of it."""
    behaviour = work.sandbox.behaviour
    most = trackapi.OPERATION_BYTES_MAX // 1000 * behaviour.kilobyte
    if len(memoryview(raw)) > most:
        return [Violation("invalid", "body", f"cannot be longer than {most} bytes")]
    found = violations(value, behaviour.takes_undocumented)
    if found:
        return found
    operation = cast("dict[str, Any]", value)
    if work.sandbox.refuse and (message := work.sandbox.refuse(operation)):
        return [Violation("invalid", "body", message)]
    decoder, apply = _SEMANTICS[operation["type"], operation["action"]]
    try:
        told = decoder.decode(raw if is_bare else plain(bytes(raw)))
    except RecursionError:
        return [Violation("invalid", "body", "is nested too deeply")]
    except msgspec.DecodeError:  # of members that are there twice, the rules saw the last
        return [Violation("invalid", "body", "must not have a member twice")]
    apply(work, told)
    return []


def _listing(errors: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({"errors": errors}) + b"\n"


#: The body of an entity over its own limit is answered as an operation that is too long.
ENDPOINTS: Final = (
    Endpoint("POST", trackapi.BATCH_PATH, batch, body_bytes_max=trackapi.BODY_BYTES_MAX),
    Endpoint("POST", trackapi.ENTITY_PATH, entity, body_bytes_max=trackapi.BODY_BYTES_MAX),
)
