"""What the models found wrong with a config, in the words of its author.

No message holds a value of the config: a secret may have been put there by mistake.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from backfill.config.document import Complaint, Document, Place
from backfill.config.wanted import keys, wanted_kinds, wanted_mappings, wanted_words
from backfill.errors import ConfigError

#: Keys that would put a credential into a file that is shared and kept.
_CREDENTIALS = frozenset(
    {
        "site_id",
        "api_key",
        "apikey",
        "app_api_key",
        "track_api_key",
        "password",
        "secret",
        "credentials",
        "customerio_site_id",
        "customerio_api_key",
        "customerio_app_api_key",
    }
)
_USE_ENVIRONMENT = (
    "remove it, and set CUSTOMERIO_SITE_ID and CUSTOMERIO_API_KEY in the environment; "
    "a key that was saved or shared with the file is to be replaced"
)

#: Error type of pydantic to a clause and a fix; the placeholders are the error's context.
_BOUNDS = {
    "greater_than_equal": ("a number below {ge}", "write {ge} or more"),
    "less_than_equal": ("a number above {le}", "write {le} or less"),
    "string_too_short": ("an empty text", "write it, or remove the key"),
    "string_too_long": ("more than {max_length} character(s)", "shorten it"),
    "string_pattern_mismatch": (
        "a name of other characters than letters, digits, '.', '_' and '-'",
        "rename it; the first character is a letter or a digit",
    ),
    "too_short": ("nothing in it", "add at least one entry"),
}


_KINDS = {
    dict: "a mapping",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number with a point",
    type(None): "nothing",
}


def translate(error: ValidationError, content: Any, schema: dict[str, Any]) -> list[Complaint]:
    """Pydantic's findings as complaints.

    content: what was validated; schema: its JSON Schema, which tells what was expected where.
    """
    told: list[Complaint] = []
    misshapen: list[Place] = []
    for detail in error.errors(include_url=False, include_input=False):
        place = _place(detail["loc"], content)
        complaint = _complaint(detail, place, schema)
        if complaint:
            told.append(complaint)
        else:
            misshapen.append(place)
    # Of a value that may have several shapes, pydantic tells what is wrong with it as each of
    # them. Where one got as far as a detail, that shape was meant.
    details = {complaint.place for complaint in told} | set(misshapen)
    for place in dict.fromkeys(misshapen):
        is_detailed = any(len(at) > len(place) and at[: len(place)] == place for at in details)
        if not is_detailed and not any(complaint.place == place for complaint in told):
            told.append(_shape(place, content, schema))
    return told


def report(document: Document, complaints: Iterable[Complaint]) -> ConfigError:
    """All complaints as one error, in the order of the file."""
    lines = sorted((*_where(document, place), what, fix) for place, what, fix in complaints)
    if len(lines) == 1:
        _, where, what, fix = lines[0]
        return ConfigError(what, f"{document.label}, {where}", fix)
    listed = "".join(f"\n  {where}: {what}; {fix}" for _, where, what, fix in lines)
    what = f"{len(lines)} mistakes in the config:{listed}"
    return ConfigError(what, document.label, "mend each line listed above")


def _complaint(detail: ErrorDetails, at: Place, schema: dict[str, Any]) -> Complaint | None:
    """None: the value has the wrong shape, which the schema tells better."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        name = detail["loc"][-1]
        return Complaint(at, f"'{name}' is missing", f"add {name}: …")
    if kind == "extra_forbidden" or detail["loc"][-1:] == ("[key]",):
        return _unknown_key(at, sorted(keys(schema, at[:-1])))
    if kind == "value_error":
        return Complaint(at, str(context["error"]), "`backfill schema` tells what each key takes")
    if kind in _BOUNDS:
        what, fix = (text.format_map(context) for text in _BOUNDS[kind])
        return Complaint(at, what, fix)
    return None


def _unknown_key(place: Place, known: list[str]) -> Complaint:
    key = str(place[-1])
    if key.lower().replace("-", "_") in _CREDENTIALS:
        return Complaint(place, f"'{key}' does not belong into a config", _USE_ENVIRONMENT)
    close = difflib.get_close_matches(key, known, n=1)
    fix = f"did you mean '{close[0]}'?" if close else f"use one of: {', '.join(known)}"
    return Complaint(place, f"unknown key '{key}'", fix)


def _shape(place: Place, content: Any, schema: dict[str, Any]) -> Complaint:
    """What was expected in place of what stands there."""
    found = content
    for part in place:
        found = found[part]
    if words := wanted_words(schema, place):
        close = difflib.get_close_matches(str(found), words, n=1)
        every = ", ".join([*words, *wanted_mappings(schema, place)])
        fix = f"did you mean '{close[0]}'?" if close else f"use one of: {every}"
        return Complaint(place, "no such word", fix)
    kinds = wanted_kinds(schema, place)
    expected = " or ".join(kinds)
    is_text_wanted = "text" in kinds and not isinstance(found, dict | list | type(None))
    fix = "put it in quotes" if is_text_wanted else f"write {expected}"
    return Complaint(place, f"expected {expected}, found {_KINDS[type(found)]}", fix)


def _place(loc: tuple[str | int, ...], content: Any) -> Place:
    """The part of a location that stands in the content: pydantic adds the types it tried."""
    here = content
    place: Place = ()
    for part in loc:
        if _holds(here, part):
            here, place = here[part], (*place, part)
    return place


def _where(document: Document, place: Place) -> tuple[int, str]:
    """Line (0 for the command line) and wording of a place, with streams by their names."""
    at = next((place[:n] for n in range(len(place), -1, -1) if place[:n] in document.places), ())
    told = document.places.get(at, "line 1")
    here, names = document.content, []
    for part in place:
        here = here[part] if _holds(here, part) else None
        name = here.get("name") if isinstance(here, dict) and isinstance(part, int) else None
        names.append(name if isinstance(name, str) else str(part))
    number = told.removeprefix("line ")
    path = ".".join(names)
    return (
        int(number) if number.isdecimal() else 0,
        f"{told}, {path}" if path and number.isdecimal() else told or path,
    )


def _holds(here: Any, part: str | int) -> bool:
    if isinstance(here, list):
        return isinstance(part, int) and part < len(here)
    return isinstance(here, dict) and part in here
