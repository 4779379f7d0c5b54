"""JSON objects and lists whose members may be left out, written without a Python object a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from backfill.columns import Json, json_string
from backfill.operations.draft import Draft, Text, write


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object.

    before, after: the text around the value, such as `"email":"` and `"`.
    value:         null where the member is left out; None: the member is all in `before`.
    """

    before: str
    value: pl.Expr | None
    after: str
    is_always_there: bool

    def pieces(self, comma_before: bool) -> list[Text]:
        """The member's text and its comma, empty where it is left out."""
        before, after = (
            ("," + self.before, self.after) if comma_before else (self.before, self.after + ",")
        )
        if self.value is None:
            return [before + after]
        if self.is_always_there:
            return [before, self.value, after]
        return [write([before, self.value, after]).fill_null("")]


def member(draft: Draft, name: str, json: Json) -> Member:
    """The member `name` with a column of values."""
    quote = '"' if json.quoted else ""
    is_always_there = json.text.null_count() == 0
    return Member(f"{json_string(name)}:{quote}", draft.hold(json.text), quote, is_always_there)


def fixed(name: str, value: object) -> Member:
    """The member `name` with the same value in every row."""
    return Member(f"{json_string(name)}:{json_string(value)}", None, "", True)


def object_of(members: Sequence[Member]) -> list[Text]:
    """The pieces of a JSON object; {} where every member is left out."""
    anchor = next((i for i, m in enumerate(members) if m.is_always_there), None)
    if anchor is None:
        return ["{", joined([_alone(m) for m in members]), "}"] if members else ["{}"]
    pieces: list[Text] = ["{"]
    for one in members[:anchor]:
        pieces += one.pieces(comma_before=False)
    found = members[anchor]
    pieces += [found.before, *([] if found.value is None else [found.value]), found.after]
    for one in members[anchor + 1 :]:
        pieces += one.pieces(comma_before=True)
    return [*pieces, "}"]


def joined(texts: Sequence[pl.Expr]) -> pl.Expr:
    """Texts with commas between them; null ones are left out."""
    return pl.concat_str(texts, separator=",", ignore_nulls=True)


def _alone(one: Member) -> pl.Expr:
    pieces: list[Text] = [one.before]
    return write([*pieces, *([] if one.value is None else [one.value]), one.after])
