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
from collections.abc import AsyncIterator, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import cast

import httpx

from backfill import route, trackapi
from backfill.batches import Body
from backfill.connection import REPLY_BYTES_MAX, Lane
from backfill.errors import UsageError
from backfill.loopback import is_loopback
from backfill.verdict import Reply

#: Longest exchange altogether, in seconds: a reply that trickles is never silent. 64 bodies of
#: 500 KB at once are through a line of 1 Mbit/s in 256 s.
EXCHANGE_S_MAX = 300.0

#: Redirects that keep method and body here, and how many are followed in a row; the vendor's Node
#: client follows the same ones.  [observed: customerio-node 5.2.0]
REDIRECTS = (301, 302, 307, 308)
REDIRECTS_MAX = 5

# httpx's own transport writes a body in one go: how slowly, it cannot tell.
_TIMEOUTS = httpx.Timeout(route.SILENCE_S_MAX, connect=route.CONNECT_S_MAX, write=EXCHANGE_S_MAX)
_EXTENSIONS = {"timeout": _TIMEOUTS.as_dict()}


class HttpTransport:
    """Sends batches to one workspace of the Track API.

    CPU of a request of 500 KB at 32 connections: 0.4 ms over our own lanes, 0.8 over httpx's
    transports of one connection each, 4.0 with a client over httpx's pool; of 20 bytes: 0.1, 0.6
    and 3.5 ms (two cores, loopback).
    """

    def __init__(self, address: str, site_id: str, api_key: str) -> None:
        """Open nothing yet.

        address: scheme, host and port, as "https://track.customer.io".
        Raises UsageError for an address that is none, plain http to another machine, a proxy that
        is none, or certificates to trust that cannot be read.
        """
        self._headers = _headers(site_id, api_key)
        del site_id, api_key  # a traceback of what follows may print this frame's variables
        self._aim(_base(address))
        self._new_lane = _lanes(self._base)
        self._lanes = [self._new_lane()]
        self._free = list(self._lanes)

    @property
    def address(self) -> str:
        """Where it sends to: scheme, host and port."""
        return str(self._base).rstrip("/")

    async def post(self, body: Body) -> Reply:
        """Send one batch.

        Returns status 0 where no answer came, whether the request was processed or not. Raises
        DeliveryError for a certificate that does not hold and for a proxy that refuses.
        """
        return await self._ask("POST", self._batches, body)

    async def region(self) -> Reply:
        """Ask where the workspace is; also the cheapest check of the key. Fails as `post`."""
        return await self._ask("GET", self._region, ())

    async def aclose(self) -> None:
        """Close every connection."""
        for lane in self._lanes:
            await lane.aclose()

    def _free_lane(self) -> httpx.AsyncBaseTransport:
        """The one used last, whose connection is the likeliest to stand; or a new one."""
        if not self._free:
            self._lanes.append(self._new_lane())
            return self._lanes[-1]
        return self._free.pop()

    def _aim(self, base: httpx.URL) -> None:
        self._base = base
        self._batches = base.copy_with(path=trackapi.BATCH_PATH)
        self._region = base.copy_with(path=trackapi.REGION_PATH)

    async def _ask(self, method: str, first_url: httpx.URL, body: Body) -> Reply:
        url = first_url
        lane = self._free_lane()
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
            return Reply(0, failure=route.failure(error, self._base))
        finally:
            self._free.append(lane)

    async def _exchange(
        self, lane: httpx.AsyncBaseTransport, method: str, url: httpx.URL, body: Body
    ) -> tuple[Reply, str | None]:
        """One request and what came back, with where it leads."""
        headers = self._headers.copy()
        headers["Content-Length"] = str(sum(map(len, body)))
        request = httpx.Request(
            method, url, headers=headers, content=_Pieces(body), extensions=_EXTENSIONS
        )
        response = await lane.handle_async_request(request)
        try:
            content = await _beginning(response)
        finally:
            await response.aclose()
        headers = response.headers
        reply = Reply(response.status_code, content, headers.get("retry-after"))
        return reply, headers.get("location")


class _Pieces(httpx.AsyncByteStream):
    """A body that is sent from where it lies."""

    def __init__(self, pieces: Body) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield cast("bytes", piece)  # or a view of them, which the transports write as well


def _headers(site_id: str, api_key: str) -> httpx.Headers:
    """The headers of every request; printed, they show no Authorization."""
    return httpx.Headers(
        {
            "Authorization": f"Basic {base64.b64encode(f'{site_id}:{api_key}'.encode()).decode()}",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": _user_agent(),
        }
    )


def _lanes(url: httpx.URL) -> Callable[[], httpx.AsyncBaseTransport]:
    """What makes a way of one connection to the address."""
    if url.scheme == "http":  # this machine: no proxy leads there, and nothing is to be trusted
        return lambda: Lane(None)
    trust, proxy = route.trust(), route.proxy(url)
    if proxy is None:
        return lambda: Lane(trust)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)

    def through() -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=trust, limits=limits, proxy=proxy)

    try:
        through()
    except (httpx.InvalidURL, ValueError, ImportError) as error:  # the last for socks://
        raise UsageError(
            "the proxy cannot be used",
            route.PROXIES,
            "write it as http://host:port, or let NO_PROXY name the API's host",
        ) from error
    return through


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
