"""The file: one line a time, whatever was torn, by nobody but its owner."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import StorageError
from backfill.history import append, beside, read

from .nights import night, nothing_new


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tmp_path / "job.checkpoint"


def test_what_was_written_is_read_back_and_only_the_owner_may_read_it(checkpoint):
    entries = [night(0, 7, 2), nothing_new(1), nothing_new(2)]
    for entry in entries:
        append(checkpoint, entry)

    assert read(checkpoint) == (entries, 0)
    assert stat.S_IMODE(beside(checkpoint).stat().st_mode) == 0o600


def test_of_a_run_the_last_line_counts_in_the_place_of_its_first(checkpoint):
    for entry in (night(0, 3), night(1), night(0, 8)):
        append(checkpoint, entry)

    assert read(checkpoint) == ([night(0, 8), night(1)], 0)


@given(cut=st.integers(1, 400))
def test_a_line_torn_anywhere_is_passed_over_and_the_next_is_whole(tmp_path_factory, cut):
    checkpoint = tmp_path_factory.mktemp("torn") / "job.checkpoint"
    append(checkpoint, night(0))
    kept = beside(checkpoint).stat().st_size
    append(checkpoint, night(1))
    with beside(checkpoint).open("r+b") as file:
        file.truncate(min(kept + cut, beside(checkpoint).stat().st_size - 2))

    torn = read(checkpoint)
    append(checkpoint, night(2))

    assert torn == ([night(0)], 1)
    assert read(checkpoint) == ([night(0), night(2)], 1)


def test_another_name_of_the_checkpoint_has_the_same_history(checkpoint):
    append(checkpoint, night(0))
    link = checkpoint.with_name("link")
    checkpoint.touch()
    link.symlink_to(checkpoint)
    append(link, night(1))

    assert read(link) == read(checkpoint) == ([night(0), night(1)], 0)
    assert not beside(link).exists()


def test_a_file_of_that_name_that_is_none_of_ours_is_left_as_it_is(checkpoint):
    beside(checkpoint).write_bytes(b"SQLite format 3\x00")

    with pytest.raises(StorageError, match="no history"):
        append(checkpoint, night(0))
    assert beside(checkpoint).read_bytes() == b"SQLite format 3\x00"


def test_without_a_file_there_is_nothing(checkpoint):
    assert read(checkpoint) == ([], 0)


def test_what_a_later_version_adds_is_passed_over(checkpoint):
    append(checkpoint, night(0, 5))
    path = beside(checkpoint)
    text = path.read_text().replace('"read":5', '"read":5,"dreamt":1')
    path.write_text(text.replace('"sittings":1', '"sittings":1,"moon":"full"'))

    (entry,), unread = read(checkpoint)

    assert (entry.rows, unread) == (night(0, 5).rows, 0)
