"""What people and programs are told in passing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

from backfill.errors import unforeseen

#: info:    what was asked for happens.
#: warning: nothing is lost, or somebody should look at it.
#: error:   rows were lost, or a person must act.
Level = Literal["info", "warning", "error"]


class Remark(NamedTuple):
    """One thing to know.

    text:  for people; holds no value of a row and no secret.
    event: for programs: a name in snake_case, stable over releases.
    """

    text: str
    event: str
    level: Level = "info"


class Says(Protocol):
    """Whoever is told."""

    def __call__(self, text: str, event: str = "remark", level: Level = "info") -> None:
        """As the parts of a Remark."""


def shown(text: str, level: Level) -> str:
    """A remark as people read it: "warning: ..."."""
    return text if level == "info" else f"{level}: {text}"


def stray(context: Mapping[str, Any]) -> Remark:
    """What to say of an error that reaches nobody; asyncio would print all that it quotes.

    context: as an event loop hands it to its exception handler.
    """
    error = context.get("exception")
    text = str(unforeseen(error) if error else context["message"])
    return Remark(text, "stray_error", "warning")
