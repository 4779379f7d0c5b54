from __future__ import annotations

import json

import httpx
import pytest

from backfill.sandbox import activities, embedded, person, requests, summary, thing

from .conftest import Api
from .operations import ACME, failures, identify, profile
from .v1_calls import CUSTOMERS, call, put


def test_an_identify_makes_a_person_of_flat_attributes(api: Api) -> None:
    put(api, created_at=1361205308, plan="basic", nested={"a": [1]}, big=9223372036854775807)

    assert profile(api)["attributes"] == {
        "created_at": 1361205308,
        "plan": "basic",
        "nested": {"a": [1]},
        "big": 9223372036854775807,
    }


@pytest.mark.parametrize("body", [None, {}])
def test_an_identify_without_attributes_makes_a_person(api: Api, body: object) -> None:
    call(api, "PUT", f"{CUSTOMERS}/1", body)

    assert profile(api)["attributes"] == {}


@pytest.mark.parametrize(
    ("path", "kind", "value"),
    [
        ("ana%40example.com", "email", "ana@example.com"),
        ("ana@example.com", "email", "ana@example.com"),
        ("a%40b", "id", "a@b"),
        ("%2B15551234567", "id", "+15551234567"),
        ("a%2Fb%20c", "id", "a/b c"),
        ("a/b", "id", "a/b"),
        ("a%252Fb", "id", "a%2Fb"),
        ("%C3%BC", "id", "ü"),
        ("5", "id", "5"),
    ],
)
def test_the_kind_of_an_identifier_is_read_off_its_shape(
    api: Api, path: str, kind: str, value: str
) -> None:
    put(api, path, plan="pro")

    assert profile(api, value, kind)["attributes"] == {"plan": "pro"}
    assert summary(api.state)["people"] == 1


def test_cio_and_an_underscore_before_it_make_a_cio_id(api: Api) -> None:
    put(api, "1", email="a@example.com")
    put(api, f"cio_{profile(api)['cio_id']}", id="2", email="b@example.com")

    assert person(api.state, "id", "1") is None
    assert profile(api, "2")["email"] == "b@example.com"


def test_an_unknown_cio_id_makes_nobody(api: Api) -> None:
    put(api, "cio_00000000000f", plan="pro")

    assert summary(api.state)["people"] == 0
    assert failures(api) == ["failed_attribute_change"]


def test_a_known_identifier_in_the_body_gets_the_identifier_of_the_path(api: Api) -> None:
    put(api, "ana@example.com", plan="pro")
    put(api, "7", email="ANA@example.com", seats=2)

    assert profile(api, "7")["attributes"] == {"plan": "pro", "seats": 2}
    assert summary(api.state)["people"] == 1


def test_identifiers_of_two_people_are_accepted_and_not_applied(api: Api) -> None:
    put(api, "1", email="one@example.com")
    put(api, "2", plan="pro")
    put(api, "2", email="one@example.com", plan="basic")

    assert profile(api, "2")["attributes"] == {"plan": "pro"}
    assert failures(api) == ["failed_attribute_change"]


def test_an_id_in_the_body_that_is_the_path_s_may_be_a_number(api: Api) -> None:
    put(api, "5", id=5, plan="pro")

    assert profile(api, "5")["attributes"] == {"plan": "pro"}


def test_an_older_timestamp_changes_nothing(api: Api) -> None:
    put(api, _timestamp=1_600_000_000, plan="pro")
    put(api, _timestamp=1_500_000_000, plan="basic")

    assert profile(api)["attributes"] == {"plan": "pro"}
    assert profile(api)["times"]["plan"] == 1_600_000_000


def test_a_timestamp_that_is_none_is_read_as_now(api: Api) -> None:
    put(api, _timestamp=True, plan="pro")
    put(api, _timestamp="2020-01-01", seats=1)

    assert min(profile(api)["times"].values()) > 1_700_000_000


def test_update_makes_nobody(api: Api) -> None:
    put(api, _update=True, plan="pro")

    assert summary(api.state)["people"] == 0
    assert failures(api) == ["failed_attribute_change"]


def test_null_removes_an_attribute(api: Api) -> None:
    put(api, plan="pro", age=30)
    put(api, age=None)

    assert profile(api)["attributes"] == {"plan": "pro"}


def test_one_topic_can_be_changed_by_its_dotted_name(api: Api) -> None:
    put(api, cio_subscription_preferences={"topics": {"topic_1": True, "topic_2": True}})
    put(api, **{"cio_subscription_preferences.topics.topic_2": False})

    preferences = profile(api)["attributes"]["cio_subscription_preferences"]
    assert preferences == {"topics": {"topic_1": True, "topic_2": False}}


