"""Whom the rows of a block name, in every place where a stream names somebody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from backfill.mapping import Field, ObjectRef, PersonRef
from backfill.operations import identities
from backfill.records import Bools, UInt64s

if TYPE_CHECKING:
    from backfill.planning.looking import Seen

#: Texts that stand for nobody: thousands of people would become one.
JUNK = frozenset(
    {
        *("", "?", ".", "-", "--", "0", "00", "000", "0000", "-1", "x", "xx", "xxx", "[]", "{}"),
        *("null", "nil", "none", "nan", "na", "n/a", "n.a.", "#n/a", "(null)", "<null>", "[null]"),
        *("undefined", "unknown", "unbekannt", "missing", "empty", "blank", "default", "dummy"),
        *("test", "tbd", "todo", "anonymous", "guest", "admin", "user", "id"),
        *("test@test.com", "test@test.de", "test@example.com", "none@none.com", "no@email.com"),
        *("noemail@noemail.com", "email@example.com", "user@example.com", "noreply@example.com"),
    }
)


@dataclass(frozen=True)
class Named:
    """The entities that one field names.

    path:   where the config says so, such as "person.id".
    kind:   of the identifier, one of identities.KINDS.
    source: the field it is. name: as it is written; null where blank or not the one that counts.
    whole:  with the type of an object, as "1:42".
    is_own: whether the rows are about them, not only tied to them.
    """

    path: str
    kind: str
    source: Field
    name: pl.Series
    whole: pl.Series
    is_own: bool

    @cached_property
    def exact(self) -> tuple[Bools, UInt64s]:
        """Which rows name somebody, and equal keys for who is one to the API."""
        return _keys(identities.key(self.kind, self.whole))

    @cached_property
    def loose(self) -> tuple[Bools, UInt64s]:
        """The same, equal also for names that differ in case or in spaces around them."""
        return _keys(identities.key(self.kind, self.whole.str.strip_chars().str.to_lowercase()))


def named(seen: Seen) -> Iterator[Named]:
    """Everybody the rows of a block name."""
    stream = seen.stream
    if stream.person:
        yield from _people(seen, stream.person, "person", is_own=True)
    if stream.object:
        yield from _objects(seen, stream.object, "object", is_own=True)
    if stream.merge:
        yield from _people(seen, stream.merge.primary, "merge.primary", is_own=False)
        yield from _people(seen, stream.merge.secondary, "merge.secondary", is_own=False)
    for i, tie in enumerate(stream.relationships):
        if tie.person:
            yield from _people(seen, tie.person, f"relationships.{i}.person", is_own=False)
        if tie.object:
            yield from _objects(seen, tie.object, f"relationships.{i}.object", is_own=False)


def _people(seen: Seen, ref: PersonRef, path: str, *, is_own: bool) -> Iterator[Named]:
    is_open = pl.repeat(True, len(seen.rows), dtype=pl.Boolean, eager=True)
    for kind, source in ref.items():
        text = identities.named(seen.draft.column(source))
        chosen = text.set(~is_open, None)
        yield Named(f"{path}.{kind}", kind, source, chosen, chosen, is_own)
        is_open = is_open & text.is_null()


def _objects(seen: Seen, ref: ObjectRef, path: str, *, is_own: bool) -> Iterator[Named]:
    if ref.cio_object_id is not None:
        text = identities.named(seen.draft.column(ref.cio_object_id))
        yield Named(f"{path}.cio_object_id", "cio_object_id", ref.cio_object_id, text, text, is_own)
    elif ref.type is not None and ref.id is not None:
        kind = identities.named(seen.draft.column(ref.type))
        text = identities.named(seen.draft.column(ref.id))
        both = pl.DataFrame({"kind": kind, "id": text}).select(
            pl.concat_str("kind", pl.lit(":"), "id").alias("")
        )
        yield Named(f"{path}.id", "object", ref.id, text, both.to_series(), is_own)


def _keys(keys: pl.Series) -> tuple[Bools, UInt64s]:
    return keys.is_not_null().to_numpy(), keys.fill_null(0).to_numpy()
