"""Forms: who filled in which, and with what."""

from __future__ import annotations

from typing import Final

from backfill.sandbox.workspace import events
from backfill.sandbox.workspace.identify import identify
from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.wire import Attributes, Event, Identify, text_of

#: Names that the API ignores in a form's data.  [spec]
RESERVED: Final = frozenset({"form_id", "form_name", "form_type", "form_url", "form_url_param"})


def submit(work: Work, form_id: str, data: Attributes) -> None:
    """Create or update the person a form names by id or email, and keep what was sent.

    data: name to value, one of them id or email that is not empty; id comes first.
    """
    told = {name: value for name, value in data.items() if name not in RESERVED}
    named = {kind: text_of(told[kind]) for kind in ("id", "email") if kind in told}
    kind, value = next((kind, value) for kind, value in named.items() if value is not None)
    if identify(work, Identify({kind: value}, dict(told))) is not None:
        events.form(work, Event({kind: value}, name=form_id, attributes=told))
