from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from backfill.sandbox import activities, events_of, summary, thing

from .conftest import Api
from .operations import ACME, identify, of_object, of_person

DAY_S = 24 * 3600


def visit(name: str, anonymous_id: str = "v", **members: object) -> dict[str, object]:
    return of_person("event", anonymous_id, "anonymous_id", name=name, **members)


def names_of(api: Api) -> list[str]:
    return [event["name"] for event in events_of(api.state, "id", "1")]


def backdate(api: Api, seconds: int) -> None:
    """As if the visitors had been recognised so long ago."""
    with closing(sqlite3.connect(api.state)) as database, database:
        database.execute("UPDATE recognised SET at = at - ?", (seconds,))


def test_an_anonymous_event_makes_nobody(api: Api) -> None:
    api.take(visit("looked"))

    assert (summary(api.state)["people"], summary(api.state)["events"]) == (0, 1)


def test_an_identify_with_the_anonymous_id_merges_the_visitor_s_events(api: Api) -> None:
    api.take(visit("looked"), visit("other", "w"), identify(anonymous_id="v", plan="pro"))

    assert names_of(api) == ["looked"]
    assert [a["name"] for a in activities(api.state)] == ["profile_create", "anon_merge"]


def test_anonymous_events_of_more_than_30_days_stay_anonymous(api: Api) -> None:
    now = int(time.time())
    api.take(visit("old", timestamp=now - 31 * DAY_S), visit("new", timestamp=now - 29 * DAY_S))
    api.take(identify(anonymous_id="v"))

    assert names_of(api) == ["new"]


def test_an_anonymous_event_soon_after_the_identify_is_the_person_s(api: Api) -> None:
    api.take(identify(anonymous_id="v"), visit("late"))
    backdate(api, 301)
    api.take(visit("too late"))

    assert names_of(api) == ["late"]
    assert summary(api.state)["events"] == 2


def test_a_repeated_anonymous_event_is_dropped_also_after_the_merge(api: Api) -> None:
    event = visit("looked", id="01HB3Y1M1R0000000000000000")
    api.take(event, identify(anonymous_id="v"), event)

    assert names_of(api) == ["looked"]


def test_a_visitor_s_objects_become_the_person_s(api: Api) -> None:
    tie = {"identifiers": {"anonymous_id": "v"}, "relationship_attributes": {"role": "guest"}}
    api.take(of_object("identify_anonymous", cio_relationships=[tie]), identify(anonymous_id="v"))
    acme = thing(api.state, "1", ACME["object_id"])

    assert acme is not None
    assert (len(acme["people"]), acme["visitors"]) == (1, [])


def test_a_person_that_is_deleted_is_recognised_no_more(api: Api) -> None:
    api.take(identify(anonymous_id="v"), of_person("delete"), visit("after"), identify())

    assert names_of(api) == []


def test_a_late_event_of_more_than_30_days_ago_stays_anonymous(api: Api) -> None:
    api.take(identify(anonymous_id="v"), visit("old", timestamp=int(time.time()) - 31 * DAY_S))

    assert names_of(api) == []
