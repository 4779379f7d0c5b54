"""YAML as people read it: scalars quoted where they must be, comments beside or above a line."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH = 100

_PLAIN = re.compile(r"(?:\.{0,2}/)*[A-Za-z][A-Za-z0-9_./()%+-]*( [A-Za-z0-9_./()%+-]+)*")
_WORDS = frozenset(("yes", "no", "on", "off", "y", "n", "true", "false", "null"))
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a stream and what is said of it. is_out: it is there as a comment only."""

    text: str
    note: str = ""
    is_out: bool = False


def scalar(text: str) -> str:
    """A text as a YAML scalar, inside brackets too."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    written = json.dumps(text, ensure_ascii=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def flow(pairs: Mapping[str, str]) -> str:
    """A mapping in one line; values are YAML already."""
    return "{" + ", ".join(f"{scalar(key)}: {value}" for key, value in pairs.items()) + "}"


def listing(texts: Iterable[str]) -> str:
    """A list in one line."""
    return "[" + ", ".join(map(scalar, texts)) + "]"


def shown(text: str) -> str:
    """A name as a comment may hold it: in one line."""
    return _CONTROL.sub("?", text)


def comment(text: str, indent: int) -> list[str]:
    """A comment, over as many lines as it takes."""
    lead = " " * indent + "# "
    return textwrap.wrap(
        shown(text), WIDTH, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False
    )


def written(lines: Sequence[Line], indent: int) -> list[str]:
    """Lines with their notes: beside them where there is room, else above."""
    found: list[str] = []
    for line in lines:
        bare = line.text.lstrip()
        own = indent + len(line.text) - len(bare)
        text = " " * own + ("# " if line.is_out else "") + bare
        if not line.note:
            found.append(text)
        elif len(text) + len(line.note) + 4 <= WIDTH and "\n" not in line.text:
            found.append(f"{text}  # {shown(line.note)}")
        else:
            found += [*comment(line.note, own), text]
    return found


def folded(key: str, text: str, indent: int) -> list[Line]:
    """A key with a text that may be too long for one line."""
    one = f"{key}: {json.dumps(text, ensure_ascii=False)}"
    is_plain = not _CONTROL.search(text)
    if "\\" not in one and '"' in text and "'" not in text and is_plain:
        one = f"{key}: '{text}'"
    if len(one) + indent <= WIDTH or not is_plain:
        return [Line(one if is_plain else f"{key}: {scalar(text)}")]
    rows = textwrap.wrap(text, WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False)
    if " ".join(rows) != text:  # runs of spaces in a name or a word
        return [Line(one)]
    return [Line(f"{key}: >-"), *(Line(f"  {row}") for row in rows)]
