"""How a nightly export is compared with what was sent before, and what becomes of who is gone."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field as Described
from pydantic import model_validator

from backfill.mapping.fields import Model

#: What becomes of who is gone, where that is a word.
VanishedWord = Literal["ignore", "delete", "suppress"]


class Changes(Model):
    """Only rows that are new, or different from what was acknowledged, are sent."""

    key: str | list[str] = Described(
        description="Column(s) that name the entity; of rows with one key the last counts."
    )
    send: Literal["operation", "changed_attributes"] = Described(
        "operation", description="The whole operation, or only the attributes that differ."
    )
    keep_previous: bool = Described(
        False, description="Keep what was sent before the last change, for `backfill undo`."
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the key."""
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    @property
    def keeps_operations(self) -> bool:
        """Whether what was sent is kept, and not only its digest."""
        return self.keep_previous or self.send == "changed_attributes"

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if not self.columns or not all(self.columns):
            raise ValueError("changes.key names a column, or several")
        return self


class VanishedSet(Model):
    """Attributes that who is gone gets."""

    set: dict[str, Any] = Described(min_length=1, description="Attribute to constant.")


Vanished = VanishedWord | VanishedSet
