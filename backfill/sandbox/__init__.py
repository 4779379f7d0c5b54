"""A local Track API with a workspace behind it: refuses and keeps what the API would."""

from backfill.sandbox.reading import (
    activities,
    delivery_events,
    events_of,
    person,
    requests,
    summary,
    thing,
)
from backfill.sandbox.server import application, embedded, serve
from backfill.sandbox.state import Sandbox

__all__ = [
    "Sandbox",
    "activities",
    "application",
    "delivery_events",
    "embedded",
    "events_of",
    "person",
    "requests",
    "serve",
    "summary",
    "thing",
]
