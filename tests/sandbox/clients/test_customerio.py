"""The vendor's Python client, unchanged, against the sandbox: every method it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from customerio import CustomerIO, CustomerIOException

from backfill.sandbox import events_of, person, requests, summary

from .conftest import Secure

METHODS = {
    "add_device",
    "backfill",
    "batch",
    "delete",
    "delete_device",
    "identify",
    "merge_customers",
    "pageview",
    "suppress",
    "track",
    "track_anonymous",
    "unsuppress",
}

#: Those that send nothing of their own.
PLUMBING = {
    "close",
    "get_customer_query_string",
    "get_device_query_string",
    "get_event_query_string",
    "get_events_query_string",
    "http",
    "is_valid_id_type",
    "send_request",
    "setup_base_url",
}

AWKWARD = "a/b c@ü?#%"


@pytest.fixture
def client(secure: Secure) -> Iterator[CustomerIO]:
    with CustomerIO("sandbox", "sandbox", host="127.0.0.1", port=secure.port) as opened:
        yield opened


def profile(secure: Secure, value: str = "1", kind: Any = "id") -> dict[str, Any]:
    found = person(secure.state, kind, value)
    assert found is not None
    return found


def events(secure: Secure, value: str = "1") -> list[tuple[Any, ...]]:
    taken = ("kind", "name", "id", "timestamp", "attributes")
    return [tuple(e[n] for n in taken) for e in events_of(secure.state, "id", value)]


def test_every_method_of_the_client_is_known_here() -> None:
    assert {name for name in dir(CustomerIO) if not name.startswith("_")} == METHODS | PLUMBING


def test_identify(client: CustomerIO, secure: Secure) -> None:
    born = datetime(2020, 1, 1, tzinfo=UTC)
    client.identify(AWKWARD, email="ü@example.com", name="Zoë", born=born, score=float("nan"))

    found = profile(secure, AWKWARD)
    assert found["email"] == "ü@example.com"
    assert found["attributes"] == {"name": "Zoë", "born": 1577836800}


def test_identify_without_attributes(client: CustomerIO, secure: Secure) -> None:
    client.identify(5)

    assert profile(secure, "5")["attributes"] == {}


def test_track(client: CustomerIO, secure: Secure) -> None:
    ulid = "01HB3Y1M1R0000000000000000"
    client.track(AWKWARD, "bought", {"price": 2.5}, id=ulid, timestamp=1_600_000_000)
    client.track(AWKWARD, "bought", id=ulid)

    assert events(secure, AWKWARD) == [("event", "bought", ulid, 1_600_000_000, {"price": 2.5})]


def test_track_with_a_time_that_the_client_drops(client: CustomerIO, secure: Secure) -> None:
    client.track("1", "bought", timestamp="yesterday")
    ((_, _, _, timestamp, _),) = events(secure)

    assert timestamp > 1_700_000_000


def test_track_anonymous(client: CustomerIO, secure: Secure) -> None:
    client.track_anonymous(
        "v", "looked", {"at": "shoes"}, timestamp=int(datetime.now().timestamp())
    )
    client.track_anonymous(None, "invited", {"recipient": "a@example.com"})
    client.identify("1", anonymous_id="v")

    assert [(event[1], event[4]) for event in events(secure)] == [("looked", {"at": "shoes"})]
    assert summary(secure.state)["events"] == 2


def test_pageview(client: CustomerIO, secure: Secure) -> None:
    client.pageview("1", "/home", referrer="https://example.com")
    ((kind, name, _, _, attributes),) = events(secure)

    assert (kind, name, attributes) == ("page", "/home", {"referrer": "https://example.com"})


def test_backfill(client: CustomerIO, secure: Secure) -> None:
    client.backfill("1", "bought", 1_500_000_000.9, price=1)
    client.backfill("1", "bought", datetime(2017, 7, 14, 2, 40, 1), price=2)

    assert events(secure) == [
        ("event", "bought", None, 1_500_000_000, {"price": 1}),
        ("event", "bought", None, 1_500_000_001, {"price": 2}),
    ]


def test_delete(client: CustomerIO, secure: Secure) -> None:
    client.identify(AWKWARD)
    client.delete(AWKWARD)
    client.delete("unknown")

    assert summary(secure.state)["people"] == 0


def test_add_device_whose_attributes_stand_beside(client: CustomerIO, secure: Secure) -> None:
    client.add_device("1", "t/ü", "ios", last_used=1_600_000_000, app_version="2", primary=True)
    (device,) = profile(secure)["devices"]

    assert device == {
        "token": "t/ü",
        "platform": "ios",
        "last_used": 1_600_000_000,
        "attributes": {"app_version": "2", "primary": True},
    }


def test_delete_device(client: CustomerIO, secure: Secure) -> None:
    for token in ("t/ü", "other"):
        client.add_device("1", token, "android")
    client.delete_device("1", "t/ü")

    assert [device["token"] for device in profile(secure)["devices"]] == ["other"]


def test_suppress_and_unsuppress(client: CustomerIO, secure: Secure) -> None:
    client.suppress(AWKWARD)
    client.identify(AWKWARD)
    suppressed = person(secure.state, "id", AWKWARD)
    client.unsuppress(AWKWARD)
    client.identify(AWKWARD)

    assert suppressed is None
    assert profile(secure, AWKWARD)["attributes"] == {}


def test_merge_customers(client: CustomerIO, secure: Secure) -> None:
    client.identify("1", plan="pro")
    client.identify("two@example.com", plan="basic", seats=2)
    client.merge_customers("id", "1", "email", "two@example.com")

    assert profile(secure)["attributes"] == {"plan": "pro", "seats": 2}
    assert summary(secure.state)["people"] == 1


def test_batch_hands_back_what_was_refused(client: CustomerIO, secure: Secure) -> None:
    known = {"type": "person", "action": "identify", "identifiers": {"id": "1"}}
    answer = client.batch([known, {**known, "action": "greet"}])

    assert (answer.status_code, answer.json()["errors"][0]["batch_index"]) == (207, 1)
    assert profile(secure)["attributes"] == {}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda c: c.identify("1", plan="x" * 1001),
        lambda c: c.track("1", ""),
        lambda c: c.add_device("1", "t", "web"),
        lambda c: c.merge_customers("id", "1", "id", "x" * 151),
    ],
)
def test_a_refusal_is_raised_with_the_api_s_words(
    client: CustomerIO, secure: Secure, wrong: Callable[[CustomerIO], Any]
) -> None:
    with pytest.raises(CustomerIOException, match=r'(?s)^400: .*"error'):
        wrong(client)

    assert [request["refused"] for request in requests(secure.state)] == [1]


def test_wrong_credentials_are_raised_at_once(secure: Secure) -> None:
    with (
        CustomerIO("sandbox", "wrong", host="127.0.0.1", port=secure.port) as client,
        pytest.raises(CustomerIOException, match=r"^401: "),
    ):
        client.identify("1")

    assert len(requests(secure.state)) == 1


def test_infinity_fails_in_the_client_itself(client: CustomerIO, secure: Secure) -> None:
    with pytest.raises(CustomerIOException, match="after 3 retries"):
        client.identify("1", score=float("inf"))

    assert requests(secure.state) == []
