"""A file moved to a folder, whatever stands there and wherever it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from backfill.errors import SourceError
from backfill.pipeline.moving import move
from backfill.readers import Content, content

from .folders import standing

OTHER_DEVICE = Path("/dev/shm")


@pytest.fixture(params=["the same device", "another device"])
def target(request, tmp_path):
    """A folder to move to."""
    if request.param == "the same device":
        yield tmp_path / "done"
        return
    if not OTHER_DEVICE.is_dir() or OTHER_DEVICE.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other device")
    with tempfile.TemporaryDirectory(dir=OTHER_DEVICE) as folder:
        yield Path(folder) / "done"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in/a.csv.gz"
    path.parent.mkdir()
    path.write_bytes(b"content" * 100_000)
    path.chmod(0o640)
    return path


def test_a_file_is_whole_at_its_new_place_and_gone_from_the_old(source, target):
    before, kept = source.stat(), source.read_bytes()

    place = move(source, target / "2024/a.csv.gz", content(source))

    assert place == target / "2024/a.csv.gz"
    assert place.read_bytes() == kept
    assert (place.stat().st_mode, place.stat().st_mtime) == (before.st_mode, before.st_mtime)
    assert standing(source.parent) == []
    assert standing(target) == ["2024/a.csv.gz"]


def test_the_first_free_name_keeps_the_ending(source, target):
    target.mkdir()
    for name in ("a.csv.gz", "a-2.csv.gz"):
        (target / name).write_text(name)

    place = move(source, target / "a.csv.gz", content(source))

    assert place == target / "a-3.csv.gz"
    assert (target / "a-2.csv.gz").read_text() == "a-2.csv.gz"


@pytest.mark.parametrize("name", ["a.csv.gz", "a-2.csv.gz"])
def test_what_stands_there_already_is_not_kept_twice(source, target, name):
    """As a kill leaves it that comes between the copy and the end of the source."""
    target.mkdir()
    (target / "a.csv.gz").write_text("other")
    (target / name).write_bytes(source.read_bytes())

    move(source, target / "a.csv.gz", content(source))

    assert standing(source.parent) == []
    assert standing(target) == sorted({"a.csv.gz", name})


def test_what_a_kill_left_half_copied_is_begun_anew(source, target):
    target.mkdir()
    (target / ".a.csv.gz.draft").write_bytes(b"conte")
    kept = source.read_bytes()

    place = move(source, target / "a.csv.gz", content(source))

    assert place.read_bytes() == kept
    assert place == target / "a.csv.gz"


def test_a_link_in_the_way_is_not_followed(source, target, tmp_path):
    target.mkdir()
    (target / "a.csv.gz").symlink_to(source)

    place = move(source, target / "a.csv.gz", content(source))

    assert place == target / "a-2.csv.gz"
    assert (target / "a.csv.gz").is_symlink()


def test_a_copy_that_is_not_what_was_taken_leaves_the_source(source, target):
    if not str(target).startswith(str(OTHER_DEVICE)):
        pytest.skip("a rename copies nothing")

    with pytest.raises(SourceError):
        move(source, target / "a.csv.gz", Content(7, "another"))

    assert standing(source.parent) == ["a.csv.gz"]
    assert standing(target) == []
