"""The App API, as far as it is read: profiles of people.

Facts: 10 requests a second, over it 429; up to 100 people a call, who is not known is left out of
the answer; every value of an attribute is text; members may be added without notice.  [app api]
Rules: the key goes to the vendor's host of the region, or to this machine; no redirect is followed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx
import msgspec

from backfill import pacing, route
from backfill.errors import DeliveryError, UsageError
from backfill.trackapi import PersonKind
from backfill.verdict import described, retry_after_s

#: Region to base address.  [app api: servers]
HOSTS: Final = {"us": "https://api.customer.io", "eu": "https://api-eu.customer.io"}

#: People of one call.  [app api: POST /v1/customers/attributes]
IDS_MAX: Final = 100

#: Seconds between the starts of two requests: 10 a second are allowed, and a tenth is the margin.
_APART_S = 0.11

_PATH = "/v1/customers/attributes"


class Profile(msgspec.Struct):
    """A person. id: the identifier that was asked for; attributes: name to text, or null."""

    id: str
    attributes: dict[str, str | None] = {}


class _Entry(msgspec.Struct):
    customer: Profile


class _Answer(msgspec.Struct):
    customers: list[_Entry]


_ANSWER = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the App API of a workspace is, and what opens it; the key does not show when printed.

    give_up_after_s: how long it may be out of reach.
    """

    address: str
    key: str = field(repr=False)
    give_up_after_s: float


def folded(kind: PersonKind, value: str) -> str:
    """An identifier as they are compared: emails without case, others exactly.  [spec]"""
    return value.lower() if kind == "email" else value


class AppApi:
    """Asks one workspace, one request after the other."""

    def __init__(self, access: Access) -> None:
        """Open nothing yet. Raises UsageError for a proxy or certificates that cannot be used."""
        self._access = access
        self._client = _client(access)
        self._next_s = 0.0

    def profiles(self, kind: PersonKind, values: Sequence[str]) -> Mapping[str, Profile]:
        """The people of some identifiers, by what `folded` makes of each; less who is unknown.

        values: at most IDS_MAX. Raises DeliveryError where the API does not take the key, does not
        answer as it should, or stays out of reach.
        """
        response = self._asked({"id_type": kind}, {"ids": list(values)})
        try:
            found = _ANSWER.decode(response.content).customers
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            what = f"the answer ({described(response.content)}) holds no people"
            raise self._error(what, _IS_THIS_IT) from error
        people = (entry.customer for entry in found)
        return {folded(kind, each.attributes.get(kind) or each.id): each for each in people}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _asked(self, query: Mapping[str, str], body: object) -> httpx.Response:
        """The answer of status 200, asked for again as long as it may come."""
        attempts = pacing.Attempts(self._access.give_up_after_s)
        while True:
            time.sleep(max(0.0, self._next_s - time.monotonic()))
            self._next_s = time.monotonic() + _APART_S
            after_s = 0.0
            try:
                response = self._client.post(_PATH, params=query, json=body)
            except httpx.TransportError as error:
                what = route.failure(error, self._client.base_url)
            else:
                if response.status_code == 200:
                    return response
                what = self._passing(response.status_code)
                after_s = retry_after_s(response.headers.get("retry-after"), time.time())
            wait_s = attempts.wait_s(time.monotonic(), after_s, random.random())  # noqa: S311
            if wait_s is None:
                raise self._error(f"the App API cannot be reached: {what}", _LATER)
            time.sleep(wait_s)

    def _passing(self, status: int) -> str:
        """What to say of an answer that may be another later; raises for one that stays."""
        if status in (408, 429) or status >= 500:
            return f"it answered {status}"
        if status in (401, 403):
            fix = "check CUSTOMERIO_APP_API_KEY: an App API key of this workspace, and its scope"
            raise self._error(f"the App API does not accept this key ({status})", fix)
        raise self._error(f"the App API answered {status}", _IS_THIS_IT)

    def _error(self, what: str, fix: str) -> DeliveryError:
        return DeliveryError(what, self._access.address, fix)


def _client(access: Access) -> httpx.Client:
    url = httpx.URL(access.address)
    is_plain = url.scheme == "http"  # this machine: nothing is to be trusted
    try:
        return httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {access.key}"},
            verify=False if is_plain else route.trust(),
            proxy=route.proxy(url),
            timeout=httpx.Timeout(route.SILENCE_S_MAX, connect=route.CONNECT_S_MAX),
            trust_env=False,
        )
    except (httpx.InvalidURL, ValueError, ImportError) as error:  # the last for socks://
        fix = "write it as http://host:port, or let NO_PROXY name the App API's host"
        raise UsageError("the proxy cannot be used", route.PROXIES, fix) from error


_IS_THIS_IT = "check the region, and that no proxy answers in the place of the App API"
_LATER = "check the network and the API's status page, then run the same command again"
