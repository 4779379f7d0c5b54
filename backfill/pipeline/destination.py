"""The workspace a run writes to: asked who it is before anything is sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from backfill import trackapi
from backfill.config import Credentials, Job, identity
from backfill.errors import BackfillError, DeliveryError, UsageError
from backfill.loopback import is_loopback
from backfill.transport import HttpTransport
from backfill.verdict import Fatal, Reply, Retry, bounded, judge

#: How often the region is asked for before the API counts as out of reach, and the wait between.
_ASKED_MAX, _ASK_AGAIN_S = 3, 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job goes.

    address:  base address of the Track API.
    identity: what the checkpoint knows it by.
    """

    address: str
    identity: str
    credentials: Credentials

    @property
    def is_rehearsal(self) -> bool:
        """Whether it is this machine, where no real person can be reached."""
        return is_loopback(urlsplit(self.address).hostname or "")

    def transport(self, connections: int) -> HttpTransport:
        """The way there."""
        site_id, api_key = self.credentials.site_id, self.credentials.api_key
        return HttpTransport(self.address, site_id, api_key, connections)


class _Region(msgspec.Struct):
    """The answer to GET /api/v1/accounts/region, as far as it is used.  [spec]"""

    region: str
    url: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A place that took the key.

    place:  with the workspace's own address for `region: auto`.
    region: "us" or "eu" as the API said; None where something else than the API stands on this
            machine, such as a server that only counts.
    """

    place: Place
    region: str | None


async def confirmed(job: Job, place: Place) -> Confirmed:
    """Ask the API where the workspace is and whether it takes the key.

    Raises DeliveryError
    for a wrong key or an API out of reach, UsageError for the wrong region.
    """
    transport = place.transport(connections=1)
    try:
        reply = await _asked(transport)
    finally:
        await transport.aclose()
    if place.is_rehearsal and _knows_no_region(reply):
        return Confirmed(place, None)
    found = _region(reply, place)
    wanted = job.destination.region
    if wanted == "auto" and place.address == trackapi.HOSTS["us"]:
        address = trackapi.HOSTS.get(found.region, place.address)
        named = identity(address, place.credentials.site_id)
        return Confirmed(Place(address, named, place.credentials), found.region)
    if wanted in trackapi.HOSTS and found.region != wanted:
        raise UsageError(
            f"the workspace is in region {bounded(found.region)}, the config says {wanted}",
            f"{job.path}, destination.region",
            "correct the region, or use the credentials of the workspace that is meant; a sandbox"
            " takes --region",
        )
    return Confirmed(place, found.region)


async def _asked(transport: HttpTransport) -> Reply:
    for attempt in range(_ASKED_MAX):
        reply = await transport.region()
        if not isinstance(judge(reply, 1, 0.0), Retry) or _knows_no_region(reply):
            break
        if attempt < _ASKED_MAX - 1:
            await asyncio.sleep(_ASK_AGAIN_S)
    return reply


def _knows_no_region(reply: Reply) -> bool:
    """Whether something answers that has no region: a server that only counts, a proxy."""
    if reply.status != 200:
        return reply.status in (404, 405, 501)
    return not reply.body.strip() or reply.body.strip() == b"{}"


def _region(reply: Reply, place: Place) -> _Region:
    where = place.address
    if reply.status == 200:
        try:
            return msgspec.json.decode(reply.body, type=_Region)
        except msgspec.DecodeError as error:
            fix = "check the address: something else than the Track API answers there"
            raise DeliveryError("the answer names no region", where, fix) from error
    raise _problem(reply, where)


def _problem(reply: Reply, where: str) -> BackfillError:
    match judge(reply, 1, 0.0):
        case Fatal(what, fix):
            return DeliveryError(what, where, fix)
        case Retry(what):
            fix = "check the network, a proxy (HTTPS_PROXY) and the API's status page"
            return DeliveryError(f"the API cannot be reached: {what}", where, fix)
    return DeliveryError(
        f"the API answers {reply.status} to who it is", where, "check the address of the Track API"
    )
