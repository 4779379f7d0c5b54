from __future__ import annotations

import base64
import json
import socket
import time
from pathlib import Path

import httpx
import pytest

from backfill.sandbox import (
    Behaviour,
    Sandbox,
    activities,
    delivery_events,
    embedded,
    events_of,
    person,
    summary,
    thing,
)

from .conftest import CREDENTIALS, Api
from .operations import (
    ACME,
    LONG_AGO,
    Json,
    failures,
    identify,
    merge,
    of_object,
    of_person,
    profile,
    to_acme,
)

# --- Delete, suppress, merge --------------------------------------------------------------------


def test_delete_removes_a_person_with_all_that_hangs_on_them(api: Api) -> None:
    device = {"token": "t", "platform": "ios"}
    api.take(identify(), of_person("event", name="x"), of_person("add_device", device=device))
    api.take(of_person("add_relationships", cio_relationships=to_acme()))
    before = summary(api.state)
    api.take(of_person("delete"), of_person("delete", "unknown"))
    after = summary(api.state)
    kinds = ("people", "events", "devices", "relationships", "objects")

    assert [before[kind] for kind in kinds] == [1, 1, 1, 1, 1]
    assert [after[kind] for kind in kinds] == [0, 0, 0, 0, 1]


def test_a_deleted_person_can_come_back_as_another(api: Api) -> None:
    api.take(identify(a=1))
    first = profile(api)["cio_id"]
    api.take(of_person("delete"), identify(b=1))

    assert profile(api)["attributes"] == {"b": 1}
    assert profile(api)["cio_id"] != first


def test_a_suppressed_person_is_gone_and_every_identifier_is_blocked(api: Api) -> None:
    api.take(identify(email="a@b.c"), of_person("suppress"))
    api.take(identify(), identify("A@B.C", "email"), identify("2", email="a@b.c"))
    api.take(of_person("event", name="x"), of_person("page", "a@b.c", "email", name="x"))
    api.take(of_person("add_device", device={"token": "t", "platform": "ios"}))
    api.take(of_person("add_relationships", cio_relationships=to_acme()))
    api.take(of_object("add_relationships", cio_relationships=[{"identifiers": {"id": "1"}}]))
    totals = summary(api.state)

    assert (totals["people"], totals["suppressed"]) == (0, 1)
    assert totals["events"] + totals["pages"] + totals["devices"] + totals["relationships"] == 0


def test_who_is_suppressed_within_a_batch_stays_out_for_the_rest_of_it(api: Api) -> None:
    api.batch(of_person("suppress"), identify(), of_person("suppress"))

    assert (summary(api.state)["people"], summary(api.state)["suppressed"]) == (0, 1)


def test_unsuppress_lifts_the_block_and_restores_nobody(api: Api) -> None:
    api.take(identify(email="a@b.c", a=1), of_person("suppress"), of_person("unsuppress"))
    assert (summary(api.state)["people"], summary(api.state)["suppressed"]) == (0, 0)

    api.take(identify("a@b.c", "email", b=1))
    assert profile(api, "a@b.c", "email")["attributes"] == {"b": 1}


def test_a_merge_keeps_the_primary_s_values_and_fills_its_gaps(api: Api) -> None:
    api.take(identify("1", a=1), identify("2", email="two@b.c", a=2, b=2), merge("1", "2"))

    assert person(api.state, "id", "2") is None
    assert profile(api, "two@b.c", "email")["id"] == "1"
    assert profile(api)["attributes"] == {"a": 1, "b": 2}


def test_a_merge_moves_devices_relationships_and_events_of_the_last_30_days(api: Api) -> None:
    recent = int(time.time()) - 29 * 24 * 3600
    device = {"token": "t", "platform": "ios"}
    api.take(identify("1"), of_person("event", "2", name="old", timestamp=LONG_AGO))
    api.take(of_person("event", "2", name="recent", timestamp=recent))
    api.take(of_person("add_device", "2", device=device))
    api.take(of_person("add_relationships", "2", cio_relationships=to_acme(role="owner")))
    api.take(merge("1", "2"))

    assert [event["name"] for event in events_of(api.state, "id", "1")] == ["recent"]
    assert [device["token"] for device in profile(api)["devices"]] == ["t"]
    assert profile(api)["relationships"][0]["attributes"] == {"role": "owner"}
    assert summary(api.state)["events"] == 1


