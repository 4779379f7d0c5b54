from __future__ import annotations

import json
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from backfill.sandbox import Behaviour, Sandbox, embedded

from .conftest import CREDENTIALS, App
from .operations import LONG_AGO, identify, merge, of_object, of_person, to_acme


def seen(app: App, **query: Any) -> list[Any]:
    return list(app.get("/v1/activities", limit=100, **query)["activities"])


def types(found: list[Any]) -> list[str]:
    return [activity["type"] for activity in found]


def test_activities_come_latest_arrival_first(app: App) -> None:
    app.api.take(identify(), *(of_person("event", name=name) for name in "abc"))
    found = seen(app)

    assert [activity.get("name") for activity in found if activity["type"] == "event"] == [*"cba"]
    assert types(found)[-1] == "profile_create"


def test_an_event_is_told_with_its_own_time_and_all_that_was_sent(app: App) -> None:
    text = '{"total": 1.50, "id": 12345678901234567890123}'
    event = of_person("event", name="bought", timestamp=LONG_AGO)
    body = json.dumps(event)[:-1] + f', "attributes": {text}}}'
    app.api.client.post("/api/v2/entity", content=body).raise_for_status()
    answer = app.reader.get("/v1/activities", params={"type": "event"})
    (found,) = answer.json()["activities"]

    assert (found["name"], found["timestamp"], found["customer_id"]) == ("bought", LONG_AGO, "1")
    assert set(found["customer_identifiers"]) == {"email", "id", "cio_id"}
    assert '"data":{"total":1.50,"id":12345678901234567890123}' in answer.text


def test_pages_have_an_address_and_screens_a_name(app: App) -> None:
    app.api.take(of_person("page", name="/a", attributes={"url": "https://b.c/a"}))
    app.api.take(of_person("page", name="/b"), of_person("screen", name="Home"))
    screen, second, first = [each for each in seen(app) if each["type"] in ("page", "screen")]

    assert (first["url"], second["url"], screen["name"]) == ("https://b.c/a", "/b", "Home")
    assert "name" not in first
    assert "url" not in screen


def test_an_attribute_change_tells_from_what_to_what(app: App) -> None:
    app.api.take(identify(plan="free"), identify(plan="pro", n=1))
    latest = seen(app, type="attribute_change")[0]

    assert latest["data"]["plan"] == {"from": "free", "to": "pro"}
    assert latest["data"]["n"] == {"from": "", "to": "1"}


def test_activities_are_found_by_type(app: App) -> None:
    app.api.take(identify(), of_person("event", name="a"), of_person("page", name="/"))
    app.api.take(of_person("add_relationships", cio_relationships=to_acme()))
    app.api.take(of_person("event", name="a", id="1"), of_person("event", name="a", id="1"))
    wanted = ("page", "add_relationship", "_o:1:create", "failed_event", "sent_email")
    found = [types(seen(app, type=each)) for each in wanted]

    assert found == [["page"], ["add_relationship"], ["_o:1:create"], ["failed_event"], []]
    assert types(seen(app, type="event")) == ["event", "event"]


def test_a_failure_tells_its_reason(app: App) -> None:
    app.api.take(of_person("event", name="a", id="1"), of_person("event", name="a", id="1"))
    (failed,) = seen(app, type="failed_event")

    assert failed["data"] == {"reason": "its id was seen before"}


def test_activities_are_found_by_the_name_of_an_event_or_attribute(app: App) -> None:
    app.api.take(identify(plan="free"), identify(plan="pro"), identify(other=1))
    app.api.take(of_person("event", name="plan"), of_person("event", name="other"))

    assert types(seen(app, name="plan")) == ["event", "attribute_change"]
    assert seen(app, name="PLAN") == []


def test_activities_of_one_person_are_theirs_alone(app: App) -> None:
    app.api.take(of_person("event", "1", name="a"), of_person("event", "2", name="b"))
    app.api.take(identify("3"))
    listed = app.get("/v1/customers/2/activities", type="event")["activities"]

    assert [each["name"] for each in listed] == ["b"]
    assert seen(app, customer_id="2", type="event") == listed
    assert types(seen(app, customer_id="3")) == ["profile_create"]
    assert seen(app, customer_id="nobody") == []
    cio_id = listed[0]["customer_identifiers"]["cio_id"]
    assert seen(app, customer_id=f"cio_{cio_id}", id_type="cio_id", type="event") == listed


