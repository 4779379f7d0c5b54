from __future__ import annotations

import json
import time
from typing import Any

import pytest

from .conftest import App
from .operations import LONG_AGO, identify, of_person, to_acme


def customer(app: App, value: str = "1", **query: Any) -> Any:
    return app.get(f"/v1/customers/{value}/attributes", **query)["customer"]


def cio_id_of(app: App, value: str = "1") -> str:
    return str(customer(app, value)["identifiers"]["cio_id"])


# --- Who it is ----------------------------------------------------------------------------------


def test_people_are_found_by_email_in_any_letter_case(app: App) -> None:
    app.api.take(identify(email="A@b.c"), identify("2"))
    (found,) = app.get("/v1/customers", email="a@B.c")["results"]

    assert found == {"email": "A@b.c", "id": "1", "cio_id": cio_id_of(app)}
    assert app.get("/v1/customers", email="nobody@b.c") == {"results": []}


def test_an_email_not_encoded_in_the_query_finds_nobody(app: App) -> None:
    app.api.take(identify(email="a+b@c.d"))

    assert app.reader.get("/v1/customers?email=a+b@c.d").json() == {"results": []}
    assert len(app.reader.get("/v1/customers?email=a%2Bb@c.d").json()["results"]) == 1


@pytest.mark.parametrize("kind", ["id", "email", "phone"])
def test_a_person_is_named_by_each_of_their_identifiers(app: App, kind: str) -> None:
    names = {"id": "a/b %", "email": "a@b.c", "phone": "+4915112345678"}
    app.api.take(identify(names["id"], email=names["email"], phone=names["phone"]))
    path = app.reader.build_request("GET", "/").url.copy_with(raw_path=b"/")
    encoded = "".join(f"%{byte:02X}" for byte in names[kind].encode())
    answer = app.reader.get(f"{path}v1/customers/{encoded}/attributes", params={"id_type": kind})

    assert answer.json()["customer"]["id"] == names[kind]
    assert answer.json()["customer"]["identifiers"]["id"] == names["id"]


def test_a_person_is_named_by_cio_id_with_its_prefix_or_without(app: App) -> None:
    app.api.take(identify(a=1))
    cio_id = cio_id_of(app)
    found = [customer(app, name, id_type="cio_id") for name in (cio_id, f"cio_{cio_id}")]

    assert [each["attributes"]["a"] for each in found] == ["1", "1"]


@pytest.mark.parametrize(
    "call", ["attributes", "activities", "relationships", "segments", "subscription_preferences"]
)
def test_nobody_is_not_found(shared_app: App, call: str) -> None:
    answer = shared_app.reader.get(f"/v1/customers/nobody/{call}")

    assert answer.status_code == 404
    assert answer.json() == {"errors": [{"detail": "not found", "status": "404"}]}


def test_an_unknown_id_type_is_refused(app: App) -> None:
    app.api.take(identify())
    answer = app.reader.get("/v1/customers/1/attributes", params={"id_type": "name"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["status"] == "400"


# --- What is known of them ----------------------------------------------------------------------


def test_every_attribute_is_text(app: App) -> None:
    body = (
        '{"type": "person", "action": "identify", "identifiers": {"id": "1"}, "attributes":'
        ' {"text": "a\\"\\u00e9", "empty": "", "whole": 30, "yes": true, "no": false,'
        ' "money": 1.50, "long": 12345678901234567890123, "list": [1, {"a" : 2.0}],'
        ' "nested": { "b": "c d" }}}'
    )
    app.api.client.post("/api/v2/entity", content=body).raise_for_status()
    told = customer(app)["attributes"]
    made = ("id", "email", "cio_id", "created_at", "_created_in_customerio_at")

    assert {name: told[name] for name in told if name not in made} == {
        "text": 'a"é',
        "empty": "",
        "whole": "30",
        "yes": "true",
        "no": "false",
        "money": "1.50",
        "long": "12345678901234567890123",
        "list": '[1,{"a":2.0}]',
        "nested": '{"b":"c d"}',
    }


def test_the_identifiers_are_among_the_attributes(app: App) -> None:
    app.api.take(identify(phone="+4915112345678"))
    told = customer(app)

    assert told["attributes"] == {
        "id": "1",
        "email": None,
        "phone": "+4915112345678",
        "cio_id": told["identifiers"]["cio_id"],
        "created_at": str(told["timestamps"]["created_at"]),
        "_created_in_customerio_at": str(told["timestamps"]["created_at"]),
    }


def test_when_a_person_was_first_seen_is_told_whatever_was_said_of_it(app: App) -> None:
    app.api.take(identify(created_at=1_500_000_000))
    first = customer(app)["attributes"]["_created_in_customerio_at"]
    app.api.take(identify(created_at=1_600_000_000, plan="pro"))
    now = time.time()

    assert now - 60 < int(first) <= now
    assert customer(app)["attributes"]["_created_in_customerio_at"] == first


def test_a_person_without_created_at_looks_created_when_they_came(app: App) -> None:
    app.api.take(identify(), identify("2", created_at=1_500_000_000))
    now = time.time()

    assert now - 60 < int(customer(app)["attributes"]["created_at"]) <= now
    assert customer(app, "2")["attributes"]["created_at"] == "1500000000"


def test_an_attribute_has_the_time_it_was_set_and_none_once_it_is_gone(app: App) -> None:
    app.api.take(identify(a=1, b=2) | {"timestamp": LONG_AGO}, identify(b=None))
    told = customer(app)

    assert told["timestamps"]["a"] == told["timestamps"]["id"] == LONG_AGO
    assert "b" not in told["timestamps"]
    assert "b" not in told["attributes"]


@pytest.mark.parametrize(
    ("value", "is_unsubscribed"),
    [
        (True, True),
        ("TRUE", True),
        (1, True),
        ("1", True),
        (False, False),
        ("yes", False),
        (2, False),
        ("", False),
        ([True], False),
    ],
)
def test_unsubscribed_is_true_or_1_in_any_form(
    app: App, value: object, is_unsubscribed: bool
) -> None:
    app.api.take(identify(unsubscribed=value), identify("2"))

    assert customer(app)["unsubscribed"] is is_unsubscribed
    assert customer(app, "2")["unsubscribed"] is False


def test_devices_are_told_with_text_attributes(app: App) -> None:
    device = {"token": "t", "platform": "ios", "last_used": LONG_AGO}
    attributes = {"device_os": "17.1", "push_enabled": "true"}
    app.api.take(of_person("add_device", device=device | {"attributes": attributes}), identify("2"))

    assert customer(app, "2")["devices"] == []
    assert customer(app)["devices"] == [
        {"id": "t", "platform": "ios", "last_used": LONG_AGO, "attributes": attributes}
    ]


# --- Many at once -------------------------------------------------------------------------------


def test_many_profiles_come_at_once_and_who_is_unknown_is_left_out(app: App) -> None:
    app.api.take(identify("1", a=1), identify("2", a=2))
    body = {"ids": ["2", "nobody", "1", "2"]}
    found = app.post("/v1/customers/attributes", body)["customers"]

    assert [each["customer"]["id"] for each in found] == ["2", "1"]
    assert found[1]["customer"] == customer(app)


def test_many_profiles_are_asked_for_by_one_id_type(app: App) -> None:
    app.api.take(identify("1", email="a@b.c"))
    body = {"ids": ["A@b.c", "1"]}
    (found,) = app.post("/v1/customers/attributes", body, id_type="email")["customers"]

    assert found["customer"]["identifiers"]["id"] == "1"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"ids": "1"}',
        '{"ids": []}',
        '{"ids": [1]}',
        '{"ids": ["\\ud800"]}',
        json.dumps({"ids": [str(i) for i in range(101)]}),
        "[" * 9000,
    ],
)
def test_a_malformed_list_of_ids_is_refused(shared_app: App, body: str) -> None:
    assert shared_app.reader.post("/v1/customers/attributes", content=body).status_code == 400


