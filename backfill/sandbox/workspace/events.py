"""What happens to people and visitors: events, pages, screens, forms, devices, deliveries."""

from __future__ import annotations

from backfill.sandbox.workspace import people, visitors
from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.wire import DeviceOf, Event, Named, sole, stored

_INSERT_EVENT = (
    "INSERT OR IGNORE INTO events"
    " (person, anonymous_id, kind, name, id, timestamp, received, attributes)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def event(work: Work, told: Event) -> None:
    """Keep an event; one whose id was seen before is dropped.  [spec: dedupe_id]"""
    _keep(work, told, "event")


def page(work: Work, told: Event) -> None:
    """Keep a page view, as an event."""
    _keep(work, told, "page")


def screen(work: Work, told: Event) -> None:
    """Keep a screen view, as an event."""
    _keep(work, told, "screen")


def form(work: Work, told: Event) -> None:
    """Keep that a form was filled in, as an event."""
    _keep(work, told, "form")


def _keep(work: Work, told: Event, kind: str) -> None:
    visitor = told.identifiers.get("anonymous_id")
    if visitor is not None:
        person = visitors.person_of(work, str(visitor), work.moment(told.timestamp))
    else:
        person = people.reach(work, told.identifiers)
        if person is None:
            _failed(work, "failed_event", told)
            return
    at, attributes = work.moment(told.timestamp), stored(told.attributes)
    name = told.name.strip()  # [spec: v1 events]
    anonymous_id = None if visitor is None else str(visitor)
    row = (person, anonymous_id, kind, name, told.id, at, work.now, attributes)
    if not work.database.execute(_INSERT_EVENT, row).rowcount:
        work.note("failed_event", person, detail="its id was seen before")


def _failed(work: Work, name: str, told: Named) -> None:
    """Keep that something was accepted and not applied, by whom it named."""
    kind, value = sole(told.identifiers)
    work.note(name, detail=f"{kind} {value}: there is no such person, or they are suppressed")


def add_device(work: Work, told: DeviceOf) -> None:
    """Add or replace a person's device.  [spec: last_used, if absent, is the time of receipt]"""
    person, device = people.reach(work, told.identifiers), told.device
    if person is None:
        _failed(work, "failed_attribute_change", told)
        return
    used = device.last_used
    if isinstance(used, str) and used.isdecimal() and len(used) <= len(str(work.now)):
        used = int(used)  # [observed: the vendor's Go client sends text]
    work.database.execute(
        "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?)",
        (person, device.token, device.platform, work.moment(used), stored(device.attributes)),
    )
    work.note("device_change", person)


def delete_device(work: Work, told: DeviceOf) -> None:
    """Remove a person's device."""
    person = people.number_of(work, *sole(told.identifiers))
    if work.database.execute(
        "DELETE FROM devices WHERE person = ? AND token = ?", (person, told.device.token)
    ).rowcount:
        work.note("device_change", person)


def delivery_event(work: Work, told: Event) -> None:
    """Keep what became of a message's delivery."""
    _, delivery = sole(told.identifiers)
    row = (delivery, told.name, work.moment(told.timestamp), work.now, stored(told.attributes))
    work.database.execute(
        "INSERT INTO delivery_events (delivery, name, timestamp, received, attributes)"
        " VALUES (?, ?, ?, ?, ?)",
        row,
    )
