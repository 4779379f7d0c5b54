from __future__ import annotations

from typing import Any

import httpx
import pytest

from backfill.sandbox import delivery_events, events_of, requests, summary

from .conftest import Api
from .v1_calls import call, put, track


def of_one(api: Api) -> list[dict[str, Any]]:
    """Person 1's events, without what the sandbox adds."""
    taken = ("kind", "name", "id", "timestamp", "attributes")
    return [{name: event[name] for name in taken} for event in events_of(api.state, "id", "1")]


def test_an_event_is_kept_with_its_time_its_id_and_its_data(api: Api) -> None:
    told = {"name": " bought ", "id": "01HB3Y1M1R0000000000000000", "timestamp": 1_600_000_000}
    track(api, **told, data={"price": 23.45, "recipient": "a@example.com"})

    assert of_one(api) == [
        {
            "kind": "event",
            "name": "bought",
            "id": told["id"],
            "timestamp": 1_600_000_000,
            "attributes": {"price": 23.45, "recipient": "a@example.com"},
        }
    ]


@pytest.mark.parametrize(
    ("told", "kind"),
    [("page", "page"), ("screen", "screen"), ("event", "event"), ("else", "event"), (1, "event")],
)
def test_an_event_that_is_no_page_and_no_screen_is_an_event(
    api: Api, told: object, kind: str
) -> None:
    track(api, name="/home", type=told)

    assert [event["kind"] for event in of_one(api)] == [kind]


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": {}}])
def test_an_event_may_have_no_data(api: Api, data: dict[str, Any]) -> None:
    track(api, name="looked", **data)

    assert of_one(api)[0]["attributes"] == {}


def test_an_event_whose_id_was_seen_is_dropped(api: Api) -> None:
    track(api, name="bought", id="01HB3Y1M1R0000000000000000")
    track(api, name="bought", id="01HB3Y1M1R0000000000000000")

    assert len(of_one(api)) == 1


def test_an_event_without_a_time_happened_now(api: Api) -> None:
    track(api, name="looked", timestamp="yesterday")
    track(api, name="looked", timestamp=True)

    assert min(event["timestamp"] for event in of_one(api)) > 1_700_000_000


def test_an_event_of_100000_bytes_has_room(api: Api) -> None:
    track(api, name="long", data={"x": "ü" * ((100_000 - len('{"x":""}')) // 2)})

    assert len(of_one(api)) == 1


@pytest.mark.parametrize("visitor", ["v", 5])
def test_a_visitor_s_events_are_theirs_who_identifies_with_it(api: Api, visitor: object) -> None:
    call(api, "POST", "/api/v1/events", {"name": "looked", "anonymous_id": visitor})
    call(api, "POST", "/api/v1/events", {"name": "saw", "anonymous_id": visitor, "type": "page"})
    before = summary(api.state)["people"]
    put(api, anonymous_id=visitor)

    assert before == 0
    assert [event["name"] for event in of_one(api)] == ["looked", "saw"]


def test_an_anonymous_event_without_id_is_nobody_s(api: Api) -> None:
    call(api, "POST", "/api/v1/events", {"name": "invited", "data": {"recipient": "a@b.c"}})
    put(api, anonymous_id="")

    assert (summary(api.state)["events"], of_one(api)) == (1, [])


def report(api: Api, path: str, body: dict[str, Any]) -> int:
    """Send one without credentials."""
    return httpx.post(f"{str(api.client.base_url).rstrip('/')}{path}", json=body).status_code


def test_metrics_of_every_channel_are_kept_without_credentials(api: Api) -> None:
    told = {"delivery_id": "d1", "metric": "clicked", "timestamp": 1_600_000_000}
    more = {"href": "https://example.com", "metadata": {"action_name": "buy"}}
    status = report(api, "/api/v1/metrics", {**told, **more})
    (kept,) = delivery_events(api.state)

    assert status == 200
    assert (kept["delivery"], kept["name"], kept["timestamp"]) == ("d1", "clicked", 1_600_000_000)
    assert kept["attributes"] == more


@pytest.mark.parametrize("path", ["/api/v1/push/events", "/push/events"])
def test_a_push_is_reported_without_credentials(api: Api, path: str) -> None:
    told = {"delivery_id": "d1", "event": "opened", "device_id": "t", "timestamp": 1_600_000_000}
    status = report(api, path, told)
    (kept,) = delivery_events(api.state)

    assert status == 200
    assert (kept["delivery"], kept["name"], kept["timestamp"]) == ("d1", "opened", 1_600_000_000)
    assert kept["attributes"] == {"device_token": "t"}


def test_unsubscribing_is_kept_without_credentials(api: Api) -> None:
    statuses = [report(api, "/unsubscribe/d1", body) for body in ({"unsubscribe": True}, {})]

    assert statuses == [200, 200]
    assert [(e["delivery"], e["name"]) for e in delivery_events(api.state)] == [
        ("d1", "unsubscribed")
    ]


def test_a_call_without_credentials_is_in_the_log(api: Api) -> None:
    report(api, "/api/v1/metrics", {"delivery_id": "d1", "metric": "sent"})
    (logged,) = requests(api.state)

    assert (logged["path"], logged["status"], logged["refused"]) == ("/api/v1/metrics", 400, 1)
