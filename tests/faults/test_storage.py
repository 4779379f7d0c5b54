"""A disk that is full, and one that may not be written, under all that a run writes."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from tests.end_to_end.command import Ended
from tests.end_to_end.people import ids
from tests.end_to_end.recorder import Answer, Posted, Recorder, Script, recording

from .disk import Disk, mounted
from .engine import run as run_here
from .runs import (
    TOO_LONG,
    assert_nothing_is_lost,
    assert_tells_the_way_out,
    begin,
    here,
    rejected_rows,
    run,
    write_job,
    write_source,
)

#: A file on a disk that is always full.
FULL = Path("/dev/full")

#: Root may do anything: without its capabilities it is a user as any other.
AS_ANYBODY = [] if os.geteuid() else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


def filling(disk: Disk, answer: Script = lambda _: Answer()) -> Script:
    """Fills the disk at the third batch, before it is answered."""

    def filled(posted: Posted) -> Answer:
        if posted.number == 2:
            disk.fill()
        return answer(posted)

    return filled


def filled_up_and_freed(server: Recorder, disk: Disk) -> tuple[Ended, Ended]:
    """What the run came to, and the same command once there is space again."""
    stopped = run(server.address, disk.inside)
    disk.free()
    return stopped, run(server.address, disk.inside)


def test_a_disk_that_fills_up_under_the_checkpoint_loses_no_row(tmp_path):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path, checkpoint="disk/job.checkpoint", rejects="rejects")

    with mounted(tmp_path / "disk") as disk, recording(filling(disk)) as server:
        stopped, finished = filled_up_and_freed(server, disk)

    assert_tells_the_way_out(stopped, "the disk is full", "disk/job.checkpoint", "free some space")
    assert_nothing_is_lost(finished, server, rejected_rows(tmp_path / "rejects/people.csv"))


def test_a_disk_that_fills_up_under_the_rejects_loses_no_row(tmp_path):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path, rejects="disk/rejects")
    refused: set[str] = set()

    with mounted(tmp_path / "disk") as disk:

        def answer(posted: Posted) -> Answer:
            told = [
                {"batch_index": i, "reason": "invalid", "field": "id", "message": "no" * 99}
                for i, one in enumerate(ids(posted.operations))
                if int(one[1:]) % 2
            ]
            refused.update(ids(posted.operations)[error["batch_index"]] for error in told)
            return Answer(207, json.dumps({"errors": told}).encode())

        with recording(filling(disk, answer)) as server:
            stopped, finished = filled_up_and_freed(server, disk)
            rejected = rejected_rows(disk.seen / "rejects/people.csv")

    assert_tells_the_way_out(stopped, "No space left", "rejects/people.csv", "free some space")
    assert_nothing_is_lost(finished, server, rejected)
    assert set(rejected) == TOO_LONG | {int(one[1:]) for one in refused}


def test_a_disk_too_small_for_the_parquet_file_of_refused_rows_loses_none(tmp_path):
    write_source(tmp_path / "people.parquet")
    write_job(tmp_path, "people.parquet", rejects="disk/rejects")

    with mounted(tmp_path / "disk") as disk, recording(filling(disk)) as server:
        stopped, finished = filled_up_and_freed(server, disk)
        rejected = rejected_rows(disk.seen / "rejects/people.parquet")
        left = {path.suffix for path in (disk.seen / "rejects").iterdir()}

    assert_tells_the_way_out(stopped, "No space left", "rejects/people.parquet", "free some space")
    assert_nothing_is_lost(finished, server, rejected)
    assert stopped.told["rows"]["delivered"] == len(set(ids(server.accepted)))
    assert rejected == sorted(TOO_LONG)
    assert left == {".parquet", ".spool"}


def test_a_disk_that_is_full_before_the_run_begins_stops_it_before_anything_is_sent(tmp_path):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path, checkpoint="disk/job.checkpoint", rejects="disk/rejects")

    with mounted(tmp_path / "disk") as disk, recording() as server:
        disk.fill()
        stopped = run(server.address, disk.inside)

    assert_tells_the_way_out(stopped, "No space left", "disk/job.checkpoint", "free some space")
    assert server.posted == []


def test_a_full_disk_under_the_report_is_told_and_what_was_done_stays_done(tmp_path, monkeypatch):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path)

    with recording() as server, FULL.open("w") as full:
        process = begin(server.address, "run", "job.yaml", "--json", cwd=tmp_path, stdout=full)
        _, told = process.communicate()
        here(monkeypatch, server)
        again = run_here(tmp_path / "job.yaml")

    assert process.returncode == 1
    assert "the report cannot be written: No space left on device" in told
    assert "free some space and run the same command again" in told
    assert "Traceback" not in told
    assert again.was_done
    assert len(ids(server.accepted)) == again.counts["people"].delivered


def test_a_full_disk_under_the_log_stops_nothing(tmp_path):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path)

    with recording() as server, FULL.open("w") as full:
        process = begin(server.address, "run", "job.yaml", "--json", cwd=tmp_path, stderr=full)
        told, _ = process.communicate()

    assert process.returncode == 3
    assert json.loads(told)["state"] == "completed"


def test_a_folder_of_rejects_that_may_not_be_written_is_named_and_loses_no_row(tmp_path):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path, rejects="disk/new/rejects")

    with mounted(tmp_path / "disk") as disk, recording() as server:
        disk.set_writable(False)
        stopped = run(server.address, disk.inside)
        disk.set_writable(True)
        finished = run(server.address, disk.inside)
        rejected = rejected_rows(disk.seen / "new/rejects/people.csv")

    assert_tells_the_way_out(stopped, "Read-only file system", "disk/new", "writable")
    assert_nothing_is_lost(finished, server, rejected)


def test_a_checkpoint_that_may_not_be_written_is_named_before_anything_is_sent(tmp_path):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path, checkpoint="disk/new/job.checkpoint")

    with mounted(tmp_path / "disk") as disk, recording() as server:
        disk.set_writable(False)
        stopped = run(server.address, disk.inside)

    assert_tells_the_way_out(stopped, "Read-only file system", "disk/new", "writable")
    assert server.posted == []


def test_a_folder_that_is_another_users_is_named_before_anything_is_sent(tmp_path):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path)
    (tmp_path / "state").mkdir(mode=0)

    with recording() as server:
        stopped = run(server.address, AS_ANYBODY, cwd=tmp_path)

    assert_tells_the_way_out(stopped, "Permission denied", "state/job", "the user who owns it")
    assert server.posted == []


def test_a_source_that_may_not_be_read_is_named_before_anything_is_sent(tmp_path):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path)
    (tmp_path / "people.csv").chmod(0)

    with recording() as server:
        stopped = run(server.address, AS_ANYBODY, cwd=tmp_path)

    assert_tells_the_way_out(stopped, "Permission denied", "people.csv", "make it readable")
    assert server.posted == []


def test_only_the_owner_may_read_what_a_run_leaves_whatever_the_umask(tmp_path):
    write_source(tmp_path / "people.parquet")
    write_job(tmp_path, "people.parquet", checkpoint="a/b/job.checkpoint", rejects="c/d/rejects")
    (tmp_path / "job.yaml").write_text(
        (tmp_path / "job.yaml").read_text().replace("region: us", "sandbox: e/f/workspace.db")
    )

    process = begin("", "run", "job.yaml", cwd=tmp_path, umask=0)
    process.communicate()

    made = [path for top in "ace" for path in (tmp_path / top, *(tmp_path / top).rglob("*"))]
    modes = {str(p.relative_to(tmp_path)): oct(stat.S_IMODE(p.stat().st_mode)) for p in made}
    assert process.returncode == 3
    assert modes == {str(p.relative_to(tmp_path)): "0o700" if p.is_dir() else "0o600" for p in made}
    assert {p.name for p in made} >= {"people.spool", "people.parquet", "workspace.db"}
