"""What happened, latest arrival first: the workspace's log and the events, as one list.

Our choice where [app api] says nothing. The order is that of arrival, so that a page stays what
it is while events with times long past come in. `timestamp` is an event's own time, and by it
activities of more than 30 days are hidden where the workspace hides them. `data` of events is
what was sent with them. Forms are in neither list: they have no type among the documented ones.
"""

from __future__ import annotations

import sqlite3
from heapq import merge
from itertools import islice
from typing import Any, Final, NamedTuple

from msgspec import Raw

from backfill.sandbox.app_api import identity, parameters
from backfill.sandbox.app_api.answers import Told
from backfill.sandbox.app_api.profile import text_of
from backfill.sandbox.calls import Call, Reading
from backfill.sandbox.workspace.objects import cio_object_id
from backfill.sandbox.workspace.people import cio_id, numbered
from backfill.sandbox.workspace.wire import attributes_of

#: Entries of a page.  [app api: both calls]
_DEFAULT: Final = 10
_MAX: Final = 100

#: "Only the last 30 days are promised."  [app api]
_SHOWN_S: Final = 30 * 24 * 3600

_EVENTS: Final = (
    "SELECT 1 AS source, e.number AS line, e.received, e.kind AS type, e.timestamp, e.name,"
    " e.attributes AS data, NULL AS detail, NULL AS object, e.person, p.number, p.id, p.email"
    " FROM events AS e LEFT JOIN people AS p ON p.number = e.person"
    " WHERE e.number < ? AND e.kind IN ('event', 'page', 'screen')"
)
_LOG: Final = (
    "SELECT 0 AS source, e.number AS line, e.at AS received, e.name AS type, e.at AS timestamp,"
    " NULL AS name, e.data, e.detail, e.object, e.person, p.number, p.id, p.email"
    " FROM activities AS e LEFT JOIN people AS p ON p.number = e.person"
    " WHERE e.number < ?"
)
_LATEST: Final = " ORDER BY e.number DESC LIMIT ?"

#: The letters of a ULID, Crockford's base 32.
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class _Asked(NamedTuple):
    """Which activities; since: of this unix time or later; person: of this number."""

    type: str | None
    name: str | None
    is_deleted: bool
    since: int
    person: int | None


def every(reading: Reading, call: Call) -> Told:
    """Activities of people and objects; of those deleted, their `cio_id` alone is known."""
    is_deleted = parameters.is_true(call, "deleted")
    value, person = call.query.get("customer_id"), None
    if value is not None:
        person = _number_of(reading, parameters.id_type(call), value)
        if person is None:
            return {"activities": [], "next": ""}
    return _page(reading, call, _asked(reading, call, is_deleted, person))


def _number_of(reading: Reading, kind: str, value: str) -> int | None:
    if kind == "cio_id":
        return numbered(value.removeprefix("cio_"))
    row = identity.named(reading.database, kind, value)
    return None if row is None else int(row["number"])


def of_customer(reading: Reading, call: Call) -> Told:
    """One person's activities; with `next`, without which `start` would be of no use."""
    row = identity.person(reading, call)
    return _page(reading, call, _asked(reading, call, False, row["number"]))


def _asked(reading: Reading, call: Call, is_deleted: bool, person: int | None) -> _Asked:
    hides = reading.sandbox.behaviour.hides_old
    since = reading.now - _SHOWN_S if hides else 0
    return _Asked(call.query.get("type"), call.query.get("name"), is_deleted, since, person)


def _page(reading: Reading, call: Call, asked: _Asked) -> Told:
    size = parameters.limit(call, _DEFAULT, _MAX)
    places = parameters.start(call, _ends(reading.database))
    log, events = (
        reading.database.execute(sql, (place, *values, size + 1)).fetchall()
        for (sql, values), place in zip((_log(asked), _events(asked)), places, strict=True)
    )
    latest = merge(log, events, key=lambda row: (row["received"], row["source"]), reverse=True)
    shown = list(islice(latest, size))
    following = ""
    if len(log) + len(events) > len(shown):
        lasts = dict(enumerate(places)) | {row["source"]: row["line"] for row in shown}
        following = parameters.token(lasts[0], lasts[1])
    return {"activities": [_activity(row) for row in shown], "next": following}


def _ends(database: sqlite3.Connection) -> tuple[int, int]:
    """Beyond the last line of the log and of the events: later arrivals shift no page."""
    log, events = (
        database.execute(f"SELECT coalesce(max(number), 0) + 1 FROM {table}").fetchone()[0]  # noqa: S608
        for table in ("activities", "events")
    )
    return log, events


def _events(asked: _Asked) -> tuple[str, list[Any]]:
    """Of events; they go with the person they are of, so those deleted have none."""
    sql, values = _narrowed(_EVENTS, "e.kind", "e.timestamp", asked)
    if asked.is_deleted:
        sql += " AND FALSE"
    if asked.name is not None:
        sql, values = f"{sql} AND e.name = ?", [*values, asked.name]
    return sql + _LATEST, values


def _log(asked: _Asked) -> tuple[str, list[Any]]:
    """Of the log, a name is that of an attribute that changed."""
    sql, values = _narrowed(_LOG, "e.name", "e.at", asked)
    if asked.name is not None:
        sql += " AND EXISTS (SELECT 1 FROM json_each(e.data) WHERE key = ?)"
        values = [*values, asked.name]
    return sql + _LATEST, values


def _narrowed(sql: str, kind: str, time: str, asked: _Asked) -> tuple[str, list[Any]]:
    gone = "e.person IS NOT NULL AND p.number IS NULL"
    sql += f" AND {gone}" if asked.is_deleted else f" AND NOT ({gone})"
    wanted = {f"{kind} = ?": asked.type, "e.person = ?": asked.person}
    given = {condition: value for condition, value in wanted.items() if value is not None}
    if asked.since:
        given[f"{time} >= ?"] = asked.since
    return "".join([sql, *(f" AND {condition}" for condition in given)]), list(given.values())


def _activity(row: sqlite3.Row) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": _id(row),
        "type": row["type"],
        "timestamp": int(row["timestamp"]),
        "customer_id": row["id"],
    }
    if row["person"] is not None:
        known = {"email": row["email"], "id": row["id"], "cio_id": cio_id(row["person"])}
        told["customer_identifiers"] = known
    if row["type"] in ("event", "screen"):
        told["name"] = row["name"]
    if row["type"] == "page":
        told["url"] = _url(row)
    return {**told, "data": _data(row)}


def _data(row: sqlite3.Row) -> Any:
    """What was sent or changed; else why it failed, and the object it is about (our choice)."""
    if row["data"] is not None:
        return Raw(row["data"].encode())
    about = {} if row["object"] is None else {"cio_object_id": cio_object_id(row["object"])}
    return about if row["detail"] is None else {**about, "reason": row["detail"]}


def _url(row: sqlite3.Row) -> str:
    """A page's address: its attribute of that name, else what it is called."""
    url = attributes_of(row["data"]).get("url")
    return row["name"] if url is None else text_of(url)


def _id(row: sqlite3.Row) -> str:
    """A ULID that stays: the time of arrival in ms (48 bits), the list and the line in it (80)."""
    number = (row["received"] * 1000) << 80 | row["source"] << 79 | row["line"]
    return "".join(_LETTERS[number >> shift & 31] for shift in range(125, -1, -5))