def test_a_deleted_person_s_activities_know_only_the_cio_id(app: App) -> None:
    app.api.take(identify("1", email="a@b.c"), of_person("event", name="x"), identify("2"))
    cio_id = seen(app, customer_id="1")[0]["customer_identifiers"]["cio_id"]
    app.api.take(of_person("delete"))
    gone = seen(app, deleted="true")

    assert types(gone) == ["profile_delete", "profile_create"]
    assert {each["customer_id"] for each in gone} == {None}
    assert gone[0]["customer_identifiers"] == {"email": None, "id": None, "cio_id": cio_id}
    assert types(seen(app)) == ["profile_create"]
    assert seen(app, deleted="true", customer_id=cio_id, id_type="cio_id") == gone


def test_an_object_s_activities_are_nobody_s(app: App) -> None:
    app.api.take(of_object("identify", attributes={"a": 1}), of_object("delete"))
    found = seen(app)

    assert types(found)[0] == "_o:1:delete"
    assert {each["customer_id"] for each in found} == {None}
    assert not any("customer_identifiers" in each for each in found)


def test_a_visitor_s_events_are_nobody_s_until_they_are_known(app: App) -> None:
    app.api.take(of_person("event", "v", "anonymous_id", name="x"))
    (before,) = seen(app, type="event")
    app.api.take(identify(anonymous_id="v"))
    (after,) = seen(app, type="event")

    assert (before["customer_id"], after["customer_id"]) == (None, "1")
    assert before["id"] == after["id"]


def test_ids_are_ulids_that_differ_and_outlive_a_merge(app: App) -> None:
    app.api.take(identify("1"), *(of_person("event", "2", name="a") for _ in range(3)))
    ids = [each["id"] for each in seen(app, type="event")]
    every = [each["id"] for each in seen(app)]
    app.api.take(merge("1", "2"))

    assert all(re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", each) for each in every)
    assert len(set(every)) == len(every)
    assert [each["id"] for each in seen(app, type="event")] == ids


def test_activities_come_in_pages_that_later_arrivals_do_not_shift(app: App) -> None:
    app.api.take(identify(), *(of_person("event", name=str(i)) for i in range(6)))
    whole = [each["id"] for each in seen(app)]
    found, start, answered = [], "", None
    while answered is None or start:
        answered = app.get("/v1/activities", limit=3, start=start)
        found += [each["id"] for each in answered["activities"]]
        start = answered["next"]
        app.api.take(of_person("event", name="later"), identify("2", n=len(found)))

    assert found == whole


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 101},
        {"limit": 0},
        {"start": "LTE"},
        {"start": "MQ"},
        {"deleted": "yes"},
        {"customer_id": "1", "id_type": "name"},
    ],
)
def test_a_malformed_request_for_activities_is_refused(shared_app: App, query: Any) -> None:
    assert shared_app.reader.get("/v1/activities", params=query).status_code == 400


def test_ten_activities_come_unless_told(app: App) -> None:
    app.api.take(*(of_person("event", name=str(i)) for i in range(12)))

    assert len(app.get("/v1/activities")["activities"]) == 10
    assert len(app.get("/v1/customers/1/activities")["activities"]) == 10


def test_what_is_older_than_30_days_is_hidden_where_so_switched(tmp_path: Path) -> None:
    day_s = 24 * 3600
    behaviour = Behaviour(hides_old=True)
    sandbox = Sandbox(tmp_path / "workspace.db", behaviour=behaviour, app_requests_per_s=None)
    key = {"authorization": "Bearer sandbox"}
    with embedded(sandbox) as address, closing(httpx.Client(base_url=address)) as client:
        for days in (31, 29):
            at = int(time.time()) - days * day_s
            told = of_person("event", name=str(days), timestamp=at)
            client.post("/api/v2/entity", json=told, auth=CREDENTIALS).raise_for_status()
        found = client.get("/v1/activities", headers=key).json()["activities"]

    assert [each.get("name") for each in found] == ["29", None]
