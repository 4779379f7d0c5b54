"""How a report writes numbers, times and texts."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

#: Characters that are not seen or that turn the text around them, and halves of a character, which
#: a file's name may hold and UTF-8 may not.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)

#: What stands where there is no number.
NOTHING = "\u2013"

_SIZES = ("B", "KB", "MB", "GB", "TB")


def visible(text: object) -> object:
    """Text with every character that is not seen written as its code point; other things stay."""
    if type(text) is not str:  # markup is ours
        return text
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def count(number: float | None, decimals: int = 0) -> str:
    """A number with its thousands apart."""
    if number is None or math.isnan(number):
        return NOTHING
    return f"{number:,.{decimals}f}"


def rate(number: float) -> str:
    """So many a second, to three digits or to one."""
    return count(number, 0 if number >= 100 else 1 if number >= 10 else 2)


def signed(number: float) -> str:
    """A difference: with its sign, and a fraction only where it is small."""
    decimals = 0 if number == int(number) or abs(number) >= 100 else 1
    if not number:
        return "0"
    return ("+" if number > 0 else "\u2212") + count(abs(number), decimals)


def percent(share: float | None, *, sign: bool = False) -> str:
    """A share of one, in per cent; never 0 or 100 % of what is only nearly that."""
    if share is None:
        return NOTHING
    if sign:
        return f"{signed(round(share * 100, 1))} %" if abs(share) >= 0.0005 else "0 %"
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{share * 100:.0f} %" if share in (0, 1) else f"{share * 100:.1f} %"


def size(count_bytes: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point; thousands, not 1,024."""
    step = 0
    while count_bytes >= 999.5 and step < len(_SIZES) - 1:
        count_bytes, step = count_bytes / 1000, step + 1
    return f"{count_bytes:.{0 if step == 0 or count_bytes >= 100 else 1}f} {_SIZES[step]}"


def duration(seconds: float) -> str:
    """A time that passed."""
    if math.isnan(seconds):
        return NOTHING
    if seconds < 0.9995:
        return f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f} ms"
    if seconds < 119.5:
        return f"{seconds:.{1 if seconds < 10 else 0}f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        whole, rest = divmod(round(seconds), 60)
        return f"{whole} min" + (f" {rest:02} s" if rest else "")
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def moment(unix_s: float | None) -> str:
    """A moment in UTC, to the second."""
    if unix_s is None:
        return NOTHING
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
