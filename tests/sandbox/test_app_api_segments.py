from __future__ import annotations

from typing import Any

import pytest

from .conftest import App
from .operations import identify, of_person


def put(app: App, segment: int, *ids: str, verb: str = "add") -> None:
    path = f"/api/v1/segments/{segment}/{verb}_customers"
    app.api.client.post(path, json={"ids": ids}).raise_for_status()


@pytest.fixture
def full(app: App) -> App:
    """Segment 4 holds 1, 2 and 3; segment 7 holds 2."""
    app.api.take(identify("1", email="one@b.c"), identify("2"), identify("3"))
    put(app, 4, "1", "2", "3", "nobody")
    put(app, 7, "2")
    return app


def test_segments_are_listed(full: App) -> None:
    listed = full.get("/v1/segments")["segments"]
    four = full.get("/v1/segments/4")["segment"]

    assert [segment["id"] for segment in listed] == [4, 7]
    assert four == listed[0]
    assert (four["type"], four["state"], four["progress"]) == ("manual", "finished", None)
    assert four["deduplicate_id"] == f"4:{four['updated_at']}"


def test_a_segment_s_people_are_counted(full: App) -> None:
    assert full.get("/v1/segments/4/customer_count") == {"segment_id": 4, "count": 3}

    put(full, 4, "1", verb="remove")
    full.api.take(of_person("delete", "2"))
    assert full.get("/v1/segments/4/customer_count")["count"] == 1


def test_a_segment_s_people_come_in_pages(full: App) -> None:
    first = full.get("/v1/segments/4/membership", limit=2)
    second = full.get("/v1/segments/4/membership", limit=2, start=first["next"])

    assert (first["segment_id"], first["ids"], second["ids"]) == (4, ["1", "2"], ["3"])
    assert first["identifiers"][0]["email"] == "one@b.c"
    assert second["next"] == ""


def test_a_person_without_an_id_is_an_empty_text_among_the_ids(full: App) -> None:
    full.api.take(identify("two@b.c", "email"))
    full.api.client.post(
        "/api/v1/segments/9/add_customers?id_type=email", json={"ids": ["two@b.c"]}
    ).raise_for_status()
    told = full.get("/v1/segments/9/membership")

    assert told["ids"] == [""]
    assert told["identifiers"][0]["email"] == "two@b.c"


def test_a_person_s_segments_are_named(full: App) -> None:
    told = full.get("/v1/customers/2/segments")["segments"]

    assert [set(segment) for segment in told] == [{"id", "name", "description"}] * 2
    assert [segment["id"] for segment in told] == [4, 7]


def test_people_are_searched_by_segment(full: App) -> None:
    def ids(told: Any) -> Any:
        return full.post("/v1/customers", {"filter": told})["ids"]

    assert ids({"segment": {"id": 4}}) == ["1", "2", "3"]
    assert ids({"and": [{"segment": {"id": 4}}, {"not": {"segment": {"id": 7}}}]}) == ["1", "3"]


@pytest.mark.parametrize("segment", ["5", "0", "-4", "x", "4.0", "9" * 19, "9" * 5000, "%D9%A4"])
@pytest.mark.parametrize("call", ["", "/customer_count", "/membership"])
def test_an_unknown_segment_is_not_found(shared_app: App, segment: str, call: str) -> None:
    put(shared_app, 4, "1")

    assert shared_app.reader.get(f"/v1/segments/{segment}{call}").status_code == 404
