from __future__ import annotations

from typing import Any

from backfill.sandbox import events_of, summary

from .conftest import App
from .operations import profile
from .v1_calls import call, put


def change(app: App, what: str, ids: list[Any], kind: str = "") -> None:
    query = f"?id_type={kind}" if kind else ""
    call(app.api, "POST", f"/api/v1/segments/7/{what}_customers{query}", {"ids": ids})


def members(app: App) -> list[str]:
    return list(app.get("/v1/segments/7/membership")["ids"])


def test_people_are_added_to_a_segment_and_taken_out(app: App) -> None:
    for identifier in ("1", "2", "3"):
        put(app.api, identifier)
    change(app, "add", ["1", 2, "unknown"])
    added = members(app)
    change(app, "remove", ["1"])

    assert added == ["1", "2"]
    assert members(app) == ["2"]


def test_the_query_tells_what_the_ids_of_a_segment_are(app: App) -> None:
    for identifier in ("1", "2", "3"):
        put(app.api, identifier, email=f"{identifier}@example.com")
    change(app, "add", ["1@EXAMPLE.com", "2"], kind="email")
    change(app, "add", [profile(app.api, "2")["cio_id"]], kind="cio_id")
    change(app, "add", [f"cio_{profile(app.api, '3')['cio_id']}"], kind="cio_id")

    assert members(app) == ["1", "2", "3"]


def submit(app: App, **data: Any) -> Any:
    return app.api.client.post("/api/v1/forms/contact/submit", json={"data": data})


def test_a_form_makes_the_person_who_filled_it_in(app: App) -> None:
    answer = submit(app, email="ana@example.com", food="pizza", form_name="ignored")
    (event,) = events_of(app.api.state, "email", "ana@example.com")

    assert (answer.status_code, answer.content) == (204, b"")
    assert profile(app.api, "ana@example.com", "email")["attributes"] == {"food": "pizza"}
    assert (event["kind"], event["name"]) == ("form", "contact")


def test_a_form_s_id_may_be_a_number(app: App) -> None:
    submit(app, id=12345, food="pizza")

    assert profile(app.api, "12345")["attributes"] == {"food": "pizza"}


def test_a_form_is_for_whom_it_names_by_the_one_that_is_not_empty(app: App) -> None:
    submit(app, id="", email="ana@example.com")

    assert summary(app.api.state)["people"] == 1
