"""`--set PATH=VALUE`: one value of the config, replaced for one call."""

from __future__ import annotations

import difflib
from typing import Any

from backfill.config.document import Document, Place, parse
from backfill.errors import ConfigError


def override(document: Document, text: str) -> None:
    """Set one value of the document.

    text: PATH=VALUE. PATH is keys, stream names and list indices (from 0) with dots between
    them; keys and names may hold dots themselves, the longest that fits is meant. VALUE is YAML.
    Whether the last key is a known one shows when the document is validated.
    Raises ConfigError: no `=`, a path that leads nowhere, a value that is not YAML. The value is
    in no message: it may be a secret put there by mistake.
    """
    path, sign, value = text.partition("=")
    if not sign or not path:
        raise ConfigError("--set without PATH=VALUE", "--set", "write --set PATH=VALUE")
    label = f"--set {path}"
    place = _place(document.content, path, label)
    given = parse(value, label, place)
    document.complaints += given.complaints
    holder = document.content
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = given.content
    for old in [at for at in document.places if at[: len(place)] == place]:
        del document.places[old]
    document.places[place] = label


def _place(content: Any, path: str, label: str) -> Place:
    here, rest = content, path
    place: Place = ()
    while rest:
        steps = _steps(here)
        fitting = [name for name in steps if f"{rest}.".startswith(f"{name}.")]
        name = max(fitting, key=len, default="")
        if not fitting and isinstance(here, dict) and "." not in rest:
            return (*place, rest)
        if not fitting:
            raise ConfigError(f"nothing in the config at '{rest}'", label, _nearest(rest, steps))
        here = here[steps[name]]
        place = (*place, steps[name])
        rest = rest[len(name) + 1 :]
    return place


def _steps(here: Any) -> dict[str, str | int]:
    """What may stand next in a path, and the key or index it means; names go before indices."""
    if isinstance(here, dict):
        return {key: key for key in here}
    if not isinstance(here, list):
        return {}
    indices: dict[str, str | int] = {str(i): i for i in range(len(here))}
    return indices | {
        str(item["name"]): i
        for i, item in enumerate(here)
        if isinstance(item, dict) and "name" in item
    }


def _nearest(rest: str, steps: dict[str, str | int]) -> str:
    if not steps:
        return "a single value stands there: set it as a whole"
    names = [name for name in steps if not name.isdecimal()] or list(steps)
    close = difflib.get_close_matches(rest.partition(".")[0], names, n=1)
    return f"did you mean '{close[0]}'?" if close else f"use one of: {', '.join(names)}"
