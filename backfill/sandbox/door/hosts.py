"""Where the sandbox listens, and the names it may be called by."""

from __future__ import annotations

import socket
from typing import Final
from urllib.parse import urlsplit

from backfill import trackapi
from backfill.errors import UsageError
from backfill.loopback import is_loopback
from backfill.sandbox.settings import DEFAULT_CREDENTIAL, Sandbox

#: Where it listens unless told otherwise: nobody but this machine reaches it.
LOOPBACK: Final = "127.0.0.1"

#: Addresses to listen on that stand for all of a machine, and what to call instead.
_EVERYWHERE: Final = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - guarded by `check`

#: What each credential is set with.
VARIABLES: Final = {
    "site_id": "CUSTOMERIO_SITE_ID",
    "api_key": "CUSTOMERIO_API_KEY",
    "app_api_key": "CUSTOMERIO_APP_API_KEY",
}


def names(host: str) -> tuple[str, ...]:
    """What clients may call a sandbox that listens on `host`, without ports.

    The vendor's hosts are among them for clients whose host is fixed and that are led here by a
    hosts file or a resolver; no stranger can make them lead here.
    """
    vendors = (urlsplit(url).hostname or "" for url in trackapi.HOSTS.values())
    known = ("localhost", "127.0.0.1", "::1", *vendors)
    own = socket.gethostname() if host in _EVERYWHERE else host
    return tuple(dict.fromkeys((*known, own)))


def check(sandbox: Sandbox, host: str) -> None:
    """Let a sandbox listen beyond this machine only with credentials of its own.

    Raises UsageError naming the environment variables to set.
    """
    if is_loopback(host):
        return
    unset = [
        variable
        for name, variable in VARIABLES.items()
        if getattr(sandbox, name) == DEFAULT_CREDENTIAL
    ]
    if unset:
        what = "other machines reach this address, and the sandbox has default credentials"
        fix = f"set {', '.join(unset)}, to anything but `{DEFAULT_CREDENTIAL}`"
        raise UsageError(what, f"--host {host}", fix)


def listening(host: str, port: int) -> socket.socket:
    """Listen on `host`; port: 0 for any that is free. Raises UsageError if it cannot be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, place = found[0]
        listener = socket.create_server((place[0], port), family=family)
    except (OSError, UnicodeError) as error:
        problem = f"the sandbox cannot listen: {getattr(error, 'strerror', 'not a host')}"
        fix = "give another port, 0 for any that is free, or another host"
        raise UsageError(problem, f"{host}:{port}", fix) from error
    # Inherited by its connections, for which asyncio does not set it: else 40 ms an answer.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address(scheme: str, host: str, listener: socket.socket) -> str:
    """The base address of a listener, one that can be called."""
    called = _EVERYWHERE.get(host, host)
    bracketed = f"[{called}]" if ":" in called else called
    return f"{scheme}://{bracketed}:{listener.getsockname()[1]}"
