"""Grouping that outgrows memory, held against a dict; and what it leaves on the disk: nothing."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import StorageError
from backfill.planning.pairs import Pairs, Store
from tests.faults.disk import mounted

some_keys = st.one_of(st.integers(0, 3), st.sampled_from([2**58, 2**63, 2**64 - 1]))
blocks = st.lists(st.lists(st.tuples(some_keys, st.integers(0, 3)), max_size=12), max_size=12)


def filled(pairs: Pairs, given_blocks) -> list[tuple[int, int, int]]:
    """Add blocks of key and value, with places that count up; gives all rows."""
    rows, place = [], 0
    for block in given_blocks:
        placed = [(key, value, place + i) for i, (key, value) in enumerate(block)]
        place += len(block)
        columns = list(zip(*placed, strict=True)) or [(), (), ()]
        types = (np.uint64, np.uint64, np.int64)
        pairs.add(*(np.array(c, t) for c, t in zip(columns, types, strict=True)))
        rows += placed
    return rows


def by_key(rows):
    found = defaultdict(list)
    for key, value, place in rows:
        found[key].append((value, place))
    return found


@given(blocks, st.integers(1, 40))
@settings(deadline=None)
def test_every_row_comes_back_once_with_all_rows_of_its_key(tmp_path_factory, given_blocks, room):
    pairs = Pairs(tmp_path_factory.getbasetemp(), room)
    rows = filled(pairs, given_blocks)

    groups = list(pairs.groups())
    pairs.close()

    found = [
        list(zip(g.keys.tolist(), g.values.tolist(), g.places.tolist(), strict=True))
        for g in groups
    ]
    assert sorted(row for group in found for row in group) == sorted(rows)
    keys = [{key for key, _, _ in group} for group in found]
    assert sum(map(len, keys)) == len(set().union(*keys))


@given(blocks, st.integers(1, 40))
@settings(deadline=None)
def test_several_values_and_later_rows_are_those_of_a_dict(tmp_path_factory, given_blocks, room):
    pairs = Pairs(tmp_path_factory.getbasetemp(), room)
    expected = by_key(filled(pairs, given_blocks))

    several, later, differing = set(), set(), set()
    for group in pairs.groups():
        is_later, differs = group.later()
        several |= set(group.places[group.several()].tolist())
        later |= set(group.places[is_later].tolist())
        differing |= set(group.places[differs].tolist())
    pairs.close()

    assert several == {
        place for rows in expected.values() if len({v for v, _ in rows}) > 1 for _, place in rows
    }
    assert later == {place for rows in expected.values() for _, place in rows[1:]}
    assert differing == {
        place for rows in expected.values() for value, place in rows if value != rows[0][0]
    }


@given(blocks, blocks, st.integers(1, 10))
@settings(deadline=None)
def test_rows_may_be_added_after_the_groups_were_looked_at(tmp_path_factory, first, second, room):
    pairs = Pairs(tmp_path_factory.getbasetemp(), room)
    rows = filled(pairs, first)
    before = sum(len(group.keys) for group in pairs.groups())
    more = filled(pairs, second)
    after = sum(len(group.keys) for group in pairs.groups())
    pairs.close()

    assert (before, after) == (len(rows), len(rows) + len(more))


def still_open(folder: Path) -> list[str]:
    """The files of a folder that this process has open, those without a name, too."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(descriptor.readlink()))
    return [name for name in found if name.startswith(str(folder))]


def test_a_store_leaves_nothing_open_and_nothing_in_the_folder_also_on_an_error(tmp_path):
    def interrupted() -> None:
        with Store(tmp_path, buffered_rows=2) as store:
            for pairs in (store.pairs(), store.pairs()):
                filled(pairs, [[(1, 1)] * 5] * 3)
            assert len(still_open(tmp_path)) == 2
            assert list(tmp_path.iterdir()) == []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert still_open(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_no_reason_to_fail(tmp_path):
    with Store(tmp_path / "state", buffered_rows=1) as store:
        pairs = store.pairs()
        filled(pairs, [[(1, 1)], [(1, 2)]])
        assert [len(group.keys) for group in pairs.groups() if len(group.keys)] == [2]


def test_a_disk_without_room_is_told_as_such(tmp_path):
    with mounted(tmp_path / "small") as disk, Store(disk.seen, buffered_rows=1) as store:
        pairs = store.pairs()
        filled(pairs, [[(1, 1)]])
        disk.fill()
        with pytest.raises(StorageError) as caught:
            filled(pairs, [[(n, n) for n in range(1_000)]])

    assert "No space left on device" in caught.value.what
    assert caught.value.where == str(disk.seen)
    assert "24 bytes a row" in caught.value.fix
