from __future__ import annotations

import httpx
import pytest

from backfill.sandbox import Sandbox, embedded

from .conftest import CREDENTIALS, App
from .operations import identify

KEY = {"authorization": "Bearer sandbox"}


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", "Basic sandbox", "sandbox", "Bearer é"]
)
def test_without_the_key_nothing_is_read(shared_app: App, header: str) -> None:
    headers = {"authorization": header.encode("utf-8")}
    answer = shared_app.reader.get("/v1/segments", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["status"] == "401"


def test_the_track_api_s_key_is_not_the_app_api_s(app: App) -> None:
    assert app.api.client.get("/v1/segments").status_code == 401
    assert app.reader.get("/api/v1/accounts/region").status_code == 401


def test_the_older_prefix_is_answered_too(app: App) -> None:
    app.api.take(identify())

    assert app.get("/v1/api/customers/1/attributes") == app.get("/v1/customers/1/attributes")


def test_reading_is_not_in_the_log_of_requests(app: App) -> None:
    app.get("/v1/segments")

    assert app.get("/v1/activities") == {"activities": [], "next": ""}


def test_over_ten_requests_a_second_are_refused() -> None:
    with (
        embedded(Sandbox(None)) as address,
        httpx.Client(base_url=address, headers=KEY) as reader,
    ):
        answers = [reader.get("/v1/segments") for _ in range(100)]
        refused = next(answer for answer in answers if answer.status_code == 429)

        assert [answer.status_code for answer in answers[:10]] == [200] * 10
        assert refused.json()["errors"][0]["status"] == "429"
        assert reader.get("/api/v1/accounts/region", auth=CREDENTIALS).status_code == 200
