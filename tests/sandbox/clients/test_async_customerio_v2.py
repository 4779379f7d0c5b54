"""async-customerio, unchanged, against the sandbox: every method of its client of v2."""

from __future__ import annotations

from typing import Any

import pytest
from async_customerio import AsyncCustomerIO, AsyncCustomerIOError, TrackAPIV2

from backfill.sandbox import events_of, summary, thing

from .async_play import events, names_called, profile, run
from .conftest import Secure

METHODS = {
    "add_object_relationships",
    "add_person_device",
    "add_person_relationships",
    "delete_object",
    "delete_object_relationships",
    "delete_person",
    "delete_person_device",
    "delete_person_relationships",
    "identify_object",
    "identify_person",
    "merge_persons",
    "person_pageview",
    "person_screen",
    "send_batch",
    "send_entity",
    "suppress_person",
    "track_object_event",
    "track_person_event",
    "unsuppress_person",
}

ONE = {"id": "1"}
ACME = {"object_type_id": "1", "object_id": "acme"}


def test_every_method_of_the_client_is_known_here() -> None:
    assert names_called(TrackAPIV2) == METHODS


def test_people_of_v2(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.v2.identify_person(ONE, plan="pro")
        await client.v2.identify_person({"id": 2})
        await client.v2.merge_persons(ONE, {"id": "2"})
        await client.v2.identify_person({"email": "gone@example.com"})
        await client.v2.delete_person({"email": "gone@example.com"})
        await client.v2.suppress_person({"id": "3"})
        await client.v2.identify_person({"id": "3"})
        await client.v2.unsuppress_person({"id": "3"})

    run(secure, play)
    counts = summary(secure.state)

    assert profile(secure)["attributes"] == {"plan": "pro"}
    assert (counts["people"], counts["suppressed"]) == (1, 0)


def test_events_of_v2_whose_timestamp_the_client_makes_an_attribute(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.v2.track_person_event(ONE, "bought", timestamp=1_500_000_000)
        await client.v2.person_pageview(ONE, "/home", referrer="x")
        await client.v2.person_screen(ONE, "Home")

    run(secure, play)

    assert min(e["timestamp"] for e in events_of(secure.state, "id", "1")) > 1_700_000_000
    assert events(secure) == [
        ("event", "bought", {"timestamp": 1_500_000_000}),
        ("page", "/home", {"referrer": "x"}),
        ("screen", "Home", {}),
    ]


def test_devices_of_v2_whose_attributes_stand_beside(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.v2.add_person_device(ONE, "t", "ios", app_version="2", last_used=1_600_000_000)
        await client.v2.add_person_device(ONE, "other", "android")
        await client.v2.delete_person_device(ONE, "other")

    run(secure, play)
    (device,) = profile(secure)["devices"]

    assert (device["token"], device["last_used"]) == ("t", 1_600_000_000)
    assert device["attributes"] == {"app_version": "2"}


def test_objects_of_v2(secure: Secure) -> None:
    other = {**ACME, "object_id": "other"}

    async def play(client: AsyncCustomerIO) -> None:
        await client.v2.identify_object(ACME, name="Acme")
        await client.v2.identify_object(other)
        await client.v2.delete_object(other)
        await client.v2.add_object_relationships(ACME, [{"identifiers": {"id": "2"}}])
        await client.v2.delete_object_relationships(ACME, [{"identifiers": {"id": "2"}}])
        await client.v2.add_person_relationships(
            ONE, [{"identifiers": ACME}, {"identifiers": {**ACME, "object_id": "third"}}]
        )
        await client.v2.delete_person_relationships(
            ONE, [{"identifiers": {**ACME, "object_id": "third"}}]
        )

    run(secure, play)
    acme = thing(secure.state, "1", "acme")

    assert acme is not None
    assert (acme["attributes"], len(acme["people"])) == ({"name": "Acme"}, 1)
    assert [tie["id"] for tie in profile(secure)["relationships"]] == ["acme"]
    assert thing(secure.state, "1", "other") is None


def test_an_event_of_an_object_which_only_this_client_knows_is_refused(secure: Secure) -> None:
    with pytest.raises(AsyncCustomerIOError, match="must be one of add_relationships"):
        run(secure, lambda c: c.v2.track_object_event(ACME, "grew"))


def test_send_entity_and_send_batch_of_v2(secure: Secure) -> None:
    item = {"type": "person", "action": "identify", "identifiers": ONE}

    async def play(client: AsyncCustomerIO) -> Any:
        await client.v2.send_entity(item)
        return await client.v2.send_batch([item])

    assert run(secure, play) == {}
    assert summary(secure.state)["people"] == 1
