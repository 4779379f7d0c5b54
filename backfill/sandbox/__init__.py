"""A local Track API with a workspace behind it: refuses and keeps what the API would."""

from backfill.sandbox.lock import locked
from backfill.sandbox.server import Door, embedded, serve
from backfill.sandbox.settings import Behaviour, Sandbox
from backfill.sandbox.workspace.contents import Contents, Found, contents
from backfill.sandbox.workspace.reading import (
    activities,
    delivery_events,
    events_of,
    person,
    requests,
    summary,
    thing,
)

__all__ = [
    "Behaviour",
    "Contents",
    "Door",
    "Found",
    "Sandbox",
    "activities",
    "contents",
    "delivery_events",
    "embedded",
    "events_of",
    "locked",
    "person",
    "requests",
    "serve",
    "summary",
    "thing",
]
