"""What a v1 request says and how it is answered: bodies, identifiers in paths, errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from backfill.sandbox.calls import Answer
from backfill.sandbox.track.limits import Members
from backfill.sandbox.workspace.wire import Attributes, Identifiers, plain

#: [observed: live recordings of the vendor's Node client]
DONE: Final = Answer(200, b"{}\n", operations=1)

#: The kind of an identifier is read off its shape; what shape exactly an email has is not
#: documented.  [spec: track_customer_id]
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CIO_ID: Final = re.compile(r"cio_([a-zA-Z0-9]+)")

_members: Final = msgspec.json.Decoder(Attributes)


class Body(NamedTuple):
    """A body that should be a JSON object, twice.

    values: its members, for the rules; raws: the same as they came, for the workspace.
    problems: why it cannot be read; then the rest is empty.
    """

    values: Members
    raws: Attributes
    problems: list[str]


def read(body: bytes) -> Body:
    """Read a body; one of no bytes is an object without members.  [observed: APY]"""
    try:
        values = orjson.loads(body or b"{}")  # strict: msgspec passes over text it does not decode
        if isinstance(values, dict):
            return Body(values, _members.decode(plain(body or b"{}")), [])
    except (orjson.JSONDecodeError, msgspec.DecodeError, RecursionError):
        return Body({}, {}, ["body must be valid JSON"])
    return Body({}, {}, ["body must be an object"])


def members(raws: Attributes, name: str) -> Attributes:
    """The members of an object within an object; none if it is not there, or null."""
    raw = raws.get(name)
    return _members.decode(raw) if raw is not None and bytes(raw) != b"null" else {}


def whom(identifier: str) -> Identifiers:
    """The person a path names: by email, by cio_id with its prefix, else by id.

    A phone number in a path is an id.  [spec: track_customer_id]
    """
    if found := _CIO_ID.fullmatch(identifier):
        return {"cio_id": found[1]}
    return {"email" if _EMAIL.fullmatch(identifier) else "id": identifier}


def moment(value: object) -> Any:
    """A time as the workspace takes it, which reads what is none as now.

    [observed: SEG PR #2054, a Customer.io engineer, of v1 as of v2]
    """
    return None if isinstance(value, bool) else value


def refused(problems: Sequence[str]) -> Answer:
    """Every reason at once.  [spec: responses/400; observed: RudderStack's test of 2023]"""
    return _problem({"errors": list(problems)})


def refused_with_one(problems: Sequence[str]) -> Answer:
    """The reasons as one text, which is how a merge is refused.  [spec: merge]"""
    return _problem({"error": ", ".join(problems)})


def _problem(meta: Members) -> Answer:
    body = orjson.dumps({"meta": meta}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return Answer(400, body, operations=1, refused=1)
