"""A sandbox over https, as the published clients insist on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from backfill.sandbox import Sandbox, embedded
from backfill.sandbox.door import certificate


class Secure(NamedTuple):
    """A running sandbox: its file, and the port of its https."""

    state: Path
    port: int


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secure]:
    """In an environment whose clients trust it, each in its own way."""
    state = tmp_path / "workspace.db"
    with embedded(Sandbox(state), tls=True) as address:
        authority = str(certificate.authority(state))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
        monkeypatch.setenv("SSL_CERT_FILE", authority)
        yield Secure(state, int(address.rpartition(":")[2]))