@pytest.mark.parametrize("ends", [("9", "1"), ("1", "9"), ("1", "1")])
def test_a_merge_without_two_people_changes_nothing(api: Api, ends: tuple[str, str]) -> None:
    api.take(identify("1", a=1), merge(*ends))

    assert profile(api)["attributes"] == {"a": 1}
    assert failures(api) == ["failed_attribute_change"]


# --- Events and devices -------------------------------------------------------------------------


def test_an_event_is_kept_with_its_time_and_attributes(api: Api) -> None:
    told = of_person("event", name=" bought ", timestamp=LONG_AGO, attributes={"total": 1.5})
    api.take(identify(), told, of_person("page", name="/"), of_person("screen", name="Home"))
    event, page, screen = events_of(api.state, "id", "1")

    assert (event["name"], event["timestamp"]) == ("bought", LONG_AGO)
    assert event["attributes"] == {"total": 1.5}
    assert (page["kind"], screen["kind"]) == ("page", "screen")
    assert page["timestamp"] == page["received"]


def test_a_repeated_event_id_is_dropped_and_events_without_one_are_not(api: Api) -> None:
    api.take(*[of_person("event", name="a", id="01HYXZ")] * 2, *[of_person("event", name="b")] * 2)

    assert [event["name"] for event in events_of(api.state, "id", "1")] == ["a", "b", "b"]
    assert failures(api) == ["failed_event"]


def test_an_event_of_an_unknown_person_creates_them(api: Api) -> None:
    api.take(
        of_person("event", "a@b.c", "email", name="x"), of_person("event", "9", "cio_id", name="x")
    )

    assert len(events_of(api.state, "email", "A@b.c")) == 1
    assert summary(api.state)["people"] == 1


def test_nobody_and_nothing_is_created_by_name_where_so_switched(tmp_path: Path) -> None:
    state = tmp_path / "workspace.db"
    device = {"token": "t", "platform": "ios"}
    with embedded(Sandbox(state, behaviour=Behaviour(creates_unknown=False))) as address:
        api = Api(state, httpx.Client(base_url=address, auth=CREDENTIALS))
        with api.client:
            api.take(of_person("event", name="x"), of_person("add_device", device=device))
            api.take(of_person("add_relationships", cio_relationships=to_acme()))
            api.take(of_object("add_relationships", cio_relationships=[{"identifiers": {"id": 1}}]))
            api.take(identify("2") | {"cio_relationships": to_acme()})

        totals = summary(state)
        assert (totals["people"], totals["objects"], totals["relationships"]) == (1, 0, 0)


def test_a_token_is_one_device_of_a_person(api: Api) -> None:
    for platform, used in (("ios", LONG_AGO), ("android", str(LONG_AGO + 1))):
        device = {"token": "t", "platform": platform, "last_used": used}
        api.take(of_person("add_device", device=device))
    expected = {"token": "t", "platform": "android", "last_used": LONG_AGO + 1, "attributes": {}}
    assert profile(api)["devices"] == [expected]

    api.take(*[of_person("delete_device", device={"token": "t"})] * 2)
    assert profile(api)["devices"] == []


def test_what_became_of_a_delivery_is_kept(api: Api) -> None:
    attributes = {"device_token": "t"}
    members = {"identifiers": {"id": "d1"}, "name": "opened", "attributes": attributes}
    api.take({"type": "delivery", "action": "event", **members})
    (kept,) = delivery_events(api.state)

    assert (kept["delivery"], kept["name"], kept["attributes"]) == ("d1", "opened", attributes)


# --- Objects and relationships ------------------------------------------------------------------


def found(api: Api) -> Json:
    acme = thing(api.state, "1", "acme")
    assert acme is not None
    return acme


def test_null_and_empty_text_remove_an_object_s_attributes(api: Api) -> None:
    api.take(of_object("identify", attributes={"a": 1, "b": 1, "c": 1}))
    api.take(of_object("identify", attributes={"a": None, "b": ""}))

    assert found(api)["attributes"] == {"c": 1}


