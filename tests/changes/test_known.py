"""The file of what is known: a dict that outlives anything, and says so where it did not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.changes import entries, pieces, tidying
from backfill.changes.entries import RECORD, Records
from backfill.changes.known import Known
from backfill.errors import CheckpointError, StorageError

from .nights import as_dict

BELONGS = {"stream": "people", "key": ["id"], "destination": "here"}
DOUBT = (int(entries.DOUBT), 0, 0)

#: Some share 64 bits, one is all zeros, one is the highest there is.
KEYS = [(0, 0), (0, 1), (0, 2**24 - 1), (7, 0), (7, 5), (7, 6), (2**63, 3), (2**64 - 1, 2**24 - 1)]
KEYS += [(2**40 + n, n) for n in range(8)]


def record(key: tuple[int, int], line: int, d0: int, d1: int) -> Records:
    return np.array([(key[0], key[1] << 8, line, d0, d1)], RECORD)


def name(key: tuple[int, int]) -> bytes:
    return key[0].to_bytes(8, "big") + key[1].to_bytes(3, "big")


keys = st.sampled_from(KEYS)
lines = st.integers(1, 2**64 - 3)
digests = st.integers(0, 2**64 - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("acked"), st.lists(st.tuples(keys, lines, digests, digests), max_size=6)),
        st.tuples(st.just("doubted"), st.lists(keys, max_size=4)),
        st.tuples(st.just("gone"), st.lists(keys, max_size=4)),
        st.tuples(st.just("all doubted"), st.just([])),
        st.tuples(st.just("reopened"), st.just([])),
    ),
    max_size=14,
)


def take(known: Known, model: dict[bytes, tuple[int, ...]], kind: str, told: Sequence) -> None:
    """Do a step to a file and to a dict."""
    if kind == "acked":
        known.append(joined([record(*one) for one in told]))
        model.update({name(key): rest for key, *some in told if (rest := tuple(some))})
    elif kind == "doubted":
        known.append(entries.in_doubt(joined([record(key, 1, 1, 1) for key in told])))
        model.update({name(key): DOUBT for key in told})
    elif kind == "gone":
        known.append(entries.gone(joined([record(key, 1, 1, 1) for key in told])))
        for key in told:
            model.pop(name(key), None)
    elif kind == "all doubted":
        known.append(entries.everybody_in_doubt())
        model.update(dict.fromkeys(model, DOUBT))


def joined(records: list[Records]) -> Records:
    return np.concatenate([np.empty(0, RECORD), *records])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("known")


@pytest.mark.parametrize("share", [0, 8])  # whether what is added is laid over, or all written anew
@given(told=steps, piece=st.sampled_from([1, 2, 3, 1 << 18]))
@settings(max_examples=100, deadline=None)
def test_whatever_is_added_and_however_often_it_is_reopened_it_is_a_dict(
    folder, share, told, piece
):
    path = folder / "a"
    path.unlink(missing_ok=True)
    model: dict[bytes, tuple[int, ...]] = {}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_RECORDS", piece)
        patch.setattr(tidying, "ADDED_SHARE", share)
        known = Known.open(path, BELONGS)
        for kind, some in told:
            if kind == "reopened":
                known.close()
                known = Known.open(path, BELONGS)
            take(known, model, kind, some)
        known.close()
        before = path.read_bytes()

        looked = as_dict(Known.look(path))
        assert path.read_bytes() == before
        opened = as_dict(Known.open(path, BELONGS))

    assert looked == opened == model


@given(
    first=steps, told=steps, piece=st.sampled_from([1, 2, 1 << 18]), share=st.sampled_from([0, 8])
)
@settings(max_examples=100, deadline=None)
def test_every_place_is_found_by_its_key_and_no_other(folder, first, told, piece, share):
    path = folder / "b"
    path.unlink(missing_ok=True)
    model: dict[bytes, tuple[int, ...]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_RECORDS", piece)
        for steps_, each in ((first, 8), (told, share)):  # a file in order, and what is added
            patch.setattr(tidying, "ADDED_SHARE", each)
            known = Known.open(path, BELONGS)
            for kind, some in steps_:
                take(known, model, kind, some)
            known.close()

        patch.setattr(tidying, "ADDED_SHARE", share)
        known = Known.open(path, BELONGS)
        every = joined(list(known.pieces()))
        sought = joined([record(key, 0, 0, 0) for key in KEYS])
        found = entries.find(every, entries.keys(sought))
        at = known.at(np.arange(known.count))
        known.close()

    assert [name(key) in model for key in KEYS] == (found >= 0).tolist()
    assert all(
        entries.same_key(every[[place]], sought[[i]]).all()
        for i, place in enumerate(found.tolist())
        if place >= 0
    )
    assert at.tolist() == every.tolist()


def filled(path: Path) -> tuple[bytes, dict[bytes, tuple[int, ...]], list[int]]:
    """A file of eight ordered records and, behind them, some added in three goes; their ends."""
    path.unlink(missing_ok=True)
    known = Known.open(path, BELONGS)
    model: dict[bytes, tuple[int, ...]] = {}
    take(known, model, "acked", [(key, n + 1, n, n) for n, key in enumerate(KEYS[8:])])
    known.close()
    Known.open(path, BELONGS).close()
    return path.read_bytes(), model, []


ADDED = [
    ("acked", [(KEYS[0], 2**63, 2**62, 5), (KEYS[8], 9, 9, 9)]),
    ("doubted", [KEYS[9]]),
    ("gone", [KEYS[10]]),
    ("acked", [(KEYS[7], 4, 4, 4)]),
]


def test_a_tail_torn_at_any_byte_forgets_only_the_torn_records(tmp_path):
    path = tmp_path / "known"
    ordered, model, _ = filled(path)
    states = [dict(model)]
    known = Known.open(path, BELONGS)
    for kind, some in ADDED:
        for one in some:
            take(known, model, kind, [one])
            states.append(dict(model))
    known.close()
    whole = path.read_bytes()

    for size in range(len(ordered), len(whole) + 1):
        for torn in (whole[:size], whole[:size].ljust(len(whole), b"\0")):
            path.write_bytes(torn)
            left, next_ = _as_written(torn[len(ordered) :], whole[len(ordered) :])
            if entries.sound(next_).all() and len(next_):
                continue  # chance lets the check pass of one in 256 that is torn within
            assert as_dict(Known.look(path)) == states[left]
            assert as_dict(Known.open(path, BELONGS)) == states[left]


def _as_written(torn: bytes, whole: bytes) -> tuple[int, Records]:
    """How many of the records are as they were written, and the one behind them."""
    size = RECORD.itemsize
    left = 0
    while left * size < len(torn) and torn[left * size :][:size] == whole[left * size :][:size]:
        left += 1
    if left * size > len(torn):
        left -= 1
    behind = torn[left * size : left * size + size]
    return left, np.frombuffer(behind if len(behind) == size else b"", RECORD)


def test_records_of_zeros_are_none(tmp_path):
    assert not entries.sound(np.zeros(3, RECORD)).any()


def test_what_is_added_after_a_torn_tail_is_kept(tmp_path):
    path = tmp_path / "known"
    _, model, _ = filled(path)
    with path.open("ab") as file:
        file.write(b"torn, whatever it was")

    known = Known.open(path, BELONGS)
    take(known, model, "acked", [(KEYS[0], 1, 2, 3)])
    known.close()

    assert as_dict(Known.open(path, BELONGS)) == model


def test_any_flipped_byte_of_the_ordered_part_is_refused(tmp_path):
    path = tmp_path / "known"
    ordered, _, _ = filled(path)

    for place in range(8192, len(ordered)):
        flipped = bytearray(ordered)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        for hold in (lambda: Known.open(path, BELONGS), lambda: Known.look(path)):
            with pytest.raises(CheckpointError) as raised:
                hold()
            assert "damaged" in raised.value.what
            assert str(path) == raised.value.where
            assert "move it away" in raised.value.fix
        assert path.read_bytes() == flipped


def test_any_flipped_byte_of_the_header_is_refused(tmp_path):
    path = tmp_path / "known"
    ordered, _, _ = filled(path)
    told = len(ordered[:8192].rstrip())

    for place in [*range(told + 3), 8191]:
        flipped = bytearray(ordered)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        with pytest.raises(CheckpointError):
            Known.look(path)


@pytest.mark.parametrize("size", [0, 5, 100, 8191, 8192, 8193, 8192 + 36 * 7])
def test_a_file_cut_off_in_its_ordered_part_is_refused(tmp_path, size):
    path = tmp_path / "known"
    ordered, _, _ = filled(path)
    path.write_bytes(ordered[:size])

    with pytest.raises(CheckpointError):
        Known.open(path, BELONGS)
    with pytest.raises(CheckpointError):
        Known.look(path)


def test_another_file_in_its_place_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "known"
    path.write_text("id,value\n1,2\n")

    with pytest.raises(CheckpointError, match="not what change detection keeps"):
        Known.open(path, BELONGS)

    assert path.read_text() == "id,value\n1,2\n"


def test_a_folder_in_its_place_is_said_so(tmp_path):
    (tmp_path / "known").mkdir()

    with pytest.raises((CheckpointError, StorageError)):
        Known.open(tmp_path / "known", BELONGS)


def test_who_only_looks_makes_no_file(tmp_path):
    assert as_dict(Known.look(tmp_path / "state/known")) == {}
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "known"
    filled(path)

    assert path.stat().st_mode & 0o777 == 0o600
