"""The way to the API: one HTTP exchange at a time in, a reply out.

Facts. httpx's pool looks at every connection for every request: 14 ms of CPU a request at 100
connections. A reply may come from a proxy, may never end, and may lead elsewhere. Rules. The
credentials and people's data go to the configured address alone, by https or to this machine;
a redirect is followed only from https under customer.io to the same. Plan. Every request takes
a free lane, an httpx transport of one connection: our own, or httpx's where there is a proxy.
Whatever goes wrong on the way is a reply of status 0, for every operation may be sent again; what
trying again cannot mend is raised.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import urllib.request
from importlib.metadata import PackageNotFoundError, version

import httpx

from backfill import trackapi
from backfill.connection import REPLY_BYTES_MAX, Lane
from backfill.errors import DeliveryError, UsageError
from backfill.loopback import is_loopback
from backfill.verdict import Reply

#: Longest silences, in seconds: until a connection stands, and while sending or waiting for an
#: answer. The vendor's own clients give up after 10 s, on single operations; a batch is 500 KB.
CONNECT_S_MAX = 10.0
SILENCE_S_MAX = 60.0

#: Longest exchange altogether, in seconds: a reply that trickles is never silent.
EXCHANGE_S_MAX = 120.0

#: Redirects that keep method and body here, and how many are followed in a row; the vendor's Node
#: client follows the same ones.  [observed: customerio-node 5.2.0]
REDIRECTS = (301, 302, 307, 308)
REDIRECTS_MAX = 5

_EXTENSIONS = {"timeout": httpx.Timeout(SILENCE_S_MAX, connect=CONNECT_S_MAX).as_dict()}

#: What to say of a broken exchange; the first that fits.
_FAILURES: tuple[tuple[type[httpx.TransportError], str], ...] = (
    (httpx.ConnectTimeout, f"no connection within {CONNECT_S_MAX:g} s"),
    (httpx.TimeoutException, f"silence for {SILENCE_S_MAX:g} s"),
    (httpx.ProxyError, "the proxy does not let the request through"),
    (httpx.ConnectError, "the connection cannot be made"),
    (httpx.NetworkError, "the connection broke"),
    (httpx.RemoteProtocolError, "the connection broke, or the answer is not HTTP"),
)


class HttpTransport:
    """Sends batches to one workspace of the Track API.

    CPU of a request of 500 KB at 32 connections: 0.4 ms over our own lanes, 0.8 over httpx's
    transports of one connection each, 4.0 with a client over httpx's pool; of 20 bytes: 0.1, 0.6
    and 3.5 ms (two cores, loopback).
    """

    def __init__(self, address: str, site_id: str, api_key: str, connections: int) -> None:
        """Open nothing yet.

        address:     scheme, host and port, as "https://track.customer.io".
        connections: how many requests may be in flight at once.
        Raises UsageError for an address that is none, or plain http to another machine.
        """
        self._aim(_base(address))
        pair = base64.b64encode(f"{site_id}:{api_key}".encode()).decode()
        self._headers = httpx.Headers(  # which shows no Authorization when it is printed
            {
                "Authorization": f"Basic {pair}",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": _user_agent(),
            }
        )
        self._lanes = _lanes(self._base, connections)
        self._free = list(self._lanes)

    @property
    def address(self) -> str:
        """Where it sends to: scheme, host and port."""
        return str(self._base).rstrip("/")

    async def post(self, body: bytes) -> Reply:
        """Send one batch.

        Returns status 0 where no answer came, whether the request was processed or not. Raises
        DeliveryError for a certificate that does not hold.
        """
        return await self._ask("POST", self._batches, body)

    async def region(self) -> Reply:
        """Ask where the workspace is; also the cheapest check of the key. Fails as `post`."""
        return await self._ask("GET", self._region, b"")

    async def aclose(self) -> None:
        """Close every connection."""
        for lane in self._lanes:
            await lane.aclose()

    def _aim(self, base: httpx.URL) -> None:
        self._base = base
        self._batches = base.copy_with(path=trackapi.BATCH_PATH)
        self._region = base.copy_with(path=trackapi.REGION_PATH)

    async def _ask(self, method: str, first_url: httpx.URL, body: bytes) -> Reply:
        url = first_url
        lane = self._free.pop()  # the one used last: its connection is the likeliest to stand
        try:
            async with asyncio.timeout(EXCHANGE_S_MAX):
                for _ in range(REDIRECTS_MAX + 1):
                    reply, location = await self._exchange(lane, method, url, body)
                    target = redirected(url, reply.status, location)
                    if target is None:
                        break
                    url = target
            if url != first_url and url.path == first_url.path:
                self._aim(url.copy_with(raw_path=b"/"))  # what follows goes there without a detour
            return reply
        except TimeoutError:
            return Reply(0, failure=f"no whole answer within {EXCHANGE_S_MAX:g} s")
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
            raise  # our own mistake
        except httpx.TransportError as error:
            return Reply(0, failure=self._failure(error))
        finally:
            self._free.append(lane)

    async def _exchange(
        self, lane: httpx.AsyncBaseTransport, method: str, url: httpx.URL, body: bytes
    ) -> tuple[Reply, str | None]:
        """One request and what came back, with where it leads."""
        request = httpx.Request(
            method, url, headers=self._headers, content=body, extensions=_EXTENSIONS
        )
        response = await lane.handle_async_request(request)
        try:
            content = await _beginning(response)
        finally:
            await response.aclose()
        headers = response.headers
        reply = Reply(response.status_code, content, headers.get("retry-after"))
        return reply, headers.get("location")

    def _failure(self, error: httpx.TransportError) -> str:
        causes = _causes(error)
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            raise DeliveryError(
                "the server's certificate does not hold",
                self.address,
                "check the address and this machine's clock; behind a proxy that opens TLS, let "
                "SSL_CERT_FILE name its certificate authority",
            ) from error
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return f"the host name {self._base.host} cannot be resolved"
        return next((text for kind, text in _FAILURES if isinstance(error, kind)), "it broke")


def _lanes(url: httpx.URL, connections: int) -> list[httpx.AsyncBaseTransport]:
    trust = httpx.create_ssl_context()
    proxy = _proxy(url)
    if proxy is None:
        return [Lane(trust) for _ in range(connections)]
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    try:
        return [
            httpx.AsyncHTTPTransport(verify=trust, limits=limits, proxy=proxy)
            for _ in range(connections)
        ]
    except (httpx.InvalidURL, ValueError, ImportError) as error:  # the last for socks://
        raise UsageError(
            "the proxy cannot be used",
            "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY in the environment",
            "write it as http://host:port, or let NO_PROXY name the API's host",
        ) from error


async def _beginning(response: httpx.Response) -> bytes:
    """The body as received, up to the bound; what is beyond it stays unread."""
    content = b""
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > REPLY_BYTES_MAX:
            break
    return content[:REPLY_BYTES_MAX]


def redirected(url: httpx.URL, status: int, location: str | None) -> httpx.URL | None:
    """Where a reply leads, if it may be followed; None if it leads nowhere or must not.

    Only from https under customer.io to the same: nothing leaves the vendor's hosts, and what was
    aimed at a local sandbox never reaches real people.
    """
    if status not in REDIRECTS or not location:
        return None
    try:
        target = url.join(location)
    except (httpx.InvalidURL, ValueError):
        return None
    return target if _is_vendor(url) and _is_vendor(target) else None


def _is_vendor(url: httpx.URL) -> bool:
    below = f".{trackapi.VENDOR_DOMAIN}"
    return url.scheme == "https" and url.host.endswith(below) and not url.userinfo


def _user_agent() -> str:
    try:
        return f"backfill/{version('backfill')}"
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "backfill"


def _base(address: str) -> httpx.URL:
    """The address as a URL; raises UsageError, which never repeats credentials within it."""
    where = "destination (region, or CUSTOMERIO_TRACK_URL)"
    fix = "write it as https://track.customer.io, or http://127.0.0.1:8080 for a sandbox"
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, TypeError) as error:
        raise UsageError("the address is not a URL", where, fix) from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise UsageError("the address is not https://host", where, fix)
    if url.path not in ("", "/") or url.query or url.fragment:
        raise UsageError("the address holds more than scheme, host and port", where, fix)
    if url.scheme == "http" and not is_loopback(url.host):
        raise UsageError(
            "plain http would show the key and people's data to the network", where, fix
        )
    return url


def _proxy(url: httpx.URL) -> str | None:
    """The environment's proxy for this address; none for this machine."""
    if is_loopback(url.host) or urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what led to it."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found
