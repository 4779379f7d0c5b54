"""Whom a run created, of those that it was the first to name: the App API tells when somebody was.

Facts: `_created_in_customerio_at` is set by the server when a profile is made and cannot be sent
[docs: reserved attributes]; in an answer it is text, of unix seconds [app api]. What a run sent is
applied after it was acknowledged [track api]. The run's times are those of this machine's clock.
Rule: only who was created while the run went on was created by it; whoever cannot be shown to have
been is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from backfill.appapi import IDS_MAX, AppApi, folded
from backfill.trackapi import PERSON_KINDS, PersonKind
from backfill.undoing.reversal import FirstSeen

#: Seconds after a run's last commit in which the API may still make people of what it took: how
#: long it may take is not documented.
APPLIED_WITHIN_S: Final = 3_600

_BIRTH: Final = "_created_in_customerio_at"

# Why somebody whom the run was the first to name is left alone.
CREATES_NOBODY = "first seen in the run, which created nobody it did not find"
OBJECT = "objects first seen in the run: the App API does not tell when one was created"
NO_KEY = (
    "first seen in the run: whether they existed before is asked with CUSTOMERIO_APP_API_KEY,"
    " which is not set"
)
NO_TIMES = "first seen in the run, of which it is not known any more when it began and ended"
NOT_FOUND = "first seen in the run, and not found in the workspace"
NO_BIRTH = "first seen in the run: the App API does not say when they were created"
BEFORE = "first seen in the run, and created before it"
AFTER = "first seen in the run, and created after it"


class Span(NamedTuple):
    """When a run began and when what it sent was applied at the latest; unix seconds."""

    began_s: float
    ended_s: float


class Births:
    """Tells whom a run created.

    span: of the run; None: it is not known any more. asks: what opens the App API; None: no key.
    """

    def __init__(self, span: Span | None, asks: Callable[[], AppApi | None]) -> None:
        self._span, self._asks = span, asks

    def why_left(self, seen: Sequence[FirstSeen]) -> list[str]:
        """Of each why it is left alone; empty: the run created it.

        Raises what the App API does.
        """
        found = [self._without_asking(each) for each in seen]
        for kind in PERSON_KINDS:
            to_ask = [i for i, why in enumerate(found) if why is None and kind in _kinds(seen[i])]
            for first in range(0, len(to_ask), IDS_MAX):
                some = to_ask[first : first + IDS_MAX]
                names = [seen[i].identifiers[kind] for i in some]
                for i, why in zip(some, self._asked(kind, names), strict=True):
                    found[i] = why
        return [OBJECT if why is None else why for why in found]

    def _without_asking(self, each: FirstSeen) -> str | None:
        if not _kinds(each):
            return OBJECT
        if not each.may_be_created:
            return CREATES_NOBODY
        if self._span is None:
            return NO_TIMES
        return NO_KEY if self._asks() is None else None

    def _asked(self, kind: PersonKind, names: Sequence[str]) -> Iterator[str]:
        api = self._asks()
        assert api is not None
        people = api.profiles(kind, names)
        for name in names:
            person = people.get(folded(kind, name))
            yield NOT_FOUND if person is None else self._judged(person.attributes.get(_BIRTH))

    def _judged(self, birth: str | None) -> str:
        assert self._span is not None
        if birth is None or not (birth.isascii() and birth.isdigit()):
            return NO_BIRTH
        if int(birth) < self._span.began_s:
            return BEFORE
        return AFTER if int(birth) > self._span.ended_s else ""


def _kinds(each: FirstSeen) -> set[str]:
    return each.identifiers.keys() & set(PERSON_KINDS)
