"""What a stream may not say although its shape is right: names and constants the API refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backfill import trackapi
from backfill.config.document import Complaint, Place
from backfill.mapping import EVERY_COLUMN, Field, ObjectRef, Stream, VanishedSet, is_consent
from backfill.operations.binding import refusal
from backfill.remote import is_uri
from backfill.remote import refusal as uri_refusal


def broken(streams: list[Stream]) -> list[Complaint]:
    """Every rule the streams break."""
    found = [*_namesakes(streams), *_vanishing(streams), *_reviving(streams)]
    for i, stream in enumerate(streams):
        place: Place = ("streams", i)
        found += [
            *_sources(stream, place),
            *_names(stream, place),
            *_objects(stream, place),
            *_constants(stream, place),
        ]
    return found


def _namesakes(streams: list[Stream]) -> Iterator[Complaint]:
    seen: dict[str, str] = {}
    for i, stream in enumerate(streams):
        key = stream.name.casefold()
        if key in seen:
            what = f"two streams are named '{seen[key]}' (case does not tell names apart)"
            fix = "rename one: each stream has rejects files of its name"
            yield Complaint(("streams", i, "name"), what, fix)
        seen.setdefault(key, stream.name)


def _vanishing(streams: list[Stream]) -> Iterator[Complaint]:
    """Who is gone from one stream may be in another: that is to be told before they are deleted."""
    for i, stream in enumerate(streams):
        if isinstance(stream.vanished, VanishedSet):
            told = stream.vanished.set
            mailing = [name for name in told if is_consent(name) and not _is_no(name, told[name])]
            if stream.person and mailing:
                what = "vanished would let people be mailed who are gone from the export"
                yield Complaint(("streams", i, "vanished"), what, f"leave out {mailing[0]}")
            continue
        if stream.vanished == "ignore":
            continue
        for other in streams:
            is_known = other.compared_by == stream.compared_by
            if other is stream or is_known or not other.may_name_those_of(stream):
                continue
            what = (
                f"vanished: {stream.vanished} of stream {stream.name} could act on whom stream"
                f" {other.name} names: that is not told, as it does not compare by the same key"
            )
            fix = "give both `changes` with the same kind of key, or say vanished: ignore"
            yield Complaint(("streams", i, "vanished"), what, fix)
        if stream.vanished == "suppress" and len(stream.person or ()) > 1:
            kinds = list(stream.person or ())
            what = (
                f"who gets another {kinds[0]} and keeps their {kinds[1]} vanishes by the old one:"
                " suppressed, they could not be brought back"
            )
            fix = f"name people by {kinds[0]} alone, or say vanished: delete"
            yield Complaint(("streams", i, "vanished"), what, fix)


def _is_no(name: str, value: object) -> bool:
    """Whether it means less mail: that somebody is unsubscribed, or not in a topic."""
    return value is (name == "unsubscribed") and name != "cio_subscription_preferences"


def _reviving(streams: list[Stream]) -> Iterator[Complaint]:
    """What removes people, or opts them out, must say so again whenever they may have come back."""
    for i, stream in enumerate(streams):
        key = stream.sent_once_by
        reviving = [
            other.name
            for other in streams
            if other is not stream and other.may_name_those_of(stream)
        ]
        if not key or not reviving:
            continue
        consent = next(filter(is_consent, stream.named_attributes), None)
        if stream.operation[1] in ("delete", "merge"):
            does = f"a row with action {stream.operation[1]} is sent once"
        elif stream.existing_only and consent is not None:
            does = f"{consent} is sent once, also where nobody is there yet to take it"
        else:
            continue
        what = f"with `{key}` {does}, and stream {reviving[0]} may bring whom it names back to life"
        fix = f"leave out `{key}` of {stream.name}: it is then sent whole every time"
        yield Complaint(("streams", i, key), what, fix)


def _sources(stream: Stream, place: Place) -> Iterator[Complaint]:
    paths = stream.source.path
    if not paths or not all(paths):
        fix = "name a file, a folder or a glob, or several"
        yield Complaint((*place, "source"), "a source without a path", fix)
    for path in [paths] if isinstance(paths, str) else paths:
        if is_uri(path) and (problem := uri_refusal(path)):
            yield Complaint((*place, "source"), *problem)


def _names(stream: Stream, place: Place) -> Iterator[Complaint]:
    named: dict[Place, Iterable[str]] = {
        (*place, "attributes"): [name for name in stream.attributes if name != EVERY_COLUMN]
    }
    for i, tie in enumerate(stream.relationships):
        named[(*place, "relationships", i, "attributes")] = tie.attributes
    for at, names in named.items():
        for name in names:
            if reason := refusal(stream, name):
                fix = "give the attribute another name"
                yield Complaint((*at, name), f"the attribute name '{name}' {reason}", fix)
        count = len(list(names))
        if count > trackapi.ATTRIBUTES_MAX:
            what = f"{count} attributes, and the API takes {trackapi.ATTRIBUTES_MAX}"
            yield Complaint(at, what, "leave some out, or nest them in one of type json")


def _objects(stream: Stream, place: Place) -> Iterator[Complaint]:
    named: list[tuple[Place, ObjectRef | None]] = [((*place, "object"), stream.object)]
    named += [
        ((*place, "relationships", i, "object"), tie.object)
        for i, tie in enumerate(stream.relationships)
    ]
    for at, reference in named:
        field = reference.type if reference else None
        if field and field.is_constant and not _is_object_type(field.value):
            fix = 'write "1" for the first type of the workspace, "2" for the second, …'
            yield Complaint((*at, "type"), "an object's type is a whole number from 1", fix)


def _is_object_type(value: object) -> bool:
    text = str(value)
    is_number = text.isascii() and text.isdecimal() and not text.startswith("0")
    return is_number and not isinstance(value, bool)


def _constants(stream: Stream, place: Place) -> Iterator[Complaint]:
    if stream.event and stream.event.name.is_constant:
        yield from _event_name(stream, stream.event.name.value, (*place, "event", "name"))
    if stream.device and _is_none_of(stream.device.platform, trackapi.PLATFORMS):
        fix = f"use one of: {', '.join(trackapi.PLATFORMS)}; or the name of a column"
        yield Complaint((*place, "device", "platform"), "no such platform", fix)


def _event_name(stream: Stream, name: object, place: Place) -> Iterator[Complaint]:
    if not isinstance(name, str) or not name.strip():
        yield Complaint(place, "an event's name is text", "put it in quotes, or name a column")
    elif len(name.encode()) > trackapi.EVENT_NAME_BYTES_MAX:
        what = f"the event's name is over {trackapi.EVENT_NAME_BYTES_MAX} bytes"
        yield Complaint(place, what, "shorten it")
    elif stream.delivery and name not in trackapi.DELIVERY_EVENTS:
        fix = f"use one of: {', '.join(trackapi.DELIVERY_EVENTS)}"
        yield Complaint(place, "no such event of a delivery", fix)


def _is_none_of(field: Field | None, allowed: tuple[str, ...]) -> bool:
    return field is not None and field.is_constant and field.value not in allowed
