"""Who or what a row is about: identifiers, their limits, and the keys that order is kept by.

Rules: a person is named by exactly one of id, email, phone, cio_id [spec: person_common]: the
first that is not blank, in the order written. `email` compares without case, `id` with it.
[spec] An identifier is sent as text, as the source writes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from backfill import trackapi
from backfill.columns import Column, Json, escaped
from backfill.mapping import Field, ObjectRef, PersonRef
from backfill.operations.draft import Draft, Text
from backfill.operations.members import Member

_KINDS = (*trackapi.PERSON_KINDS, "object", "cio_object_id")


@dataclass(frozen=True, slots=True)
class Identity:
    """The identifiers of an entity.

    pieces:  the JSON object of identifiers; empty text in rows that name none.
    key:     uint64, equal for equal entities; null in rows that name none.
    is_none: whether each row names none.
    others:  identifiers that are there but not the chosen one, by kind; null where not.
    """

    pieces: list[Text]
    key: pl.Series
    is_none: pl.Series
    others: dict[str, Json]


def identifier(column: Column) -> pl.Series:
    """A column as identifiers; null where blank or only white space."""
    text = column.text
    spaces = text.str.contains(r"^\s*$").fill_null(False)
    return text.set(spaces, None) if spaces.any() else text


def person(draft: Draft, ref: PersonRef, name: str) -> Identity:
    """The person a row names, by the first identifier of `ref` that is not blank."""
    given = {kind: identifier(draft.column(field)) for kind, field in ref.items()}
    open_rows = pl.repeat(True, draft.height, eager=True)
    pieces: list[Text] = ["{"]
    others: dict[str, Json] = {}
    key = pl.repeat(None, draft.height, dtype=pl.UInt64, eager=True)
    for kind, text in given.items():
        there = text.is_not_null()
        chosen = open_rows & there
        mine = text if chosen.all() else text.set(~chosen, None)
        _limit(draft, mine, f"{name}.{kind}")
        pieces += _member(draft, kind, mine)
        key = key.zip_with(~chosen, _key(kind, mine))
        if (spare := there & ~chosen).any() and kind != "cio_id":
            left = text.set(~spare, None)
            others[kind] = Json(escaped(left), True, left.str.len_bytes())
        open_rows = open_rows & ~there
    return Identity([*pieces, "}"], key, open_rows, others)


def an_object(draft: Draft, ref: ObjectRef, name: str) -> Identity:
    """The object a row names."""
    if ref.cio_object_id is not None:
        text = identifier(draft.column(ref.cio_object_id))
        _limit(draft, text, f"{name}.cio_object_id")
        pieces = ["{", *_member(draft, "cio_object_id", text), "}"]
        return Identity(pieces, _key("cio_object_id", text), text.is_null(), {})
    assert ref.type is not None
    assert ref.id is not None
    kind, text = identifier(draft.column(ref.type)), identifier(draft.column(ref.id))
    _limit(draft, text, f"{name}.id")
    is_none = kind.is_null() | text.is_null()
    odd = ~kind.str.contains(r"^[1-9]\d*$").fill_null(True)
    draft.refuse(odd, "not_an_object_type", f'{name}.type is not a number from "1" on')
    named = pl.select(pl.concat_str(pl.lit(kind), pl.lit(":"), pl.lit(text)).alias("")).to_series()
    written: list[Text] = ['{"object_type_id":"', draft.hold(kind), '","object_id":"']
    written += [draft.hold(escaped(text)), '"}']
    return Identity(written, _key("object", named), is_none, {})


def required(draft: Draft, identity: Identity, name: str) -> Identity:
    """Refuse the rows that name nobody."""
    draft.refuse(identity.is_none, "no_identifier", f"every identifier of {name} is blank")
    return identity


def token(draft: Draft, field: Field, name: str, rule: str) -> pl.Expr:
    """An identifying text that every row must have, escaped and within the limit."""
    text = identifier(draft.column(field))
    draft.refuse(text.is_null(), rule, f"{name} is blank")
    return draft.hold(escaped(text))


def _limit(draft: Draft, text: pl.Series, name: str) -> None:
    draft.limit(text.str.len_bytes(), trackapi.IDENTIFIER_BYTES_MAX, "identifier_too_long", name)


def _member(draft: Draft, kind: str, text: pl.Series) -> list[Text]:
    there = draft.is_always_there(text)
    value = draft.hold(escaped(text))
    one = Member(f'"{kind}":"', value, '"', there)
    if there:
        return [one.before, value, one.after]
    return [pl.concat_str(pl.lit(one.before), value, pl.lit(one.after)).fill_null("")]


def _key(kind: str, text: pl.Series) -> pl.Series:
    """Equal for equal entities of this process; never stored."""
    compared = text.str.to_lowercase() if kind == "email" else text
    hashed = compared.hash(seed=_KINDS.index(kind))
    return hashed.set(text.is_null(), None) if text.null_count() else hashed
