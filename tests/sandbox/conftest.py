from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from backfill.sandbox import embedded

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
