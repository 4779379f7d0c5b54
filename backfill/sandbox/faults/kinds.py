"""What can go wrong with a request, as a scenario states it.

Times are seconds since the first request that could meet a fault; shares are from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from statistics import NormalDist
from typing import Annotated, Any, Final, Literal

import orjson
from msgspec import Meta, Struct

from backfill import trackapi

#: What can name somebody or something in an operation.  [spec]
_IDENTIFIERS: Final = (
    *trackapi.PERSON_KINDS,
    "anonymous_id",
    "object_type_id",
    "object_id",
    "cio_object_id",
)

Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
#: Glob patterns by name; all of them have to match.
Patterns = Mapping[str, str]

#: How many standard deviations of a normal distribution 99 of 100 draws stay under.
_P99_DEVIATIONS: Final = NormalDist().inv_cdf(0.99)


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault"):
    """Whom a fault meets, and when.

    share:        of the requests; of the operations for `Refusal` and `Poison`.
    share_at_end: it goes evenly from `share` at `from_s` to this at `to_s`; None: it stays.
    to_s:         None: it never ends.
    path:         a glob pattern the path, as it was sent, has to match.
    """

    share: Share = 1.0
    share_at_end: Share | None = None
    from_s: Seconds = 0.0
    to_s: Seconds | None = None
    path: str = "*"

    def __post_init__(self) -> None:
        """Refuse a window that is none."""
        if self.to_s is not None and self.to_s <= self.from_s:
            raise ValueError("`to_s` must be later than `from_s`")
        if self.share_at_end is not None and self.to_s is None:
            raise ValueError("`share_at_end` needs `to_s`")

    def share_at(self, path: str, at_s: float) -> float:
        """How likely it meets a request of this path at this moment; 0: not at all."""
        if at_s < self.from_s or not fnmatchcase(path, self.path):
            return 0.0
        if self.to_s is None:
            return self.share
        if at_s >= self.to_s:
            return 0.0
        if self.share_at_end is None:
            return self.share
        done = (at_s - self.from_s) / (self.to_s - self.from_s)
        return self.share + done * (self.share_at_end - self.share)


class Delay(Fault, frozen=True, kw_only=True, tag="delay"):
    """The answer is made and then waits.

    Exactly one of: `fixed_s`; `between_s`, evenly from the one to the other; `median_s` with
    `p99_s`, lognormal as networks are: half wait less than the median, 1 in 100 more than p99.
    """

    fixed_s: Seconds | None = None
    between_s: tuple[Seconds, Seconds] | None = None
    median_s: Seconds | None = None
    p99_s: Seconds | None = None

    def __post_init__(self) -> None:
        """Refuse a distribution that is none."""
        super().__post_init__()
        told = [form is not None for form in (self.fixed_s, self.between_s, self.median_s)]
        if sum(told) != 1 or (self.median_s is None) != (self.p99_s is None):
            raise ValueError("give one of `fixed_s`, `between_s`, or `median_s` with `p99_s`")
        if self.between_s and self.between_s[0] > self.between_s[1]:
            raise ValueError("`between_s` must go from the smaller to the larger")
        if self.median_s is not None and not 0 < self.median_s <= (self.p99_s or 0):
            raise ValueError("`median_s` must be above 0 and not above `p99_s`")

    def length_s(self, draw: float) -> float:
        """How long, for a draw in (0, 1)."""
        if self.fixed_s is not None:
            return self.fixed_s
        if self.between_s is not None:
            low, high = self.between_s
            return low + draw * (high - low)
        assert self.median_s is not None
        assert self.p99_s is not None
        spread = math.log(self.p99_s / self.median_s) / _P99_DEVIATIONS
        return self.median_s * math.exp(spread * NormalDist().inv_cdf(draw))


class Failure(Fault, frozen=True, kw_only=True, tag="failure"):
    """The request is answered with an error.

    retry_after_s: of the header Retry-After; None: the answer has none.
    processed: the request took effect all the same.
    """

    status: Annotated[int, Meta(ge=400, le=599)]
    retry_after_s: Annotated[int, Meta(ge=0)] | None = None
    processed: bool = False


class Reset(Fault, frozen=True, kw_only=True, tag="reset"):
    """The connection is reset (TCP RST) instead of an answer."""

    processed: bool = False


class Cut(Fault, frozen=True, kw_only=True, tag="cut"):
    """The request takes effect; half of the promised answer comes, then the connection closes."""


class Silence(Fault, frozen=True, kw_only=True, tag="silence"):
    """No answer comes until the client gives up."""

    processed: bool = False


class Throttle(Fault, frozen=True, kw_only=True, tag="throttle"):
    """Requests over so many in any second are answered with 429."""

    requests_per_s: Annotated[int, Meta(ge=1)]
    retry_after_s: Annotated[int, Meta(ge=0)] | None = None


class Choice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which operations; one that has all that is told, and all of them if nothing is.

    identifiers, attributes: name to glob pattern; a number, true, false or null is matched as JSON
    writes it, anything nested as nothing.
    """

    type: Literal["person", "object", "delivery"] | None = None
    action: str | None = None
    identifiers: Patterns = {}
    attributes: Patterns = {}

    def __post_init__(self) -> None:
        """Refuse what no operation has, and so would never be met."""
        actions = sorted(frozenset[str]().union(*trackapi.ACTIONS.values()))
        if self.action is not None and self.action not in actions:
            raise ValueError(f"`action` must be one of: {', '.join(actions)}")
        for name in self.identifiers:
            if name not in _IDENTIFIERS:
                raise ValueError(f"`identifiers` are: {', '.join(_IDENTIFIERS)}")

    def holds(self, operation: Mapping[str, Any]) -> bool:
        """Whether an operation is chosen."""
        return (
            self.type in (None, operation.get("type"))
            and self.action in (None, operation.get("action"))
            and _match(self.identifiers, operation.get("identifiers"))
            and _match(self.attributes, operation.get("attributes"))
        )


class Refusal(Fault, frozen=True, kw_only=True, tag="refusal"):
    """Chosen operations of v2 are refused, each time they come: an entry of a 207, or a 400."""

    only: Choice = Choice()
    message: str = "is refused by the scenario"


class Poison(Fault, frozen=True, kw_only=True, tag="poison"):
    """A v2 request that holds a chosen operation is refused as a whole, each time it comes."""

    only: Choice = Choice()
    status: Literal[400, 413, 500] = 400


#: What ends a request otherwise than with its own answer.
Ending = Failure | Reset | Cut | Silence
AnyFault = Delay | Ending | Throttle | Refusal | Poison


def operations(body: bytes) -> Iterator[dict[str, Any]]:
    """The operations in a v2 body, a batch's or the one of an entity; none in what is neither."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    held = told.get("batch", [told]) if isinstance(told, dict) else []
    yield from (item for item in (held if isinstance(held, list) else []) if isinstance(item, dict))


def _match(patterns: Patterns, told: object) -> bool:
    values = told if isinstance(told, dict) else {}
    return all(
        name in values and fnmatchcase(_text(values[name]), pattern)
        for name, pattern in patterns.items()
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if isinstance(value, dict | list) else orjson.dumps(value).decode()
