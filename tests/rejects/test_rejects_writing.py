"""Rejects while they are written: durable, all of an answer or none, and nobody else's."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
import xxhash

from backfill.errors import StorageError, UsageError
from backfill.mapping import Source
from backfill.rejects import RejectsFile
from backfill.rejects.failures import storage_errors
from backfill.resumption import Extent

from .rows import blocks_of, contents, make, refused, reject_all


def test_nothing_refused_makes_no_file_and_no_folder(tmp_path: Path) -> None:
    rejects = RejectsFile(tmp_path / "rejects", "people", Source(path="people.csv"), None)

    assert (rejects.sync(), rejects.paths()) == (Extent(), [])
    rejects.close()
    assert list(tmp_path.iterdir()) == []


def replaced(path: Path) -> None:
    other = path.with_name("saved by an editor")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize("change", [replaced, Path.unlink])
def test_rejects_that_are_replaced_while_a_run_writes_them_swallow_none(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    source = make(tmp_path, "people.csv")
    (block,) = blocks_of(tmp_path, source)
    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)
    rejects.append(refused(block))
    change(tmp_path / "rejects/people.csv")

    for make_durable in (rejects.sync, rejects.close):
        with pytest.raises(StorageError, match="while the run writes them"):
            make_durable()


def test_rows_that_another_runs_file_stands_in_the_way_of_are_all_written_or_none(
    tmp_path: Path,
) -> None:
    (tmp_path / "p1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "p2.csv").write_text("c,b\n3,4\n")
    source, folder = Source(path="p*.csv"), tmp_path / "rejects"
    one, two = blocks_of(tmp_path, source)
    rejects = RejectsFile(folder, "people", source, None)
    rejects.append(refused(one))
    before, extent = contents(folder), rejects.extent
    (folder / "people+2.csv").write_text("made by another run")

    with pytest.raises(UsageError, match="another run writes"):
        rejects.append(refused(one), refused(two))

    rejects.close()
    assert (rejects.extent, contents(folder)["people.csv"]) == (extent, before["people.csv"])


LOCKS = """
    import fcntl, os, sys
    from pathlib import Path
    from backfill.rejects.holding import check_free

    def look(event, arguments):
        if event == "fcntl.flock":
            print(fcntl.fcntl(arguments[0], fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY)

    sys.addaudithook(look)
    check_free(Path(sys.argv[1]))
"""


def test_the_lock_is_one_that_nfs_gives(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("")

    command = [sys.executable, "-c", textwrap.dedent(LOCKS), str(tmp_path / "people.csv")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    assert ended.stdout == "True\n"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF])
def test_a_folder_that_cannot_be_locked_is_told_with_the_way_out(number: int) -> None:
    with (
        pytest.raises(StorageError, match="to a folder on a local disk"),
        storage_errors(Path("people.csv")),
    ):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.parquet"])
def test_only_the_owner_may_read_rejects(tmp_path: Path, name: str) -> None:
    source = make(tmp_path, name)
    mask = os.umask(0)
    try:
        reject_all(tmp_path, source)
    finally:
        os.umask(mask)

    folder = tmp_path / "rejects"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_appending_while_another_thread_syncs_commits_only_what_is_there(tmp_path: Path) -> None:
    source = make(tmp_path, "people.csv")
    (block,) = blocks_of(tmp_path, source)
    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)
    rejects.append(refused(block, [0]))
    lengths: list[int] = []

    def sync_often() -> None:
        lengths.extend(rejects.sync().length for _ in range(20))

    thread = Thread(target=sync_often)
    thread.start()
    for _ in range(500):
        rejects.append(refused(block, [1]))
    thread.join()

    assert lengths == sorted(lengths)
    (path,) = rejects.paths()
    content = path.read_bytes()
    assert len(content) == rejects.extent.length
    assert rejects.sync() == Extent(len(content), xxhash.xxh3_64_digest(content))
    assert all(content[:length].endswith(b"\n") for length in lengths)
    rejects.close()


FULL_DISK = """
    import resource, signal, sys
    from pathlib import Path
    import numpy as np
    from backfill.errors import StorageError
    from backfill.mapping import Source
    from backfill.readers import find, open_file
    from backfill.records import Rejected
    from backfill.rejects import RejectsFile

    base = Path(sys.argv[1])
    source = Source(path="people.csv")
    (file,) = find("people", source, base)
    (block,) = open_file(file, source).blocks()
    rejects = RejectsFile(base / "rejects", "people", source, None)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    one = Rejected(block, block.rows[:1], ["rule"], ["reason"])
    rejected = Rejected(block, block.rows, ["rule"] * 4, ["reason"] * 4)
    bound = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, bound[1]))
    try:
        rejects.append(one, rejected)
    except StorageError as error:
        print(error.what)
    resource.setrlimit(resource.RLIMIT_FSIZE, bound)
    rejects.append(rejected)
    (path,) = rejects.paths()
    print(rejects.extent.length == path.stat().st_size, len(path.read_text().splitlines()))
"""


def test_a_file_that_takes_no_more_is_a_storage_error_and_holds_all_rows_of_an_answer_or_none(
    tmp_path: Path,
) -> None:
    make(tmp_path, "people.csv")

    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout == "the rejects cannot be written: File too large\nTrue 5\n"
