"""What is kept of earlier runs as text: of whom it is which run's doing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backfill.changes.texts import Texts, records_of

KEYS = [bytes([n] * 8 + [0, 0, 0, n]) for n in (1, 2)]
SAME = b'{"type":"person"}'


@pytest.fixture
def texts(tmp_path: Path) -> Iterator[Texts]:
    found = Texts(tmp_path / "texts", keeps_previous=True)
    yield found
    found.close()


def put(texts: Texts, run_id: str, text: bytes, *, is_first: bool) -> None:
    texts.begin(run_id)
    texts.put(records_of(KEYS), [text, text], [is_first, is_first])


def changed_by(texts: Texts, run_id: str) -> list[bool]:
    return [change.is_first for some in texts.changed_by(run_id) for change in some]


def test_who_is_told_the_same_again_is_still_the_doing_of_the_run_before(texts):
    put(texts, "a", SAME, is_first=True)
    put(texts, "b", SAME, is_first=False)

    assert (changed_by(texts, "a"), changed_by(texts, "b")) == ([True, True], [])


def test_who_was_named_and_never_told_is_the_doing_of_the_run_that_tells_them(texts):
    put(texts, "a", SAME, is_first=True)
    put(texts, "b", SAME, is_first=True)

    assert (changed_by(texts, "a"), changed_by(texts, "b")) == ([], [True, True])
