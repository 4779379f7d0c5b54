from __future__ import annotations

from typing import Any

import pytest

from .conftest import App
from .operations import identify, of_object

PEOPLE = [
    identify("1", email="one@b.c", plan="pro", total=1.5, vip=True),
    identify("2", phone="+4915112345678", plan="free", **{'a"b.c\\é': "x"}),
    identify("3@b.c", "email", plan="pro", note='"plan":"free"'),
]


def has(field: str, value: Any = None) -> Any:
    operator = {"operator": "exists"} if value is None else {"operator": "eq", "value": value}
    return {"attribute": {"field": field, **operator}}


def ids(app: App, told: Any) -> list[str]:
    return list(app.post("/v1/customers", {"filter": told})["ids"])


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (has("plan", "pro"), ["1", ""]),
        (has("plan", "PRO"), []),
        (has("plan"), ["1", "2", ""]),
        (has("nothing"), []),
        (has("total", "1.5"), ["1"]),
        (has("total", 1.5), ["1"]),
        (has("vip", True), ["1"]),
        (has("vip", "true"), ["1"]),
        (has('a"b.c\\é', "x"), ["2"]),
        (has("id", "2"), ["2"]),
        (has("email", "ONE@b.c"), ["1"]),
        (has("phone"), ["2"]),
        (has("cio_id", "nonsense"), []),
        ({"not": has("id", "2")}, ["1", ""]),
        ({"not": has("plan", "pro")}, ["2"]),
        ({"and": [has("plan", "pro"), has("email")]}, ["1", ""]),
        ({"or": [has("id", "2"), {"and": [has("plan", "pro"), {"not": has("id")}]}]}, ["2", ""]),
        ({"and": []}, ["1", "2", ""]),
        ({"or": []}, []),
        ({"segment": {"id": 4}}, []),
        ({"segment": {"id": 2**63 - 1}}, []),
    ],
)
def test_a_filter_finds_whom_it_holds_for(shared_app: App, told: Any, expected: list[str]) -> None:
    shared_app.api.take(*PEOPLE)

    assert ids(shared_app, told) == expected


def test_people_are_found_by_their_cio_id(app: App) -> None:
    app.api.take(*PEOPLE)
    (found,) = app.get("/v1/customers", email="3@b.c")["results"]
    told = app.post("/v1/customers", {"filter": has("cio_id", found["cio_id"])})

    assert told == {"identifiers": [found], "ids": [""], "next": ""}


def test_what_a_search_finds_comes_in_pages(app: App) -> None:
    app.api.take(*(identify(str(i), plan="pro" if i % 2 else "free") for i in range(9)))
    pages, start = [], ""
    while not pages or start:
        page = app.post("/v1/customers", {"filter": has("plan", "free")}, limit=2, start=start)
        assert [each["id"] for each in page["identifiers"]] == page["ids"]
        pages.append(page["ids"])
        start = page["next"]

    assert pages == [["0", "2"], ["4", "6"], ["8"]]


def test_a_full_last_page_is_the_last(app: App) -> None:
    app.api.take(identify("1"), identify("2"))

    assert app.post("/v1/customers", {"filter": has("id")}, limit=2)["next"] == ""


@pytest.mark.parametrize(
    "start", ["0", "-1", "abc", "MQ==", "MSwx", "%", "é", "LTE", "MDE", "A" * 999]
)
def test_a_token_that_no_page_gave_is_refused(shared_app: App, start: str) -> None:
    told = {"filter": has("id")}
    answer = shared_app.reader.post("/v1/customers", json=told, params={"start": start})

    assert answer.status_code == 400
    assert "start" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "", "1e2", "٣", "9" * 5000, "00001"])
def test_a_limit_out_of_its_bounds_is_refused(shared_app: App, limit: str) -> None:
    told = {"filter": has("id")}
    answer = shared_app.reader.post("/v1/customers", json=told, params={"limit": limit})

    assert answer.status_code == 400
    assert "1 to 1000" in answer.json()["errors"][0]["detail"]


def nested(depth: int) -> Any:
    told = has("id")
    for _ in range(depth):
        told = {"not": told}
    return told


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        "x",
        {"and": has("id")},
        {"or": ["x"]},
        {"and": [], "or": []},
        {"xor": []},
        {"not": [has("id")]},
        {"segment": 4},
        {"segment": {"id": "4"}},
        {"segment": {"id": True}},
        {"segment": {"id": 2**63}},
        {"attribute": {"field": "a"}},
        {"attribute": []},
        {"attribute": {"field": 1, "operator": "exists"}},
        has("a", ["x"]),
        nested(10),
        nested(500),
        {"attribute": {"field": "a", "operator": "eq"}},
        {"attribute": {"field": "a", "operator": "gt"}},
        {"object_attribute": {"field": "a", "operator": "exists", "type_id": "1"}},
        {"and": [has("id")] * 100},
    ],
)
def test_a_malformed_filter_is_refused(shared_app: App, told: Any) -> None:
    answer = shared_app.reader.post("/v1/customers", json={"filter": told})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["status"] == "400"


def test_a_filter_may_be_as_large_as_its_bounds_say(app: App) -> None:
    app.api.take(identify("1"))

    assert ids(app, {"and": [has("plan") for _ in range(99)]}) == []
    assert ids(app, nested(9)) == []
    assert ids(app, nested(8)) == ["1"]


# --- Objects ------------------------------------------------------------------------------------


def of_type(type_id: str, field: str, value: Any = None) -> Any:
    told = has(field, value)["attribute"] | {"type_id": type_id}
    return {"object_type_id": type_id, "filter": {"object_attribute": told}}


def test_objects_are_found_within_their_type(app: App) -> None:
    for type_id, object_id, plan in [("1", "a", "pro"), ("1", "b", "free"), ("2", "a", "pro")]:
        named = {"object_type_id": type_id, "object_id": object_id}
        app.api.take(of_object("identify", named, attributes={"plan": plan}))
    found = app.post("/v1/objects", of_type("1", "plan", "pro"))

    assert found["ids"] == ["a"]
    assert found["identifiers"] == [{"object_id": "a", "cio_object_id": "ob1"}]
    assert app.post("/v1/objects", of_type("2", "plan"))["ids"] == ["a"]
    assert app.post("/v1/objects", of_type("1", "object_id", "b"))["ids"] == ["b"]
    assert app.post("/v1/objects", of_type("1", "cio_object_id", "ob2"))["ids"] == ["b"]


def test_objects_come_in_pages(app: App) -> None:
    for object_id in "abc":
        app.api.take(of_object("identify", {"object_type_id": "1", "object_id": object_id}))
    told = {"object_type_id": "1", "filter": {"and": []}}
    first = app.post("/v1/objects", told, limit=2)
    second = app.post("/v1/objects", told, limit=2, start=first["next"])

    assert (first["ids"], second["ids"], second["next"]) == (["a", "b"], ["c"], "")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"object_type_id": "1"},
        {"filter": {"and": []}},
        {"object_type_id": 1, "filter": {"and": []}},
        of_type("1", "a") | {"object_type_id": "2"},
        {"object_type_id": "1", "filter": has("a")},
    ],
)
def test_a_malformed_search_for_objects_is_refused(shared_app: App, body: Any) -> None:
    assert shared_app.reader.post("/v1/objects", json=body).status_code == 400
