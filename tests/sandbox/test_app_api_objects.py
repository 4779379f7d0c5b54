from __future__ import annotations

import pytest

from .conftest import App
from .operations import LONG_AGO, identify, of_object, of_person, to_acme

ACME = "/v1/objects/1/acme"


def test_an_object_s_attributes_are_the_values_that_were_sent(app: App) -> None:
    sent = {"name": "Acme", "employees": 30, "rate": 1.5, "is_new": True, "tags": ["a", {"b": 1}]}
    app.api.take(of_object("identify", attributes=sent))
    told = app.get(f"{ACME}/attributes")["object"]

    assert told["attributes"] == sent
    assert set(told["timestamps"]) == set(sent)
    assert min(told["timestamps"].values()) > LONG_AGO
    assert told["object_type_id"] == "1"
    assert told["identifiers"]["cio_object_id"] == "ob1"
    assert told["identifiers"]["object_id"] == "acme"


def test_an_object_is_named_by_the_server_s_id_within_its_type(app: App) -> None:
    app.api.take(of_object("identify", attributes={"a": 1}))
    query = {"id_type": "cio_object_id"}

    assert app.get("/v1/objects/1/ob1/attributes", **query) == app.get(f"{ACME}/attributes")
    for path in ("/v1/objects/2/ob1", "/v1/objects/1/ob2", "/v1/objects/1/acme"):
        assert app.reader.get(f"{path}/attributes", params=query).status_code == 404


@pytest.mark.parametrize("path", ["1/nothing", "2/acme", "x/acme", "1/a%2Fb", "0/%00"])
@pytest.mark.parametrize("call", ["attributes", "relationships"])
def test_an_unknown_object_is_not_found(shared_app: App, path: str, call: str) -> None:
    shared_app.api.take(of_object("identify"))

    assert shared_app.reader.get(f"/v1/objects/{path}/{call}").status_code == 404


def test_the_people_of_an_object_come_in_pages(app: App) -> None:
    app.api.take(identify("1", email="one@b.c"))
    for value in "123":
        app.api.take(of_person("add_relationships", value, cio_relationships=to_acme()))
    first = app.get(f"{ACME}/relationships", limit=2)
    second = app.get(f"{ACME}/relationships", limit=2, start=first["next"])
    found = [*first["cio_relationships"], *second["cio_relationships"]]

    assert [tie["identifiers"]["id"] for tie in found] == ["1", "2", "3"]
    assert found[0]["identifiers"]["email"] == "one@b.c"
    assert {(tie["object_type_id"], tie["object_type_disabled"]) for tie in found} == {("0", False)}
    assert second["next"] == ""


def test_the_types_are_those_that_have_an_object(app: App) -> None:
    assert app.get("/v1/object_types") == {"types": []}
    for type_id in ("10", "2", "2", "1"):
        named = {"object_type_id": type_id, "object_id": "a"}
        app.api.take(of_object("identify", named))
    told = app.get("/v1/object_types")["types"]

    assert [each["id"] for each in told] == ["1", "2", "10"]
    assert told[0]["enabled"] is True


def test_there_is_no_list_of_objects_to_get(app: App) -> None:
    assert app.reader.get("/v1/objects").status_code == 405
