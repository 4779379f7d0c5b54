"""A store for a test."""

from collections.abc import Iterator

import pytest

from .store import Store, here, storing


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty bucket, which the environment leads to."""
    with storing() as store:
        here(monkeypatch, store.address)
        yield store
