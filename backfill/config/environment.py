"""What the environment adds to a config: the credentials, and where they are sent.

A credential is in a variable, or in a file that the variable of that name and `_FILE` names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from backfill import trackapi
from backfill.config import credential_files
from backfill.config.job import Job
from backfill.errors import UsageError
from backfill.loopback import is_loopback

SITE_ID = "CUSTOMERIO_SITE_ID"
API_KEY = "CUSTOMERIO_API_KEY"
APP_API_KEY = "CUSTOMERIO_APP_API_KEY"
TRACK_URL = "CUSTOMERIO_TRACK_URL"

#: Asked where the workspace is when the config does not say: it answers for either.  [spec]
_ASKED_FIRST = trackapi.HOSTS["us"]

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The site id and API key of a workspace; neither shows when printed."""

    site_id: str = field(repr=False)
    api_key: str = field(repr=False)


def credentials(environ: Mapping[str, str], job: Job) -> Credentials:
    """The credentials of the job's destination.

    Raises UsageError: one is not set (a sandbox has defaults), or cannot be one.
    """
    return sandbox_credentials(environ) if job.sandbox else _credentials(environ, default="")


def sandbox_credentials(environ: Mapping[str, str]) -> Credentials:
    """The credentials a sandbox takes: `sandbox` for each that is not set.

    Raises UsageError: one that is set cannot be a credential.
    """
    return _credentials(environ, default="sandbox")


def sandbox_app_api_key(environ: Mapping[str, str]) -> str:
    """The key a sandbox's App API takes: `sandbox` if it is not set.

    Raises UsageError: it cannot be a credential.
    """
    return _credential(environ, APP_API_KEY, default="sandbox")


def app_api_key(environ: Mapping[str, str], job: Job) -> str | None:
    """The App API key of the job's destination; None: it is not set (a sandbox has a default).

    Raises UsageError: it cannot be a credential.
    """
    if job.sandbox:
        return sandbox_app_api_key(environ)
    found, _ = credential_files.read(environ, APP_API_KEY)
    return _credential(environ, APP_API_KEY, default="") if found else None


def exposed_files(environ: Mapping[str, str]) -> list[str]:
    """A warning for each file with a credential that others than its owner may read."""
    return list(credential_files.exposed(environ, (SITE_ID, API_KEY, APP_API_KEY)))


def address(job: Job, environ: Mapping[str, str]) -> str | None:
    """The base address of the Track API, without a trailing slash.

    None for a sandbox, whose address is known once it runs. Of `region: auto` the US address,
    which tells where the workspace is. CUSTOMERIO_TRACK_URL replaces a region's address, never a
    sandbox: what was written for a sandbox goes to no workspace.
    Raises UsageError: CUSTOMERIO_TRACK_URL is no address to send people's data to.
    """
    if job.sandbox:
        return None
    given = environ.get(TRACK_URL, "").strip()
    return (
        _checked(given) if given else trackapi.HOSTS.get(job.destination.region or "", _ASKED_FIRST)
    )


def identity(base: str | Path, site_id: str) -> str:
    """Names a destination: two runs with the same one write to the same place.

    base: the address of the Track API in use, or the state file of an embedded sandbox.
    The site id is in it as a digest only, for this is written to the checkpoint.
    """
    if isinstance(base, Path):
        return f"sandbox {base.resolve()}"
    parts = urlsplit(base)
    digest = hashlib.blake2b(site_id.encode(), digest_size=6).hexdigest()
    return f"{parts.scheme}://{_host(parts)}:{parts.port or _PORTS[parts.scheme]} site {digest}"


def _credentials(environ: Mapping[str, str], default: str) -> Credentials:
    site_id, api_key = (_credential(environ, name, default) for name in (SITE_ID, API_KEY))
    if ":" in site_id:  # Basic authentication splits there.  [RFC 7617]
        raise UsageError("a site id holds no colon", SITE_ID, "copy it from the workspace again")
    return Credentials(site_id, api_key)


def _credential(environ: Mapping[str, str], name: str, default: str) -> str:
    found, where = credential_files.read(environ, name)
    value = found or default
    if not value:
        fix = (
            f"export {name}=…, from Settings > API credentials > Track API of the workspace, or"
            f" {name}{credential_files.SUFFIX}=…, a file that holds it"
        )
        raise UsageError("a credential is not set", name, fix)
    if not value.isascii() or not value.isprintable() or " " in value:
        what = "a credential holds characters that none has"
        raise UsageError(what, where, "copy it from the workspace again")
    return value


def _checked(url: str) -> str:
    fix = "write https://HOST or https://HOST:PORT"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text quotes the address, which may hold a password
        raise UsageError("not an address", TRACK_URL, fix) from None
    host = parts.hostname or ""
    is_whole = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in _PORTS or not host or not is_whole:
        raise UsageError("not an http or https address", TRACK_URL, fix)
    if "@" in parts.netloc:
        fix = f"set {SITE_ID} and {API_KEY} instead"
        raise UsageError("the address holds a user name or a password", TRACK_URL, fix)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError("more than scheme, host and port", TRACK_URL, fix)
    if parts.scheme == "http" and not is_loopback(host):
        what = "plain http would show people's data and the key to the network"
        raise UsageError(what, TRACK_URL, "write https://…; http is for 127.0.0.1 and localhost")
    return f"{parts.scheme}://{_host(parts)}" + (f":{port}" if port else "")


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host
