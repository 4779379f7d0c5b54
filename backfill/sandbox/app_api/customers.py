"""The calls about people: who they are, what they are tied to, what they subscribe to."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from backfill.sandbox.app_api import identity, pages, parameters, profile
from backfill.sandbox.app_api.answers import Refused, Told
from backfill.sandbox.app_api.segments import name_of
from backfill.sandbox.calls import Call, Reading
from backfill.sandbox.workspace.preferences import is_unsubscribed
from backfill.sandbox.workspace.wire import attributes_of, times_of

#: [app api: POST /v1/customers/attributes; more is refused, our choice]
_IDS_MAX: Final = 100

#: Entries of a page of relationships: [app api] says neither. Those of the search for people.
RELATIONSHIPS_DEFAULT: Final = 50
RELATIONSHIPS_MAX: Final = 1000


def by_email(reading: Reading, call: Call) -> Told:
    """People with an email, of any letter case, as identifying compares it.  [spec]"""
    email = call.query.get("email")
    if email is None:
        raise Refused(400, "email is required")
    row = identity.named(reading.database, "email", email)
    return {"results": [] if row is None else [identity.triple(row)]}


def attributes(reading: Reading, call: Call) -> Told:
    """One person's profile."""
    row = identity.person(reading, call)
    return {"customer": _customer(reading, row, call.names["customer_id"])}


def attributes_of_many(reading: Reading, call: Call) -> Told:
    """Up to 100 profiles, in the order asked, each once; unknown ids are left out."""
    kind, ids = parameters.id_type(call), parameters.body(call).get("ids")
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise Refused(400, "ids must be an array of strings")
    if not 1 <= len(ids) <= _IDS_MAX:
        raise Refused(400, f"ids must be 1 to {_IDS_MAX}")
    found = ((each, identity.named(reading.database, kind, each)) for each in dict.fromkeys(ids))
    customers = [_customer(reading, row, each) for each, row in found if row is not None]
    return {"customers": [{"customer": customer} for customer in customers]}


def _customer(reading: Reading, row: sqlite3.Row, asked: str) -> dict[str, Any]:
    values = attributes_of(row["attributes"])
    told = profile.attributes_told(row, values)
    devices = reading.database.execute(
        "SELECT * FROM devices WHERE person = ? ORDER BY token", (row["number"],)
    )
    return {
        "id": asked,
        "identifiers": identity.triple(row),
        "attributes": told,
        "timestamps": profile.timestamps(row, told),
        "unsubscribed": is_unsubscribed(values),
        "devices": [profile.device(device) for device in devices],
    }


def relationships(reading: Reading, call: Call) -> Told:
    """The objects a person is tied to; attributes are the JSON values that were sent.

    Their types are not declared, as a person's are: our choice.
    """
    row = identity.person(reading, call)
    size = parameters.limit(call, RELATIONSHIPS_DEFAULT, RELATIONSHIPS_MAX)
    (after,) = parameters.start(call, (0,))
    ties = reading.database.execute(
        "SELECT things.number, things.type, things.id, ties.attributes, ties.times"
        " FROM relationships AS ties JOIN objects AS things ON things.number = ties.object"
        " WHERE ties.person = ? AND ties.object > ? ORDER BY ties.object LIMIT ?",
        (row["number"], after, size + 1),
    ).fetchall()
    return {
        "cio_relationships": [_tie(tie) for tie in ties[:size]],
        "next": pages.following(ties, size),
    }


def _tie(row: sqlite3.Row) -> dict[str, Any]:
    times = times_of(row["times"], ())
    return {
        "object_type_id": int(row["type"]),
        "identifiers": identity.pair(row),
        "attributes": attributes_of(row["attributes"]),
        "timestamps": {name: int(time) for name, time in times.items()},
    }


def segments(reading: Reading, call: Call) -> Told:
    """The segments a person is in."""
    row = identity.person(reading, call)
    query = "SELECT segment FROM memberships WHERE person = ? ORDER BY segment"
    numbers = [number for (number,) in reading.database.execute(query, (row["number"],))]
    return {"segments": [{"id": number, **name_of(number)} for number in numbers]}


def subscription_preferences(reading: Reading, call: Call) -> Told:
    """What a person subscribes to; malformed requests are refused in a shape of their own."""
    try:
        row = identity.person(reading, call)
    except Refused as refused:
        is_malformed = refused.status == 400
        raise Refused(refused.status, refused.detail, is_malformed) from refused
    values = attributes_of(row["attributes"])
    return {
        "customer": {
            "id": row["id"],
            "identifiers": identity.triple(row),
            "topics": profile.topics(values),
            "unsubscribed": is_unsubscribed(values),
            "header": {"title": "", "subtitle": ""},
        }
    }
