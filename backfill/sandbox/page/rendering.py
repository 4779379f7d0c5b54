"""How what was imported is shown: as text, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Raw

from backfill import trackapi
from backfill.sandbox.workspace.wire import spoken

#: Characters that are not seen or that turn the text around them: controls, but for tab and line
#: feed, and the marks of Unicode's bidirectional algorithm.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)

#: Dates the calendar of Python has.
_LAST_S: Final = 253_402_300_799


def rendered(template: str, told: Mapping[str, Any]) -> str:
    """The HTML of a template."""
    return _environment.get_template(template).render(told)


def visible(text: object) -> str:
    """Text with every character that is not seen written as its code point."""
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", str(text))


def value(raw: Raw) -> str:
    """An attribute's value: text as it is, digits as they were sent, nested JSON over lines."""
    told = bytes(raw)
    if told[:1] in (b"{", b"["):
        return visible(msgspec.json.format(told, indent=2).decode())
    return visible(spoken(raw))


def moment(unix_s: float) -> Markup:
    """A moment in UTC, to the second; a number where there is no such date."""
    if not 0 <= unix_s <= _LAST_S:
        return Markup("<span>{}</span>").format(unix_s)
    at = datetime.fromtimestamp(unix_s, UTC)
    shown = f"{at:%Y-%m-%d %H:%M:%S}"
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", shown)


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


_environment: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(visible=visible, value=value, moment=moment, count=count)
_environment.globals.update(body_bytes_max=trackapi.BODY_BYTES_MAX, batch_path=trackapi.BATCH_PATH)