def test_an_object_is_named_by_type_and_id_or_by_the_server_s_id(api: Api) -> None:
    api.take(of_object("identify", attributes={"a": 1}))
    api.take(of_object("identify", ACME | {"object_type_id": "2"}, attributes={"a": 2}))
    server_made = {"cio_object_id": found(api)["cio_object_id"]}
    api.take(of_object("identify", server_made, attributes={"b": 1}))
    api.take(of_object("identify", {"cio_object_id": "ob99"}, attributes={"b": 1}))

    assert found(api)["attributes"] == {"a": 1, "b": 1}
    assert summary(api.state)["objects"] == 2


def test_an_object_never_holds_more_than_100_kilobytes(api: Api) -> None:
    for part in "abcd":
        told = {f"{part}{i}": "x" * 1000 for i in range(30)}
        api.take(of_object("identify", attributes=told))

    assert len(found(api)["attributes"]) == 90
    assert failures(api) == ["_o:1:failed_attribute_change"]


def test_relationships_are_the_same_from_both_ends(api: Api) -> None:
    api.take(identify() | {"cio_relationships": to_acme(role="owner", since=1)})
    people = [{"identifiers": {"id": "1"}, "relationship_attributes": {"role": "", "x": 2}}]
    api.take(of_object("identify", cio_relationships=people))
    (tie,) = profile(api)["relationships"]

    assert (tie["type"], tie["id"], tie["attributes"]) == ("1", "acme", {"since": 1, "x": 2})
    assert found(api)["people"] == [profile(api)["cio_id"]]


@pytest.mark.parametrize(
    "told",
    [
        of_person("delete_relationships", cio_relationships=to_acme()),
        of_object("delete_relationships", cio_relationships=[{"identifiers": {"id": "1"}}]),
        of_object("delete"),
    ],
)
def test_a_relationship_ends_from_either_side(api: Api, told: Json) -> None:
    api.take(of_person("add_relationships", cio_relationships=to_acme()), told)

    assert (summary(api.state)["relationships"], profile(api)["relationships"]) == (0, [])


def test_a_visitor_is_tied_to_an_object_in_both_forms(api: Api) -> None:
    ties = [{"identifiers": {"anonymous_id": "v2"}, "relationship_attributes": {"a": 1}}]
    api.take(of_object("identify_anonymous", anonymous_id="v1", attributes={"name": "Acme"}))
    api.take(of_object("identify_anonymous", cio_relationships=ties))

    assert found(api)["visitors"] == ["v1", "v2"]
    assert found(api)["attributes"] == {"name": "Acme"}


def test_the_log_names_no_value(api: Api) -> None:
    api.take(identify("secret-1", email="secret@b.c", secret_free="secret"), identify("2"))
    api.take(identify("2", email="secret@b.c"), of_person("event", "secret-1", name="x"))
    told = [str(activity["detail"]) for activity in activities(api.state)]

    assert "secret" not in " ".join(told)


def test_a_merge_never_gives_a_person_more_attributes_than_they_may_have(api: Api) -> None:
    api.take(identify(**{f"a{i}": i for i in range(200)}))
    api.take(identify("2", **{f"b{i}": i for i in range(200)}), merge("1", "2"), identify(a0=9))
    attributes = profile(api)["attributes"]

    assert (len(attributes), attributes["a0"]) == (300, 9)


def test_what_is_written_later_is_newer_though_its_head_came_first(api: Api) -> None:
    url = api.client.base_url
    operations = [of_object("identify", attributes={"name": name}) for name in ("late", "early")]
    late, early = (json.dumps(operation).encode() for operation in operations)
    token = base64.b64encode(":".join(CREDENTIALS).encode()).decode()
    head = f"POST /api/v2/entity HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Basic {token}\r\n"
    with socket.create_connection((url.host, url.port or 0), timeout=10) as connection:
        connection.sendall(f"{head}content-length: {len(late)}\r\n\r\n".encode())
        time.sleep(1.1)  # times are whole seconds
        assert api.client.post("/api/v2/entity", content=early).status_code == 200
        connection.sendall(late)
        assert connection.recv(12) == b"HTTP/1.1 200"
    acme = thing(api.state, "1", ACME["object_id"])

    assert acme is not None
    assert acme["attributes"] == {"name": "late"}
