"""The workspace a run writes to: asked who it is before anything is sent."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from backfill import pacing, trackapi
from backfill.config import Credentials, Job, identity
from backfill.errors import BackfillError, DeliveryError, UsageError
from backfill.loopback import is_loopback
from backfill.pipeline.outage import Outage
from backfill.remarks import Says
from backfill.transport import HttpTransport
from backfill.verdict import Fatal, Reply, Retry, bounded, described, judge


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

    def transport(self) -> HttpTransport:
        """The way there."""
        site_id, api_key = self.credentials.site_id, self.credentials.api_key
        return HttpTransport(self.address, site_id, api_key)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an API out of reach is asked again, from its first failure; and who is told so."""

    give_up_after_s: float
    says: Says


#: Of who looks whether it works and is there to try again: three or four attempts.
BRIEF = Patience(2.0, lambda *_: None)


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


async def confirmed(job: Job, place: Place, patience: Patience = BRIEF) -> Confirmed:
    """Ask the API where the workspace is and whether it takes the key.

    Raises DeliveryError for a wrong key, another server than the API, or an API that stays out of
    reach; UsageError for the wrong region.
    """
    transport = place.transport()
    try:
        reply = await _asked(transport, patience)
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


async def _asked(transport: HttpTransport, patience: Patience) -> Reply:
    """The first answer that is one, or what came last: asked again after growing pauses."""
    clock_s = asyncio.get_running_loop().time
    attempts = pacing.Attempts(patience.give_up_after_s)
    outage = Outage(transport.address, patience.give_up_after_s, quiet_s=0.0)
    while True:
        reply = await transport.region()
        verdict = judge(reply, 1, time.time())
        if not isinstance(verdict, Retry) or _knows_no_region(reply):
            return reply
        now_s = clock_s()
        wait_s = attempts.wait_s(now_s, verdict.after_s, random.random())  # noqa: S311
        if wait_s is None:
            return reply
        if said := outage.failed(now_s, verdict.what):
            patience.says(*said)
        await asyncio.sleep(wait_s)


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
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            what = f"the answer ({described(reply.body)}) names no region"
            fix = "check the address and any proxy: something else than the Track API answers there"
            raise DeliveryError(what, where, fix) from error
    raise _problem(reply, where)


def _problem(reply: Reply, where: str) -> BackfillError:
    match judge(reply, 1, 0.0):
        case Fatal(what, fix):
            return DeliveryError(what, where, fix)
        case Retry(what):
            fix = (
                "check the network, a proxy (HTTPS_PROXY) and the API's status page, then run the"
                " same command again"
            )
            return DeliveryError(f"the API cannot be reached: {what}", where, fix)
    return DeliveryError(
        f"the API answers {reply.status} to who it is", where, "check the address of the Track API"
    )
