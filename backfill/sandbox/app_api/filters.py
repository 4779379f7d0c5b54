"""The filters of a search, as conditions of SQL. Pure.

A filter is one of {and: [filter…]}, {or: [filter…]}, {not: filter}, and what it may say of a
person or of an object; groups nest. [app api] An empty `and` holds for all, an empty `or` for
none: our choice, as are the bounds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from backfill.sandbox.app_api.answers import Refused
from backfill.sandbox.app_api.parameters import NUMBER_MAX
from backfill.sandbox.app_api.profile import text_of
from backfill.sandbox.workspace.finding import object_number
from backfill.sandbox.workspace.people import key, numbered
from backfill.sandbox.workspace.wire import attributes_of

#: SQLite takes expressions 1000 deep; a hundred conditions, ten deep, stay within 200.
_CONDITIONS_MAX: Final = 100
_DEPTH_MAX: Final = 10

#: The SQL function that reads one attribute, as text; see `prepare`.
_ATTRIBUTE: Final = "attribute_told"


class Condition(NamedTuple):
    """An expression that is true or not, never null, and its values."""

    sql: str
    values: tuple[Any, ...] = ()


Leaf = Callable[[object], Condition]

#: Fields that are columns: which, and what a value is compared as.
Columns = Mapping[str, tuple[str, Callable[[str], Any]]]

_PERSON: Final[Columns] = {
    "id": ("id", str),
    "email": ("email_key", lambda value: key("email", value)),
    "phone": ("phone", str),
    "cio_id": ("number", numbered),
}
_OBJECT: Final[Columns] = {"object_id": ("id", str), "cio_object_id": ("number", object_number)}


class _Malformed(Refused):
    def __init__(self, detail: str) -> None:
        super().__init__(400, detail)


def prepare(database: sqlite3.Connection) -> None:
    """Teach a connection to read attributes, as conditions need it."""
    database.create_function(_ATTRIBUTE, 2, _attribute_told, deterministic=True)


def _attribute_told(attributes: str, name: str) -> str | None:
    value = attributes_of(attributes).get(name)
    return None if value is None else text_of(value)


def of_people(told: object) -> Condition:
    """The condition of a filter over `people`."""
    leaves = {"segment": _segment, "attribute": lambda leaf: _attribute(leaf, _PERSON)}
    return _Reader(leaves).read(told, 1)


def of_objects(told: object, type_id: str) -> Condition:
    """The condition of a filter over `objects` of one type; each leaf must name the same one."""

    def leaf(told: object) -> Condition:
        if not isinstance(told, dict) or told.get("type_id") != type_id:
            raise _Malformed("type_id must equal object_type_id")
        return _attribute(told, _OBJECT)

    return _Reader({"object_attribute": leaf}).read(told, 1)


@dataclass(slots=True)
class _Reader:
    """Reads one filter. leaves: what it may hold besides groups."""

    leaves: Mapping[str, Leaf]
    conditions: int = 0

    def read(self, told: object, depth: int) -> Condition:
        self.conditions += 1
        if depth > _DEPTH_MAX or self.conditions > _CONDITIONS_MAX:
            raise _Malformed(f"a filter may be {_DEPTH_MAX} deep and have {_CONDITIONS_MAX} parts")
        if not isinstance(told, dict) or len(told) != 1:
            raise _Malformed(f"a filter must be an object with one of {self._words()}")
        ((word, value),) = told.items()
        if word == "not":
            inner = self.read(value, depth + 1)
            return Condition(f"NOT {inner.sql}", inner.values)
        if word in ("and", "or"):
            return self._group(word, value, depth)
        if word not in self.leaves:
            raise _Malformed(f"a filter must be an object with one of {self._words()}")
        return self.leaves[word](value)

    def _words(self) -> str:
        return ", ".join(("and", "or", "not", *self.leaves))

    def _group(self, word: str, told: object, depth: int) -> Condition:
        if not isinstance(told, list):
            raise _Malformed(f"{word} must be an array of filters")
        if not told:
            return Condition("TRUE" if word == "and" else "FALSE")
        inner = [self.read(each, depth + 1) for each in told]
        sql = f" {word} ".join(each.sql for each in inner)
        return Condition(f"({sql})", tuple(value for each in inner for value in each.values))


def _segment(told: object) -> Condition:
    number = told.get("id") if isinstance(told, dict) else None
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > NUMBER_MAX:
        raise _Malformed("segment.id must be an integer")
    return Condition("number IN (SELECT person FROM memberships WHERE segment = ?)", (number,))


def _attribute(told: object, columns: Columns) -> Condition:
    """eq compares text: booleans and numbers, if given as such, by their JSON."""
    if not isinstance(told, dict) or not isinstance(told.get("field"), str):
        raise _Malformed("field must be a string")
    name, operator = told["field"], told.get("operator")
    if operator not in ("eq", "exists"):
        raise _Malformed("operator must be eq or exists")
    value = _text(told.get("value")) if operator == "eq" else None
    if name in columns:
        column, wanted = columns[name]
        if value is None:
            return Condition(f"({column} IS NOT NULL)")
        return Condition(f"({column} IS NOT NULL AND {column} IS ?)", (wanted(value),))
    # Rows are passed over by looking for the name alone: of a million people, on two cores, 0.26 s
    # where nobody has the attribute, 1.7 s where all of them have to be read.
    sql = f"instr(attributes, ?) AND {_ATTRIBUTE}(attributes, ?) "
    values = (f"{msgspec.json.encode(name).decode()}:", name)
    if value is None:
        return Condition(f"({sql}IS NOT NULL)", values)
    return Condition(f"({sql}IS ?)", (*values, value))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, bool | int | float):
        raise _Malformed("value must be a string")
    return orjson.dumps(value).decode()
