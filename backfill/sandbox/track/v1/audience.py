"""Who is in a segment, and who filled in a form, in v1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from backfill.sandbox.calls import Answer, Call, Endpoint
from backfill.sandbox.track import limits
from backfill.sandbox.track.limits import Members
from backfill.sandbox.track.v1 import bodies, rules
from backfill.sandbox.workspace import forms, segments
from backfill.sandbox.workspace.state import Work

#: People in one call.  [spec: add_to_segment]
IDS_MAX: Final = 1_000

#: [spec: id_type_segment]
ID_TYPES: Final = ("id", "email", "cio_id")

#: A segment's number is an int32.  [spec: segment_id]
_SEGMENT_MAX: Final = 2**31 - 1

#: Of these a form has exactly one.  [spec: submitForm]
_RESPONDENT: Final = ("id", "email")


def _segment(apply: Callable[[Work, int, str, list[str]], None]) -> Callable[[Work, Call], Answer]:
    """Add people to a segment or take them out."""

    def handle(work: Work, call: Call) -> Answer:
        segment, kind = call.names["segment_id"], call.query.get("id_type", "id")
        body = bodies.read(call.body)
        if found := body.problems or [*_membership(segment, kind, body.values.get("ids"))]:
            return bodies.refused(found)
        named = [str(value) for value in body.values["ids"]]
        if kind == "cio_id":  # in a path it has the prefix, in v2 it has not; here it may
            named = [value.removeprefix("cio_") for value in named]
        apply(work, int(segment), kind, named)
        return bodies.DONE

    return handle


def _membership(segment: str, kind: str, ids: object) -> Iterator[str]:
    is_number = segment.isascii() and segment.isdigit() and len(segment) <= len(str(_SEGMENT_MAX))
    if not is_number or not 0 < int(segment) <= _SEGMENT_MAX:
        yield "segment id must be a number"
    if kind not in ID_TYPES:
        yield f"id_type must be one of {limits.either(ID_TYPES)}"
    if not isinstance(ids, list) or not ids:
        yield "ids must be an array and not empty"
    elif len(ids) > IDS_MAX:
        yield f"ids cannot hold more than {IDS_MAX}"
    elif not _are_names(ids):
        yield "ids must be strings"


def _are_names(ids: Sequence[object]) -> bool:
    """Numbers are taken, as they are for identifiers elsewhere."""
    return not any(isinstance(value, bool) or not isinstance(value, str | int) for value in ids)


def submit(work: Work, call: Call) -> Answer:
    """Keep what a form was filled in with; the answer has no body."""
    form, body = call.names["form_id"], bodies.read(call.body)
    if found := body.problems or [*_form(form, body.values.get("data"))]:
        return bodies.refused(found)
    forms.submit(work, form, bodies.members(body.raws, "data"))
    return Answer(204, b"", operations=1)


def _form(form: str, data: object) -> Iterator[str]:
    if not form.strip():
        yield "form id must be present"
    if not isinstance(data, dict):
        yield "data must be a hash"
        return
    fields = {name: value for name, value in data.items() if name not in forms.RESERVED}
    if sum(fields.get(kind) not in (None, "") for kind in _RESPONDENT) != 1:
        yield "data must have exactly one of email or id"
    yield from _fields(fields)


def _fields(fields: Members) -> Iterator[str]:
    """What people entered is text; an id may be a number, as in an example of the document."""
    for name, value in fields.items():
        is_number_as_id = name == "id" and isinstance(value, int) and not isinstance(value, bool)
        if not isinstance(value, str) and not is_number_as_id:
            yield f"value for field '{name}' must be a string"
    for kind in _RESPONDENT:
        if fields.get(kind):
            yield from (f"{kind} {v.message}" for v in limits.identifier(fields[kind], kind))
    yield from rules.attributes_of(fields)


ENDPOINTS: Final = (
    Endpoint("POST", "/api/v1/segments/{segment_id}/add_customers", _segment(segments.add)),
    Endpoint("POST", "/api/v1/segments/{segment_id}/remove_customers", _segment(segments.remove)),
    Endpoint("POST", "/api/v1/forms/{form_id:path}/submit", submit),
)
