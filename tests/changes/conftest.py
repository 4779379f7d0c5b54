"""Nights, for every test of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.command import environ

from .nights import Nights, beginning


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nights]:
    """A job's folder and its workspace, in this process's environment as well."""
    with beginning(tmp_path) as found:
        for name, value in environ(found.server.address).items():
            monkeypatch.setenv(name, value)
        yield found
