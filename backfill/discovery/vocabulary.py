"""What columns and files are called, and the exports of well-known systems: read from YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml

StreamKind = Literal[
    "erased",
    "opted_out",
    "not_opted_in",
    "objects",
    "people",
    "events",
    "devices",
    "relationships",
    "merges",
    "unknown",
]

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATOR = re.compile(r"[^\w]+|_+")
_PARENTHESIS = re.compile(r"\s*\([^()]*\)\s*$")


@dataclass(frozen=True, slots=True)
class Personal:
    """One kind of personal data that may not belong into a marketing tool.

    names: of columns, in snake_case; values: a check of the values, or None.
    """

    what: str
    names: frozenset[str]
    leave_out: bool = False
    values: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What the rows of a file, or those that `where` takes, become.

    roles: column, in snake_case, to what it is for. only: the attributes, in snake_case; None: all.
    event: the name of events that have none of their own.
    """

    kind: StreamKind
    roles: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    where: str = ""
    object: str = ""
    event: str = ""
    only: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """One export of one vendor, recognised by its headers (all in snake_case).

    enough:    how many of `headers` must be there, besides all of `needs` and none of `without`.
    zone:      whose times those without a zone are. own_id: ids are the vendor's own.
    """

    vendor: str
    export: str
    kind: StreamKind
    needs: frozenset[str]
    headers: frozenset[str]
    enough: int
    parts: tuple[Part, ...]
    without: frozenset[str] = frozenset()
    zone: str = ""
    own_id: bool = False
    says: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How people call it."""
        return f"{self.vendor} {self.export}"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that is known of names."""

    roles: Mapping[str, Sequence[str]]
    hints: Mapping[str, frozenset[str]]
    file_words: Mapping[str, frozenset[str]]
    words: Mapping[str, frozenset[str]]
    name_words: Mapping[str, frozenset[str]]
    personal: Sequence[Personal]
    exports: Sequence[Export]

    def is_name(self, text: str) -> bool:
        """Whether a text is what many call a column."""
        known = (*self.roles.values(), *self.hints.values())
        return any(snake(text) in names for names in known)

    def export_of(self, headers: Iterable[str]) -> Export | None:
        """The export whose headers these are, in snake_case; of several the one that fits best."""
        there = set(headers)
        fitting = [
            (len(one.headers & there) + len(one.needs), one)
            for one in self.exports
            if one.needs <= there
            and not one.without & there
            and len(one.headers & there) >= one.enough
        ]
        return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


@cache
def vocabulary() -> Vocabulary:
    """What the package's YAML files say."""
    said, exports = _read("vocabulary.yaml"), _read("exports.yaml")
    return Vocabulary(
        roles=said["roles"],
        hints=_sets(said["hints"]),
        file_words=_sets(said["file_words"]),
        words=_sets(said["words"]),
        name_words=_sets(said["name_words"]),
        personal=[
            Personal(**{**one, "names": frozenset(one["names"])}) for one in said["personal"]
        ],
        exports=[_export(one) for one in exports["exports"]],
    )


def snake(name: str) -> str:
    """A name in snake_case, without what stands in parentheses at its end.

    "Create Date (GMT+1)" is "create_date", "HasOptedOut" "has_opted_out".
    """
    bare = _PARENTHESIS.sub("", name) or name
    bare = bare.replace("IDs", "Ids")
    return _SEPARATOR.sub("_", _HUMP.sub("_", bare)).strip("_").casefold()


def _read(name: str) -> Any:
    text = resources.files("backfill.discovery").joinpath(name).read_text("utf-8")
    return yaml.safe_load(text)


def _sets(said: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(names) for key, names in said.items()}


def _export(said: dict[str, Any]) -> Export:
    given = dict(said)
    shared: dict[str, Any] = {key: given.pop(key) for key in ("roles", "object") if key in given}
    parts: list[dict[str, Any]] = given.pop("parts", [{"kind": given["kind"], **shared}])
    for part in parts:
        part["only"] = tuple(part["only"]) if "only" in part else None
    for key in ("needs", "headers", "without"):
        given[key] = frozenset(given.get(key, ()))
    return Export(
        **{
            **given,
            "parts": tuple(Part(**part) for part in parts),
            "says": tuple(given.get("says", ())),
        }
    )
