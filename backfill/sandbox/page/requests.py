"""Requests: when, what, how full, and how they were answered."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

import orjson

#: Requests of a page.
_PAGE: Final = 50

_LIST: Final = (
    "SELECT number, at, method, path, status, operations, refused, bytes, verdict, fault"
    " FROM requests"
)

_SLOWED: Final = re.compile(r"delayed [0-9.]+ s")

#: Larger than any number of a request.
END: Final = 2**63 - 1


def rows(database: sqlite3.Connection, before: int | None, most: int) -> list[dict[str, Any]]:
    """The latest requests, or those before one; newest first."""
    found = database.execute(
        f"{_LIST} WHERE number < ? ORDER BY number DESC LIMIT ?", (before or END, most)
    )
    return [_told(row) for row in found]


def latest(database: sqlite3.Connection, asked: Mapping[str, str]) -> dict[str, Any]:
    """A page of requests, and where the next begins."""
    found = rows(database, number_in(asked, "before"), _PAGE + 1)
    following = found[_PAGE - 1]["number"] if len(found) > _PAGE else None
    return {"requests": found[:_PAGE], "following": following}


def one(database: sqlite3.Connection, asked: Mapping[str, str]) -> dict[str, Any] | None:
    """One request with every word of its answer; None if there is none of this number."""
    query = f"{_LIST} WHERE number = ?"
    row = database.execute(query, (number_in(asked, "number"),)).fetchone()
    if row is None:
        return None
    told = _told(row)
    return {"request": told, "errors": _errors(told["verdict"])}


def number_in(asked: Mapping[str, str], name: str) -> int | None:
    """A parameter that is a row's number; None if it is anything else."""
    told = asked.get(name, "")
    return int(told) if told.isascii() and told.isdecimal() and len(told) < len(str(END)) else None


def _told(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "outcome": _outcome(row)}


def _outcome(row: sqlite3.Row) -> str:
    """What became of a request; one that was only slowed down is not disturbed."""
    if row["fault"] and not _SLOWED.fullmatch(row["fault"]):
        return "disturbed"
    if row["status"] in (200, 204):
        return "accepted"
    return "partly refused" if row["status"] == 207 else "refused"


def _errors(verdict: str | None) -> list[dict[str, Any]]:
    """The items of a v2 answer; none where the log kept but its beginning, or of v1."""
    try:
        told = orjson.loads(verdict or "null")
    except orjson.JSONDecodeError:
        return []
    return told.get("errors", []) if isinstance(told, dict) else []
