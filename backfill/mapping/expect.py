"""What the exports of a stream are held against before anything is sent: `expect`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator
from pydantic import Field as Described

from backfill.mapping.fields import Model

_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *%")

#: What `expect: learnt` stands for. Nightly exports of a business vary with the day of the week and
#: the month's end by a tenth or two; a file that is cut, or whose cells are shifted, by far more.
_LEARNT = {"columns": "learnt", "max_row_change": "30%", "max_null_change": "20%"}


def _share(given: Any) -> Any:
    if given is not None and not (isinstance(given, str) and _SHARE.fullmatch(given)):
        raise ValueError("a change is a share, as 30%")
    return given


def percent(share: str) -> Fraction:
    """The number before the sign of a share: 30 of "30%"."""
    found = _SHARE.fullmatch(share)
    assert found is not None, "the model let something else through"
    return Fraction(found[1])


Share = Annotated[str | None, BeforeValidator(_share, json_schema_input_type=str | None)]


class Expect(Model):
    """What is to hold of the files of a stream together; `learnt` from the nights before."""

    columns: Literal["learnt"] | Annotated[list[str], Described(min_length=1)] | None = Described(
        None,
        description="Names that must all be there; or learnt: names and order of the last night.",
    )
    min_rows: Annotated[int, Described(ge=1, strict=True)] | None = Described(
        None, description="Fewer rows stop the run."
    )
    max_row_change: Share = Described(
        None, description="How far rows may be from the median of up to seven nights: 30%."
    )
    max_null_change: Share = Described(
        None, description="How many points a column's share of blanks may be from theirs: 20%."
    )

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if self == Expect.model_construct():
            raise ValueError("expect says learnt, or what is expected")
        return self

    @property
    def is_learning(self) -> bool:
        """Whether anything is compared with the nights before."""
        changes = (self.max_row_change, self.max_null_change)
        return self.columns == "learnt" or changes != (None, None)


def _expected(given: Any) -> Any:
    return _LEARNT if given == "learnt" else given


#: `accept` holds nothing against the files, and has the nights to come compared with this one.
Expected = Annotated[
    Expect | Literal["accept"] | None,
    BeforeValidator(_expected, json_schema_input_type=Expect | Literal["learnt", "accept"] | None),
]
