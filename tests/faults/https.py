"""A host of the outside world on this machine: a name nobody resolves, and its certificate."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import trustme

#: Never resolves, so that nothing of a test leaves this machine.  [RFC 6761, 6.4]
HOST = "track.backfill.invalid"

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def tls(
    authority: trustme.CA, name: str = HOST, not_after: datetime | None = None
) -> ssl.SSLContext:
    """What a server of this name shows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name, not_before=LONG_AGO, not_after=not_after).configure_cert(context)
    return context


def trusted(authority: trustme.CA, folder: Path) -> str:
    """The file that clients are to trust."""
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def outside(address: str, authority: str, proxy: str = "") -> dict[str, str]:
    """The environment of a run to an address that is not this machine's."""
    return {
        "CUSTOMERIO_TRACK_URL": address,
        "SSL_CERT_FILE": authority,
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": "",
        "no_proxy": "",
    }
