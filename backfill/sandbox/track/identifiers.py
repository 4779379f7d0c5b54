"""Who or what an operation names: people, objects, visitors, and the ends of relationships. Pure.

Shapes [spec: person_common, object_common_identify, v2_cio_relationships]; the words of a
violation are the live API's where they were seen, else ours in that style.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Final

from backfill import trackapi
from backfill.sandbox.track import limits
from backfill.sandbox.track.limits import Members, Violation

Check = Callable[[Members], Iterator[Violation]]

#: What a visitor is called; not listed for people, sent for their events by two other vendors'
#: integrations.  [observed: SEG, RS]
VISITOR: Final = "anonymous_id"

#: Said of an object type that is a number, which the vendor's document has as text.  [spec]
TYPE_AS_NUMBER: Final = "must be a string"

#: Object types are numbered from "1".  [spec]
_TYPE_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def one_of(member: str, kinds: Collection[str]) -> Check:
    """`member` holds exactly one identifier, of these kinds."""
    known = frozenset(kinds)

    def check(item: Members) -> Iterator[Violation]:
        named = item.get(member)
        if not isinstance(named, dict):
            yield Violation("required", member, "must be an object")
        elif len(named) != 1 or not named.keys() <= known:
            yield Violation("invalid", member, f"must have exactly one of {limits.either(kinds)}")
        else:
            for kind, value in named.items():
                if not limits.is_plain(value):
                    yield from limits.identifier(value, f"{member}.{kind}")

    return check


def an_object(item: Members) -> Iterator[Violation]:
    """`identifiers` names one object, in either of the two ways."""
    named = item.get("identifiers")
    if not isinstance(named, dict):
        yield Violation("required", "identifiers", "must be an object")
    elif named.keys() == {"cio_object_id"}:
        yield from limits.identifier(named["cio_object_id"], "identifiers.cio_object_id")
    elif named.keys() != {"object_type_id", "object_id"}:
        wanted = "must have object_type_id and object_id, or cio_object_id alone"
        yield Violation("invalid", "identifiers", wanted)
    else:
        yield from limits.identifier(named["object_id"], "identifiers.object_id")
        yield from _object_type(named["object_type_id"])


def _object_type(of: object) -> Iterator[Violation]:
    is_number = isinstance(of, int) and not isinstance(of, bool)
    if not (isinstance(of, str) or is_number) or not _TYPE_ID.fullmatch(str(of)):
        wanted = "must be a string holding a whole number from 1"
        yield Violation("invalid", "identifiers.object_type_id", wanted)
    elif is_number:
        yield Violation("invalid", "identifiers.object_type_id", TYPE_AS_NUMBER)


a_person = one_of("identifiers", trackapi.PERSON_KINDS)
a_related_person = one_of("identifiers", trackapi.RELATED_PERSON_KINDS)
a_visitor = one_of("identifiers", (VISITOR,))
a_person_or_visitor = one_of("identifiers", (*trackapi.PERSON_KINDS, VISITOR))


def relationships(other: Check, member: str = "cio_relationships") -> Check:
    """`member` is an array of the other ends."""

    def check(item: Members) -> Iterator[Violation]:
        ties = item.get(member)
        if not isinstance(ties, list):
            yield Violation("required", member, "must be an array")
            return
        for i, tie in enumerate(ties):
            for found in _tie(tie, other):
                yield found._replace(field=f"{member}.{i}.{found.field}")

    return check


def _tie(tie: object, other: Check) -> Iterator[Violation]:
    if not isinstance(tie, dict):
        yield Violation("invalid", "identifiers", "must be in an object")
        return
    yield from other(tie)
    if "relationship_attributes" in tie:
        yield from limits.attributes(tie["relationship_attributes"], "relationship_attributes")