# --- What they are tied to ----------------------------------------------------------------------


def test_relationships_carry_their_own_attributes_as_they_were_sent(app: App) -> None:
    before = int(time.time())
    app.api.take(of_person("add_relationships", cio_relationships=to_acme(role="owner", n=1.5)))
    told = app.get("/v1/customers/1/relationships")
    (tie,) = told["cio_relationships"]

    assert told["next"] == ""
    assert tie["object_type_id"] == 1
    assert tie["identifiers"] == {"object_id": "acme", "cio_object_id": "ob1"}
    assert tie["attributes"] == {"role": "owner", "n": 1.5}
    assert before <= tie["timestamps"]["role"] <= time.time()


def test_relationships_come_in_pages(app: App) -> None:
    ties = [{"identifiers": {"object_type_id": "2", "object_id": str(i)}} for i in range(5)]
    app.api.take(of_person("add_relationships", cio_relationships=ties))
    found, start = [], None
    while start != "":
        query = {"limit": 2} | ({"start": start} if start else {})
        page = app.get("/v1/customers/1/relationships", **query)
        found.append([tie["identifiers"]["object_id"] for tie in page["cio_relationships"]])
        start = page["next"]

    assert found == [["0", "1"], ["2", "3"], ["4"]]


def test_subscriptions_are_told_by_topic(app: App) -> None:
    topics = {"topic_1": True, "topic_2": False}
    app.api.take(identify(cio_subscription_preferences={"topics": topics}))
    told = app.get("/v1/customers/1/subscription_preferences")["customer"]

    assert {topic["id"]: topic["subscribed"] for topic in told["topics"]} == {"1": True, "2": False}
    assert (told["id"], told["unsubscribed"]) == ("1", False)
    assert set(told["topics"][0]) == {"id", "subscribed", "name", "description"}
    assert set(told["header"]) == {"title", "subtitle"}


def test_subscriptions_are_an_attribute_as_text_with_a_computed_twin(app: App) -> None:
    app.api.take(identify(cio_subscription_preferences={"topics": {"topic_1": True}}))
    app.api.take(identify(**{"cio_subscription_preferences.topics.topic_2": False}))
    told = customer(app)
    text = told["attributes"]["cio_subscription_preferences"]

    assert json.loads(text) == {"topics": {"topic_1": True, "topic_2": False}}
    assert told["attributes"]["_cio_subscription_preferences_computed"] == text
    assert told["timestamps"]["_cio_subscription_preferences_computed"] == 0
    assert not [name for name in told["timestamps"] if "." in name]


def test_preferences_that_are_no_set_of_topics_are_no_topics(app: App) -> None:
    for value in ("no json", "[1]", '{"topics": 1}'):
        app.api.take(identify(cio_subscription_preferences=value))
        told = app.get("/v1/customers/1/subscription_preferences")["customer"]

        assert told["topics"] == []


def test_a_malformed_request_for_subscriptions_has_an_error_of_its_own_shape(app: App) -> None:
    answer = app.reader.get("/v1/customers/1/subscription_preferences?id_type=name")

    assert answer.status_code == 400
    assert list(answer.json()["meta"]) == ["errors"]
