from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from backfill.sandbox import Sandbox, embedded

CREDENTIALS = ("sandbox", "sandbox")


@dataclass
class Api:
    """A running sandbox, its file, and a client of it."""

    state: Path
    client: httpx.Client

    def batch(self, *operations: Any) -> httpx.Response:
        return self.client.post("/api/v2/batch", json={"batch": operations})

    def take(self, *operations: dict[str, Any]) -> None:
        """One request each, so that they are applied in this order."""
        for operation in operations:
            answer = self.client.post("/api/v2/entity", json=operation)
            assert answer.status_code == 200, answer.text


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    state = tmp_path / "workspace.db"
    with (
        embedded(state) as address,
        httpx.Client(base_url=address, auth=CREDENTIALS) as client,
    ):
        yield Api(state, client)


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """For tests that leave nothing behind that another could trip over."""
    state = tmp_path_factory.mktemp("sandbox") / "workspace.db"
    with (
        embedded(state) as address,
        httpx.Client(base_url=address, auth=CREDENTIALS) as client,
    ):
        yield Api(state, client)


@dataclass
class App:
    """A running sandbox with a client of each of its APIs; `reader` is the App API's."""

    api: Api
    reader: httpx.Client

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of an answer that must be 200."""
        answer = self.reader.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, **query: Any) -> Any:
        answer = self.reader.post(path, json=body, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with _reading_back(tmp_path / "workspace.db") as running:
        yield running


@pytest.fixture(scope="module")
def shared_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """As `shared_api`."""
    with _reading_back(tmp_path_factory.mktemp("sandbox") / "workspace.db") as running:
        yield running


@contextmanager
def _reading_back(state: Path) -> Iterator[App]:
    key = {"authorization": "Bearer sandbox"}
    with (
        embedded(Sandbox(state, app_requests_per_s=None)) as address,
        httpx.Client(base_url=address, auth=CREDENTIALS) as client,
        httpx.Client(base_url=address, headers=key) as reader,
    ):
        yield App(Api(state, client), reader)
