"""Values of rows as people may see them in a terminal or a report: their shape, nothing of them."""

from __future__ import annotations

#: Longest mask, in characters; a longer one ends in dots.
MASK_CHARACTERS_MAX = 40

BLANK = "(blank)"
_CUT = "..."


def masked(value: str) -> str:
    """The shape of a value: `Bob 42` is `Aaa 99`, an email `aaaa.aaaa@aaaa.aa`.

    Letters become a and A, digits 9; ASCII punctuation and spaces stay; control characters and all
    beyond ASCII become a. It reveals the length up to MASK_CHARACTERS_MAX, the punctuation and
    where capitals and digits stand: enough to see how a date or a number is written, and no name.
    """
    if not value:
        return BLANK
    shape = "".join(map(_masked, value[: MASK_CHARACTERS_MAX + 1]))
    if len(shape) <= MASK_CHARACTERS_MAX:
        return shape
    return shape[: MASK_CHARACTERS_MAX - len(_CUT)] + _CUT


def _masked(character: str) -> str:
    if not character.isascii() or not character.isprintable():
        return "a"
    if character.isdigit():
        return "9"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character
