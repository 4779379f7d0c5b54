"""async-customerio, unchanged, against the sandbox: every method of its client of v1."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from async_customerio import Actions, AsyncCustomerIO, AsyncCustomerIOError, Regions

from backfill.sandbox import delivery_events, events_of, person, requests, summary

from .async_play import Play, events, names_called, profile, run
from .conftest import Secure

METHODS = {
    "add_device",
    "add_to_segment",
    "backfill",
    "delete",
    "delete_device",
    "get_region",
    "identify",
    "merge_customers",
    "pageview",
    "remove_from_segment",
    "report_metric",
    "report_push_metric",
    "send_batch",
    "send_entity",
    "submit_form",
    "suppress",
    "track",
    "track_anonymous",
    "unsubscribe",
    "unsuppress",
}

#: Those that send nothing of their own.
PLUMBING = {"close", "send_request", "setup_base_url", "v2"}


def test_every_method_of_the_client_is_known_here() -> None:
    assert names_called(AsyncCustomerIO) == METHODS | PLUMBING


@pytest.mark.parametrize("identifier", ["1", "ü b@#%?", "a/b"])
def test_identify_with_a_slash_that_the_client_does_not_encode(
    secure: Secure, identifier: str
) -> None:
    born = datetime(2020, 1, 1, tzinfo=UTC)
    run(secure, lambda c: c.identify(identifier, name="Zoë", born=born, score=float("nan")))

    assert profile(secure, identifier)["attributes"] == {"name": "Zoë", "born": 1577836800}


def test_identify_without_attributes(secure: Secure) -> None:
    run(secure, lambda c: c.identify(5))

    assert profile(secure, "5")["attributes"] == {}


def test_the_id_0_is_refused_by_the_client_itself(secure: Secure) -> None:
    with pytest.raises(AsyncCustomerIOError, match="cannot be blank"):
        run(secure, lambda c: c.identify(0))

    assert requests(secure.state) == []


def test_track_pageview_and_backfill(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.track("a/b", "bought", price=2.5)
        await client.pageview("a/b", "/home", referrer="x")
        await client.backfill("a/b", "bought", 1_500_000_000, price=1)

    run(secure, play)
    old, *_ = events_of(secure.state, "id", "a/b")

    assert (old["timestamp"], old["attributes"]) == (1_500_000_000, {"price": 1})
    assert sorted(events(secure, "a/b"), key=lambda event: (event[0], str(event[2]))) == [
        ("event", "bought", {"price": 1}),
        ("event", "bought", {"price": 2.5}),
        ("page", "/home", {"referrer": "x"}),
    ]


def test_track_anonymous(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.track_anonymous("v", "looked", at="shoes")
        await client.track_anonymous("", "invited", recipient="a@example.com")
        await client.identify("1", anonymous_id="v")

    run(secure, play)

    assert events(secure) == [("event", "looked", {"at": "shoes"})]
    assert summary(secure.state)["events"] == 2


def test_delete_suppress_and_unsuppress_without_a_body(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.identify("1")
        await client.delete("1")
        await client.suppress("1")
        await client.identify("1")
        await client.suppress("2")
        await client.unsuppress("2")
        await client.identify("2")

    run(secure, play)

    assert (person(secure.state, "id", "1"), summary(secure.state)["suppressed"]) == (None, 1)
    assert profile(secure, "2")["attributes"] == {}


def test_a_device_whose_token_the_client_encodes_twice_is_deleted(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.add_device("1", "t/ü", "ios", app_version="2", last_used=1_600_000_000)
        await client.add_device("1", "other", "android")
        await client.delete_device("1", "t/ü")

    run(secure, play)

    assert [device["token"] for device in profile(secure)["devices"]] == ["other"]


def test_add_device_whose_attributes_stand_beside(secure: Secure) -> None:
    run(secure, lambda c: c.add_device("1", "t", "ios", app_version="2", last_used=1_600_000_000))
    (device,) = profile(secure)["devices"]

    assert (device["last_used"], device["attributes"]) == (1_600_000_000, {"app_version": "2"})


def test_merge_customers(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.identify("1", plan="pro")
        await client.identify("two@example.com", plan="basic", seats=2)
        await client.merge_customers("id", "1", "email", "two@example.com")

    run(secure, play)

    assert profile(secure)["attributes"] == {"plan": "pro", "seats": 2}


def test_segments(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.identify("1", email="one@example.com")
        await client.add_to_segment(7, ["1", 2])
        await client.remove_from_segment(7, ["one@example.com"], id_type="email")

    run(secure, play)

    assert [request["status"] for request in requests(secure.state)] == [200] * 3


def test_reports_of_deliveries(secure: Secure) -> None:
    async def play(client: AsyncCustomerIO) -> None:
        await client.report_metric("d1", "clicked", href="x", timestamp=1_600_000_000)
        await client.report_metric("d2", "bounced", reason="full", recipient="a@example.com")
        await client.report_push_metric("d3", "t", "opened", timestamp=1_600_000_000)
        await client.unsubscribe("d4")

    run(secure, play)

    assert [(e["delivery"], e["name"], e["attributes"]) for e in delivery_events(secure.state)] == [
        ("d1", "clicked", {"href": "x"}),
        ("d2", "bounced", {"reason": "full", "recipient": "a@example.com"}),
        ("d3", "opened", {"device_token": "t"}),
        ("d4", "unsubscribed", {}),
    ]


def test_get_region(secure: Secure) -> None:
    told = run(secure, lambda c: c.get_region(), region=Regions.EU)

    assert told["region"] == "us"


def test_submit_form_whose_answer_has_no_body(secure: Secure) -> None:
    run(secure, lambda c: c.submit_form("contact", email="ana@example.com", food="pizza"))

    assert profile(secure, "ana@example.com", "email")["attributes"] == {"food": "pizza"}


def test_send_entity_and_send_batch(secure: Secure) -> None:
    item = {"type": "person", "action": "identify", "identifiers": {"id": "2"}}

    async def play(client: AsyncCustomerIO) -> Any:
        await client.send_entity({"id": 1}, "person", Actions.identify, plan="pro")
        return await client.send_batch([item, {**item, "action": "greet"}])

    told = run(secure, play)

    assert [error["batch_index"] for error in told["errors"]] == [1]
    assert profile(secure)["attributes"] == {"plan": "pro"}
    assert profile(secure, "2")["attributes"] == {}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda c: c.identify("1", plan="x" * 1001),
        lambda c: c.track("1", " "),
        lambda c: c.merge_customers("id", "1", "id", "x" * 151),
        lambda c: c.submit_form("contact", food="pizza"),
        lambda c: c.v2.identify_person({"phone": ""}),
    ],
    ids=["identify", "track", "merge", "form", "v2"],
)
def test_a_refusal_is_raised_with_the_api_s_words(secure: Secure, wrong: Play) -> None:
    with pytest.raises(AsyncCustomerIOError, match=r'(?s)^HTTP 400: \{.*"error'):
        run(secure, wrong)
