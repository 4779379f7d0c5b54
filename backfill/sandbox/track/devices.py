"""Devices as clients send them: what more is said of one nested under `attributes`, or beside."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw

from backfill.sandbox.workspace.wire import Attributes, Device

_decode = msgspec.json.Decoder().decode
_attributes: Final = msgspec.json.Decoder(Attributes)


def device(members: Attributes) -> Device:
    """A device of its members; those that are no part of it become attributes.

    [observed: the vendor's Python client and async-customerio send them beside, the vendor's
    document has them under `attributes`] Of a name that is in both places the nested one counts.
    members: within the rules.
    """
    flat = dict(members)
    nested = flat.pop("attributes", Raw(b"null"))
    return Device(
        token=str(_decode(flat.pop("token"))),
        platform=_value(flat, "platform") or "",
        last_used=_value(flat, "last_used"),
        attributes={**flat, **(_attributes.decode(nested) if _decode(nested) else {})},
    )


def _value(members: Attributes, name: str) -> Any:
    return _decode(members.pop(name)) if name in members else None
