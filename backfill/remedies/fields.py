"""Which part of a stream a reason is about, and which columns that part reads."""

from __future__ import annotations

import re
from collections.abc import Mapping

from backfill.mapping import Field, Stream
from backfill.operations.binding import fields, key_columns

_ATTRIBUTES = "attributes."

#: What follows the path in the reasons that begin with one. An attribute's name may hold anything,
#: so a path is told by what stands behind it.
_BEHIND = (
    r" has no exact form in JSON",
    r" cannot be written as text",
    r" is not valid JSON",
    r" is not an integer",
    r" is not a finite number",
    r" is none of true/false, yes/no, y/n, t/f, 1/0",
    r" is none of opened, converted, delivered",
    r" is neither text nor a number",
    r" is neither ios nor android",
    r' is not a number from "1" on',
    r" is [0-9,]+ bytes; the limit is [0-9,]+",
    r": [0-9,]+; the limit is [0-9,]+",
    r" has no zone of its own: give its timezone",
    r" falls into a gap of daylight saving time",
    r" lies beyond the year 3000(?:, as milliseconds do: give unit: ms)?",
    r" is not a time of the form .*",
    r" is neither unix seconds nor an ISO 8601 time: give its format",
    r" is before 1970",
    r" is blank",
)
_BY_PATH = re.compile(f"(?s)(.+?)(?:{'|'.join(_BEHIND)})")
_BY_NAME = re.compile(r"(?s)the attribute name '(.+)' ")
_NOT_TEXT = "the line holds bytes that are no text"

#: `reason field: message` of the API's first complaint, the field being a member of an operation.
#: [spec]
_BY_API = re.compile(
    r"\S+ ((?:action|attributes|cio_relationships|device|id|identifiers|name|primary|secondary"
    r"|timestamp|type)(?:\.[^:;]+)?)(?:: |; |$)"
)

#: The API's names of what a config calls otherwise.
_OF_API: Mapping[str, str] = {
    "name": "event.name",
    "timestamp": "event.timestamp",
    "cio_relationships": "relationships",
}

#: Rule to the path its reasons are about; "" where they are about the row; None where the reason
#: begins with it.
RULES: Mapping[str, str | None] = {
    "api": None,
    "before_1970": None,
    "event_name_too_long": None,
    "identifier_too_long": None,
    "invalid_encoding": "source.encoding",
    "invalid_json": "source",
    "merge_into_itself": "merge",
    "no_event_key": "event.key",
    "no_change_key": "changes.key",
    "no_event_name": None,
    "no_event_time": None,
    "no_identifier": None,
    "no_json_form": None,
    "no_relationship": "relationships",
    "no_since": "since",
    "no_such_time": None,
    "no_text_form": "event.key",
    "no_timezone": None,
    "not_a_boolean": None,
    "not_a_number": None,
    "not_a_timestamp": None,
    "not_an_identifier": None,
    "not_an_integer": None,
    "not_an_object_type": None,
    "not_json": None,
    "operation_too_long": "",
    "ragged_row": "source",
    "refused_name": None,
    "timestamp_in_milliseconds": None,
    "timestamp_too_late": None,
    "too_many_attributes": None,
    "unknown_delivery_event": None,
    "unknown_platform": None,
    "value_too_long": None,
    "where_unreadable": "where",
    "young_event": "event.timestamp",
}


def field_of(rule: str, reason: str) -> str:
    """The path in the stream that a reason is about: "attributes.score", "event.timestamp".

    "" where it is about the whole row, or where nothing tells. Of "api": the API's own name of the
    field, in our words where they differ.
    """
    if rule == "api":
        named = _BY_API.match(reason)
        return _OF_API.get(named[1], named[1]) if named else ""
    if reason.startswith(_NOT_TEXT):
        return "source.encoding"
    if (known := RULES.get(rule)) is not None:
        return known
    if every := re.match(r"every identifier of (.+) is blank$", reason):
        return every[1]
    if name := _BY_NAME.match(reason):
        return _ATTRIBUTES + name[1]
    path = _BY_PATH.fullmatch(reason)
    return path[1] if path else ""


def columns_of(field: str, stream: Stream) -> list[str]:
    """The columns that a path of a stream reads, such as `field_of` gives; none for the whole row.

    Of "person" those of all its identifiers; of an attribute that "*" takes the one of its name.
    """
    if field == "event.key":
        return key_columns(stream)
    if field == "since":
        return [stream.since.column] if stream.since else []
    read = [
        source.column
        for path, source in fields(stream)
        if source.column is not None and _is_at(path, field)
    ]
    if not read and stream.takes_every_column and field.startswith(_ATTRIBUTES):
        return [field.removeprefix(_ATTRIBUTES)]
    if not read and field.startswith("identifiers."):
        return columns_of(_subject(stream) + field.removeprefix("identifiers"), stream)
    return list(dict.fromkeys(read))


def source_field(field: str, stream: Stream) -> Field | None:
    """What the stream says of the one value at a path; None for more than one, and for none."""
    for path, source in fields(stream):
        if path == field:
            return source
    if field == "since" and stream.since:
        return stream.since.field
    columns = columns_of(field, stream)
    if field.startswith(_ATTRIBUTES) and columns:
        return Field(column=columns[0])
    return None


def _is_at(path: str, field: str) -> bool:
    if field == "relationships":  # of whom, not of what kind or with which attributes
        return path.startswith("relationships.") and not (
            ".attributes." in path or path.endswith(".object.type")
        )
    if field in ("person", "object", "merge", "merge.primary", "merge.secondary"):
        return path.startswith(f"{field}.") and path != "object.type"
    return path == field


def _subject(stream: Stream) -> str:
    return "person" if stream.person else "object" if stream.object else "delivery"
