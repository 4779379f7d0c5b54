"""What takes back what a run did to one entity, as a law over any two operations."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from backfill.changes import Change
from backfill.undoing.reversal import FirstSeen, Left, SetBack, reversal

NAMES = st.sampled_from(["plan", "score", "a b", "é", "_update"])
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.lists(st.none())
)
ATTRIBUTES = st.dictionaries(NAMES.filter(lambda name: name != "_update"), VALUES)


def operation(attributes: dict[str, Any], **more: Any) -> bytes:
    told = {"type": "person", "action": "identify", "identifiers": {"id": "1"}}
    return json.dumps({**told, "attributes": attributes, **more}).encode()


def applied(profile: dict[str, Any], text: bytes) -> dict[str, Any]:
    """A profile after an identify: by name, null removes."""
    told = {**profile, **json.loads(text)["attributes"]}
    return {n: v for n, v in told.items() if v is not None and n != "_update"}


@given(profile=ATTRIBUTES, before=ATTRIBUTES, after=ATTRIBUTES)
def test_a_profile_is_what_it_was_before_the_run_in_all_that_was_ever_sent(profile, before, after):
    first = applied(profile, operation(before))
    wrong = applied(first, operation(after))
    found = reversal(Change(b"k", operation(after), operation(before), False))
    undone = applied(wrong, found.operation) if isinstance(found, SetBack) else wrong
    # What the run was the first to send is removed: what stood there is not known.
    lost = after.keys() - before.keys()

    assert undone == {n: v for n, v in first.items() if n not in lost}


@given(profile=ATTRIBUTES, before=ATTRIBUTES, after=ATTRIBUTES)
def test_undoing_an_undo_makes_of_a_profile_what_the_run_had_made(profile, before, after):
    wrong = applied(applied(profile, operation(before)), operation(after))
    found = reversal(Change(b"k", operation(after), operation(before), False))
    assume(isinstance(found, SetBack))
    again = reversal(Change(b"k", found.text, operation(after), False))
    redone = applied(wrong, found.operation)
    if isinstance(again, SetBack):
        redone = applied(redone, again.operation)

    assert redone == wrong


def test_an_operation_on_a_person_never_creates_one():
    found = reversal(Change(b"k", operation({"a": 1}), operation({"a": 2}), False))

    assert isinstance(found, SetBack)
    assert json.loads(found.operation)["attributes"]["_update"] is True


def test_who_was_only_updated_was_not_created():
    found = reversal(Change(b"k", operation({"_update": True, "a": 1}), None, True))

    assert found == FirstSeen({"id": "1"}, may_be_created=False)


def test_another_identifier_of_the_same_key_is_left_alone():
    renamed = operation({"a": 2}).replace(b'"id"', b'"email"')
    found = reversal(Change(b"k", renamed, operation({"a": 1}), False))

    assert isinstance(found, Left)


def test_more_than_an_operation_may_hold_is_left_alone():
    before = operation({f"a{n}": "x" * 900 for n in range(34)})
    after = operation({f"b{n}{'n' * 140}": "x" for n in range(150)})
    found = reversal(Change(b"k", after, before, False))

    assert isinstance(found, Left)


def test_the_time_of_the_run_is_the_time_of_the_undo():
    before, after = operation({"a": 1}, timestamp=1_500), operation({"a": 2}, timestamp=1_600)
    found = reversal(Change(b"k", after, before, False))

    assert isinstance(found, SetBack)
    assert json.loads(found.operation)["timestamp"] == 1_600
