"""Who or what a row is about: identifiers, their limits, and the keys that order is kept by.

Rules: a person is named by exactly one of id, email, phone, cio_id [spec: person_common]: the
first that is not blank, in the order written. `email` compares without case, `id` with it.
[spec] An identifier is sent as text, as the source writes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from backfill import trackapi
from backfill.columns import Column, Json, escaped, nowhere
from backfill.mapping import Field, ObjectRef, PersonRef
from backfill.operations.draft import Draft, Text, write

_BYTES_MAX = trackapi.IDENTIFIER_BYTES_MAX
#: White space, and text that begins with it, lies below the one or not below the other; comparing
#: takes a fifth of the time of looking for a pattern.
_PRINTED, _BEYOND_ASCII = "!", "\x80"

#: Kinds of identifiers that name an entity.
KINDS = (*trackapi.PERSON_KINDS, "object", "cio_object_id")


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


def named(column: Column) -> pl.Series:
    """A column as names; null where blank or only white space."""
    text = column.text
    if not ((text < _PRINTED) | (text >= _BEYOND_ASCII)).any():
        return text
    spaces = text.str.contains(r"^\s*$").fill_null(False)
    return text.set(spaces, None) if spaces.any() else text


def is_object_type(text: pl.Series) -> pl.Series:
    """Whether each text is the type of an object; a blank one is none."""
    return text.str.contains(r"^[1-9][0-9]*$").fill_null(False)


def identifier(draft: Draft, field: Field, name: str, most: int | None = _BYTES_MAX) -> pl.Series:
    """A field as identifiers; null where blank or only white space.

    most: bytes an identifier may have.
    """
    column = draft.column(field)
    text = named(column)
    draft.refuse(column.is_no_name, "not_an_identifier", f"{name} is neither text nor a number")
    if most is not None:
        draft.limit(text, most, "identifier_too_long", name)
    return text


def person(draft: Draft, ref: PersonRef, name: str) -> Identity:
    """The person a row names, by the first identifier of `ref` that is not blank."""
    given = {kind: identifier(draft, field, f"{name}.{kind}") for kind, field in ref.items()}
    open_rows = ~nowhere(draft.height)
    pieces: list[Text] = ["{"]
    others: dict[str, Json] = {}
    chosen_key = pl.repeat(None, draft.height, dtype=pl.UInt64, eager=True)
    for kind, text in given.items():
        there = text.is_not_null()
        chosen = open_rows & there
        mine = text if chosen.all() else text.set(~chosen, None)
        pieces += _member(draft, kind, mine, ref[kind])
        chosen_key = chosen_key.zip_with(~chosen, key(kind, mine))
        if (spare := there & ~chosen).any() and kind != "cio_id":
            left = text.set(~spare, None)
            others[kind] = Json(_escaped(draft, left, ref[kind]), True, left)
        open_rows = open_rows & ~there
    return Identity([*pieces, "}"], chosen_key, open_rows, others)


def an_object(draft: Draft, ref: ObjectRef, name: str) -> Identity:
    """The object a row names."""
    if ref.cio_object_id is not None:
        text = identifier(draft, ref.cio_object_id, f"{name}.cio_object_id")
        pieces = ["{", *_member(draft, "cio_object_id", text, ref.cio_object_id), "}"]
        return Identity(pieces, key("cio_object_id", text), text.is_null(), {})
    assert ref.type is not None
    assert ref.id is not None
    kind = identifier(draft, ref.type, f"{name}.type")
    text = identifier(draft, ref.id, f"{name}.id")
    odd = text.is_not_null() & ~is_object_type(kind)
    draft.refuse(odd, "not_an_object_type", f'{name}.type is not a number from "1" on')
    both = pl.select(pl.concat_str(pl.lit(kind), pl.lit(":"), pl.lit(text)).alias("")).to_series()
    written: list[Text] = ['{"object_type_id":"', draft.hold(kind), '","object_id":"']
    written += [draft.hold(_escaped(draft, text, ref.id)), '"}']
    return Identity(written, key("object", both), text.is_null(), {})


def required(draft: Draft, identity: Identity, name: str) -> Identity:
    """Refuse the rows that name nobody."""
    draft.refuse(identity.is_none, "no_identifier", f"every identifier of {name} is blank")
    return identity


def token(draft: Draft, field: Field, name: str, most: int | None = _BYTES_MAX) -> pl.Expr:
    """An identifying text that every row must have, escaped."""
    text = identifier(draft, field, name, most)
    draft.refuse(text.is_null(), "no_identifier", f"{name} is blank")
    return draft.hold(_escaped(draft, text, field))


def _member(draft: Draft, kind: str, text: pl.Series, field: Field) -> list[Text]:
    pieces: list[Text] = [f'"{kind}":"', draft.hold(_escaped(draft, text, field)), '"']
    return pieces if text.null_count() == 0 else [write(pieces).fill_null("")]


def _escaped(draft: Draft, text: pl.Series, field: Field) -> pl.Series:
    return escaped(text, is_plain=draft.column(field).is_plain)


def key(kind: str, text: pl.Series) -> pl.Series:
    """uint64, equal for equal entities of this process; null where they name none; never stored.

    kind: of the identifier, one of KINDS.
    """
    compared = text.str.to_lowercase() if kind == "email" else text
    hashed = compared.hash(seed=KINDS.index(kind))
    return hashed.set(text.is_null(), None) if text.null_count() else hashed