def test_relationships_are_added_and_deleted_with_an_identify(api: Api) -> None:
    ties = [{"identifiers": ACME, "relationship_attributes": {"role": "admin"}}]
    put(api, cio_relationships={"action": "add_relationships", "relationships": ties})
    (added,) = profile(api)["relationships"]
    put(
        api, plan="pro", cio_relationships={"action": "delete_relationships", "relationships": ties}
    )

    assert (added["id"], added["attributes"]) == ("acme", {"role": "admin"})
    assert (profile(api)["relationships"], profile(api)["attributes"]) == ([], {"plan": "pro"})
    assert thing(api.state, "1", "acme") is not None


def test_a_deleted_person_is_gone_and_whoever_is_unknown_may_be_deleted(api: Api) -> None:
    put(api)
    call(api, "DELETE", f"{CUSTOMERS}/1")
    call(api, "DELETE", f"{CUSTOMERS}/1", {})

    assert summary(api.state)["people"] == 0


@pytest.mark.parametrize("body", [None, {}, [1]])
def test_a_suppressed_person_stays_away_until_unsuppressed(api: Api, body: object) -> None:
    put(api)
    call(api, "POST", f"{CUSTOMERS}/1/suppress", body)
    put(api)
    suppressed = summary(api.state)
    call(api, "POST", f"{CUSTOMERS}/1/unsuppress", body)
    put(api)

    assert (suppressed["people"], suppressed["suppressed"]) == (0, 1)
    assert (summary(api.state)["people"], summary(api.state)["suppressed"]) == (1, 0)


def test_attributes_of_a_device_may_stand_nested_or_beside(api: Api) -> None:
    told = {"id": "t", "platform": "ios", "last_used": "1600000000"}
    nested = {"app_version": "2", "primary": True}
    call(api, "PUT", f"{CUSTOMERS}/1/devices", {"device": {**told, "attributes": nested}})
    (first,) = profile(api)["devices"]
    beside = {**told, "app_version": "1", "colour": "red", "attributes": {"app_version": "3"}}
    call(api, "PUT", f"{CUSTOMERS}/1/devices", {"device": beside})
    (second,) = profile(api)["devices"]

    assert (first["token"], first["platform"], first["last_used"]) == ("t", "ios", 1_600_000_000)
    assert first["attributes"] == nested
    assert second["attributes"] == {"app_version": "3", "colour": "red"}


@pytest.mark.parametrize("path", ["a%2Fb%20c", "a%252Fb%2520c", "a/b%20c"])
def test_a_device_is_deleted_however_often_its_token_was_encoded(api: Api, path: str) -> None:
    for token in ("a/b c", "other"):
        device = {"id": token, "platform": "android"}
        call(api, "PUT", f"{CUSTOMERS}/1/devices", {"device": device})
    call(api, "DELETE", f"{CUSTOMERS}/1/devices/{path}")

    assert [device["token"] for device in profile(api)["devices"]] == ["other"]


def test_a_merge_leaves_the_primary_person(api: Api) -> None:
    put(api, "1", plan="pro")
    put(api, "two@example.com", plan="basic", seats=2)
    ends = {"primary": {"id": "1"}, "secondary": {"email": "two@example.com"}}
    call(api, "POST", "/api/v1/merge_customers", ends)

    assert profile(api, "1")["attributes"] == {"plan": "pro", "seats": 2}
    assert summary(api.state)["people"] == 1


def test_v1_and_v2_speak_of_the_same_people(api: Api) -> None:
    put(api, "1", plan="pro")
    api.take(identify("1", seats=2))

    assert profile(api)["attributes"] == {"plan": "pro", "seats": 2}


def test_json_may_be_escaped_spaced_or_neither(api: Api) -> None:
    for i, body in enumerate((b'{ "name" : "\\u00fc" }', '{"name":"ü"}'.encode())):
        answer = api.client.put(f"{CUSTOMERS}/{i}", content=body)
        assert answer.status_code == 200

    assert [profile(api, value)["attributes"]["name"] for value in "01"] == ["ü", "ü"]


def test_each_accepted_call_counts_as_one_operation(api: Api) -> None:
    put(api, plan="x" * 5)
    api.client.put(f"{CUSTOMERS}/1", content=json.dumps({"plan": "x" * 1001}))
    counts = [(r["status"], r["operations"], r["refused"]) for r in requests(api.state)]

    assert counts == [(200, 1, 0), (400, 1, 1)]
    assert [a["name"] for a in activities(api.state)] == ["profile_create"]


def test_the_credentials_are_asked_for_and_can_be_checked(api: Api) -> None:
    with embedded(api.state.with_name("other.db")) as address:
        answers = [
            httpx.put(f"{address}{CUSTOMERS}/1", json={}),
            httpx.get(f"{address}/auth", auth=("sandbox", "wrong")),
            httpx.get(f"{address}/auth", auth=("sandbox", "sandbox")),
        ]

    assert [answer.status_code for answer in answers] == [401, 401, 200]
