"""Lists that come in pages, in the order of the rows' numbers.

Of each page one row more than it shows is read: whether there is a next. On the last page `next`
is "": [app api] does not say; seen in other people's stubs of it.
"""

from __future__ import annotations

import sqlite3

from backfill.sandbox.app_api import identity, parameters
from backfill.sandbox.app_api.answers import Told


def following(rows: list[sqlite3.Row], size: int) -> str:
    """The token of the page after the first `size` of these rows."""
    return parameters.token(rows[size - 1]["number"]) if len(rows) > size else ""


def of_people(rows: list[sqlite3.Row], size: int) -> Told:
    """A page of people; in `ids`, who has none is ""."""
    shown = rows[:size]
    return {
        "ids": [row["id"] or "" for row in shown],
        "identifiers": [identity.triple(row) for row in shown],
        "next": following(rows, size),
    }


def of_objects(rows: list[sqlite3.Row], size: int) -> Told:
    """A page of objects; `ids` are their object_ids."""
    shown = rows[:size]
    return {
        "ids": [row["id"] for row in shown],
        "identifiers": [identity.pair(row) for row in shown],
        "next": following(rows, size),
    }
