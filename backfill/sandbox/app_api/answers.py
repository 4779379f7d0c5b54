"""How the App API answers: JSON as its handlers give it, errors in its own shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import msgspec
import orjson

from backfill.sandbox.calls import Answer, Call, Reading

#: What a handler gives: a JSON object, of which parts may be raw JSON.
Told = dict[str, Any]


class Refused(Exception):
    """A request that is answered with an error.

    is_meta: in the shape that only subscription preferences have.
    """

    def __init__(self, status: int, detail: str, is_meta: bool = False) -> None:
        super().__init__(status, detail, is_meta)
        self.status, self.detail, self.is_meta = status, detail, is_meta


def problem(status: int, detail: str) -> Answer:
    """An error in the App API's shape, its status as text.  [observed: recordings of 2021]"""
    errors = [{"detail": detail, "status": str(status)}]
    return Answer(status, orjson.dumps({"errors": errors}) + b"\n")


def answering(handle: Callable[[Reading, Call], Told]) -> Callable[[Reading, Call], Answer]:
    """Make what a handler gives, or refuses, an answer."""

    @wraps(handle)
    def answer(reading: Reading, call: Call) -> Answer:
        try:
            return Answer(200, msgspec.json.encode(handle(reading, call)) + b"\n")
        except Refused as refused:
            if refused.is_meta:
                told = {"meta": {"errors": [refused.detail]}}
                return Answer(refused.status, orjson.dumps(told) + b"\n")
            return problem(refused.status, refused.detail)

    return answer
