"""A change of a stream as the line of YAML that makes it."""

from __future__ import annotations

import json
import re
from typing import Any

from backfill.mapping import EVERY_COLUMN, Stream
from backfill.remedies.fields import source_field

#: Text that YAML reads as it stands, in a flow mapping too; the words are others there.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

#: Where a bare text is a constant and not the name of a column.
_CONSTANT = re.compile(r"(relationships\.[0-9]+\.)?object\.type|event\.name")

_ATTRIBUTES = "attributes."
_NAME_OF_TIE = re.compile(r"relationships\.([0-9]+)\.attributes\.(.+)", re.DOTALL)


def adjusted(stream: Stream, path: str, **says: Any) -> dict[str, Any]:
    """The stream's key that holds one value, with more said of that value.

    Of attributes, which are named beside each other, only that one and "*"; of any other key all
    that stands there. Empty where no such value is found.
    """
    field = source_field(path, stream)
    if field is None:
        return {}
    if path == "since" and stream.since:
        return {"since": stream.since.model_dump(exclude_unset=True) | says}
    return _replaced(stream, path, field.model_dump(exclude_unset=True) | says)


def keyed_by(stream: Stream, key: str) -> dict[str, Any]:
    """The stream's event, with another key."""
    content = stream.model_dump(exclude_unset=True, include={"event"})["event"]
    return {"event": _short(content | {"key": key}, "event")}


def narrowed(stream: Stream, condition: str) -> dict[str, Any]:
    """The stream's `where` with a condition more."""
    both = f"({stream.where}) AND ({condition})" if stream.where else condition
    return {"where": both}


def column_in_sql(name: str) -> str:
    """A column as `where` names it."""
    from backfill.errors import MappingError
    from backfill.filters import Where  # the parser of SQL takes 35 ms to load

    try:
        is_plain = Where(f"{name} IS BLANK", "").columns == {name}
    except MappingError:
        is_plain = False
    return name if is_plain else '"' + name.replace('"', '""') + '"'


def yaml(change: dict[str, Any]) -> str:
    """A change as YAML, a line a key."""
    return "\n".join(f"{_yaml(key)}: {_yaml(value)}" for key, value in change.items())


def _replaced(stream: Stream, path: str, field: dict[str, Any]) -> dict[str, Any]:
    if path.startswith(_ATTRIBUTES):
        star = {EVERY_COLUMN: True} if stream.takes_every_column else {}
        name = path.removeprefix(_ATTRIBUTES)
        return {"attributes": {**star, name: _short(field, path)}}
    key, *rest = _steps(path)
    content = {key: stream.model_dump(exclude_unset=True)[str(key)]}
    here: Any = content
    for step in (key, *rest)[:-1]:
        here = here[step]
    here[(key, *rest)[-1]] = field
    return {str(key): _short(content[key], str(key))}


def _steps(path: str) -> list[str | int]:
    if tie := _NAME_OF_TIE.fullmatch(path):
        return ["relationships", int(tie[1]), "attributes", tie[2]]
    return [int(step) if step.isdecimal() else step for step in path.split(".")]


def _short(content: Any, path: str) -> Any:
    """As a person writes it: a column by its bare name, a constant where one is meant too."""
    if isinstance(content, list):
        return [_short(each, f"{path}.{i}") for i, each in enumerate(content)]
    if not isinstance(content, dict):
        return content
    bare = "value" if _CONSTANT.fullmatch(path) else "column"
    if set(content) == {bare}:
        return content[bare]
    return {name: _short(each, f"{path}.{name}") for name, each in content.items()}


def _yaml(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{_yaml(name)}: {_yaml(each)}" for name, each in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if '"' in value and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=not value.isprintable())
