"""Rule by rule: the change of the config that would mend every row like the refused one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from backfill import trackapi
from backfill.mapping import Stream
from backfill.operations.binding import KEY_ROW, is_strict
from backfill.remedies import changes
from backfill.remedies.fields import columns_of, source_field

_ATTRIBUTES = "attributes."

#: Example values: the user knows the right ones.
_SOME_ZONE, _SOME_FORMAT, _OTHER_FORMAT = "Europe/Berlin", "%d/%m/%Y", "%d/%m/%Y %H:%M"

#: Dates by their mask, and what may follow.
_YEAR_FIRST = re.compile(r"9999([-/.])99?\1(?:99?|99)(.*)")
_YEAR_LAST = re.compile(r"99?([-/.])99?\1(?:9999)(.*)")
_CLOCKS = {"": "", " 99:99": " %H:%M", " 99:99:99": " %H:%M:%S", " 9:99": " %H:%M"}


class _Proposal(NamedTuple):
    """change: of the stream, empty where none helps; says: a comment on it."""

    change: dict[str, Any]
    says: str


def remedy(rule: str, field: str, stream: Stream, shape: str = "", *, are_few: bool = False) -> str:
    """The change of a stream that would mend all rows refused for a rule, as YAML to paste.

    field: as `field_of` gives it; shape: the mask of one of the values, where one is known.
    are_few: whether most rows of the stream are not refused for it, so that what they are read by
    is right.
    The text is YAML with a comment behind it, or a comment alone where no change helps. What is
    pasted replaces the key of its name; of `attributes` it is one beside the others.
    """
    if rule == "not_a_timestamp":
        found = (_left_out if are_few else _other_form)(field, stream, shape)
    else:
        found = _MAKERS[rule](field, stream) if rule in _MAKERS else _mend("")(field, stream)
    if not found.change:
        return f"# {found.says}"
    return f"{changes.yaml(found.change)}  # {found.says}"


def _mend(how: str) -> Callable[[str, Stream], _Proposal]:
    """No change helps; how: what to look at."""
    words = f"no config change helps, mend the rows{f' ({how})' if how else ''}"
    return lambda _field, _stream: _Proposal({}, words)


def _left_out(field: str, stream: Stream, _shape: str = "") -> _Proposal:
    """Values that do not convert are left out of their row."""
    name = field.removeprefix(_ATTRIBUTES)
    if field.startswith(_ATTRIBUTES) and is_strict(stream, name):
        return _mend("this decides who may be mailed and is never left out")(field, stream)
    if field == "event.timestamp":
        return _mend("every event carries the time at which it happened")(field, stream)
    if field == "since":
        return _mend("whether such a row is new cannot be told")(field, stream)
    source = source_field(field, stream)
    says = "leaves such values out and sends the rest of the row"
    if source and source.type in ("integer", "number", "boolean", "json"):
        says += "; or drop the type to send them as they are"
    return _Proposal(changes.adjusted(stream, field, on_error="omit"), says)


def _without_column(field: str, stream: Stream) -> _Proposal:
    """The attribute is not sent, of no row."""
    name = field.removeprefix(_ATTRIBUTES)
    is_by_star = stream.takes_every_column and name not in stream.attributes
    if not field.startswith(_ATTRIBUTES) or not is_by_star:
        return _Proposal({}, f"take {field or 'the attribute'} out of the stream, or mend the rows")
    says = "leaves it out of every row; or mend the rows"
    return _Proposal({"exclude": [*stream.exclude, name]}, says)


def _only_where(
    condition: Callable[[list[str]], str], says: str
) -> Callable[[str, Stream], _Proposal]:
    """The rows are left out; condition: told the columns, as SQL writes them."""

    def proposal(field: str, stream: Stream) -> _Proposal:
        columns = [changes.column_in_sql(name) for name in columns_of(field, stream)]
        sql = condition(columns) if columns else ""
        if not sql:
            return _mend("")(field, stream)
        return _Proposal(changes.narrowed(stream, sql), says)

    return proposal


def _any_there(columns: list[str]) -> str:
    return " OR ".join(f"{name} IS NOT BLANK" for name in columns)


def _differ(columns: list[str]) -> str:
    return " <> ".join(columns) if len(columns) == 2 else ""


def _deliveries(columns: list[str]) -> str:
    names = ", ".join(f"'{name}'" for name in trackapi.DELIVERY_EVENTS)
    return f"{columns[0]} IN ({names})"


def _platforms(columns: list[str]) -> str:
    return " OR ".join(f"{columns[0]} ILIKE '{name}'" for name in trackapi.PLATFORMS)


_FILTERS = "counts these rows as filtered; or mend them"
_there = _only_where(_any_there, f"{_FILTERS}, as those that hold spaces")


def _with(says: str, **more: str) -> Callable[[str, Stream], _Proposal]:
    return lambda field, stream: _Proposal(changes.adjusted(stream, field, **more), says)


def _of_stream(says: str, **change: str) -> Callable[[str, Stream], _Proposal]:
    return lambda _field, _stream: _Proposal(dict(change), says)


def _in_other_form(stream: Stream, **says: str) -> dict[str, Any]:
    return {"source": stream.source.model_dump(exclude_unset=True) | says}


def _encoded_otherwise(field: str, stream: Stream) -> _Proposal:
    if field != "source.encoding":
        return _mend("write each line as one JSON object with members, see _raw")(field, stream)
    other = "utf-8" if stream.source.encoding.lower() == "cp1252" else "cp1252"
    return _Proposal(_in_other_form(stream, encoding=other), "or how else the file is written")


def _other_form(field: str, stream: Stream, shape: str) -> _Proposal:
    source = source_field(field, stream)
    if source is None:
        return _mend("")(field, stream)
    written = _format_of(shape)
    is_iso = source.format is None and shape.startswith("9999-99-99")
    if is_iso or (source.format is not None and written == source.format):
        return _left_out(field, stream)  # written as it should be: there is no such day
    if written is None:
        written = _OTHER_FORMAT if source.format == _SOME_FORMAT else _SOME_FORMAT
    says = "as the times are written, in the zone the export was made in"
    zone = source.timezone or _SOME_ZONE
    return _Proposal(changes.adjusted(stream, field, format=written, timezone=zone), says)


def _format_of(shape: str) -> str | None:
    """How a time of this mask is written, days before months; None where that cannot be told."""
    if first := _YEAR_FIRST.fullmatch(shape):
        mark, rest, order = first[1], first[2], ("%Y", "%m", "%d")
    elif last := _YEAR_LAST.fullmatch(shape):
        mark, rest, order = last[1], last[2], ("%d", "%m", "%Y")
    else:
        return None
    return mark.join(order) + _CLOCKS[rest] if rest in _CLOCKS else None


def _by_api(field: str, stream: Stream) -> _Proposal:
    if field.startswith(_ATTRIBUTES):
        return _without_column(field, stream)
    return _mend("the reason is the API's own")(field, stream)


def _by_place(_field: str, stream: Stream) -> _Proposal:
    change = changes.keyed_by(stream, KEY_ROW)
    return _Proposal(change, "tells events apart by their place in the file")


_IDENTIFIER = f"an identifier has at most {trackapi.IDENTIFIER_BYTES_MAX} bytes"

_MAKERS: Mapping[str, Callable[[str, Stream], _Proposal]] = {
    "api": _by_api,
    "before_1970": _mend("events carry a time from 1970 on"),
    "event_name_too_long": _mend(f"at most {trackapi.EVENT_NAME_BYTES_MAX} bytes"),
    "identifier_too_long": _mend(f"{_IDENTIFIER}; or name another column"),
    "invalid_encoding": _encoded_otherwise,
    "invalid_json": _encoded_otherwise,
    "merge_into_itself": _only_where(_differ, _FILTERS),
    "no_event_key": _there,
    "no_change_key": _there,
    "no_event_name": _there,
    "no_event_time": _there,
    "no_identifier": _there,
    "no_json_form": _left_out,
    "no_relationship": _there,
    "no_since": _there,
    "no_such_time": _left_out,
    "no_text_form": _by_place,
    "no_timezone": _with("the zone the export was made in", timezone=_SOME_ZONE),
    "not_a_boolean": _left_out,
    "not_a_number": _left_out,
    "not_an_identifier": _mend("an identifier is text or a whole number; or name another column"),
    "not_an_integer": _left_out,
    "not_an_object_type": _mend('a type is a number, "1" for the workspace\'s first'),
    "not_json": _left_out,
    "operation_too_long": _mend("or leave large columns out, by exclude or one by one"),
    "ragged_row": _mend(
        "put a cell that holds the delimiter in quotes; where most rows are like this, the source's"
        " delimiter or quote is another"
    ),
    "refused_name": _without_column,
    "timestamp_in_milliseconds": _with("if all times of the column are milliseconds", unit="ms"),
    "timestamp_too_late": _left_out,
    "too_many_attributes": _mend("or leave columns out by exclude, or nest them as type json"),
    "unknown_delivery_event": _only_where(_deliveries, _FILTERS),
    "unknown_platform": _only_where(_platforms, _FILTERS),
    "value_too_long": _without_column,
    "where_unreadable": _mend("or compare as text, without CAST"),
    "young_event": _of_stream(
        "keeps them until they are 72 hours old; `allow` sends them, and campaigns may start",
        campaigns="hold",
    ),
}
