"""`run --done-folder`: what is delivered or filtered whole moves away, and nothing else does."""

from __future__ import annotations

import os
import stat
import time

import pytest

import backfill
from backfill.errors import UsageError
from tests.end_to_end.command import command, start, write_job
from tests.end_to_end.people import write_people
from tests.end_to_end.recorder import recording
from tests.inquiry.jobs import refusing

from .folders import PEOPLE, Nights, come, standing

DONE = ("--done-folder", "done")
TOO_LONG = "x" * 151


def test_files_move_once_their_run_is_finished_and_keep_their_path_below_the_folder(tmp_path):
    for name in ("in/2024/a.csv", "in/2025/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True)
        write_people(tmp_path / name, 3, value=name)
    (tmp_path / "in/2025/empty.csv").write_text("id,value\n")
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE | {"source": "in/**/*.csv"})
        _, cut = nights.run("--limit", "4", *DONE)
        in_the_middle = standing(tmp_path / "in")
        sent, told = nights.run(*DONE)
        again, quiet = nights.run(*DONE)

    assert in_the_middle == ["2024/a.csv", "2025/a.csv", "2025/empty.csv"]
    assert standing(tmp_path / "done") == in_the_middle
    assert standing(tmp_path / "in") == []
    assert (cut.code, len(sent), told.code) == (0, 2, 0)
    assert "3 files moved to done: in/2024/a.csv, in/2025/a.csv, in/2025/empty.csv" in told.text
    assert (again, quiet.code, "no new file" in quiet.text) == ([], 0, True)


def test_a_file_with_rejected_rows_stays_and_that_is_said_every_night(tmp_path):
    come(tmp_path, a=["a", "refused"], b=["b"], c=["c", TOO_LONG])
    with recording(refusing("refused")) as server:
        nights = Nights(tmp_path, server)
        _, told = nights.run(*DONE)
        nothing, next_night = nights.run(*DONE)

    assert (told.code, next_night.code, nothing) == (3, 0, [])
    assert standing(tmp_path / "done") == ["b.csv"]
    assert standing(tmp_path / "in") == ["a.csv", "c.csv"]
    said = "2 files stay where they are, for rows that were rejected: in/a.csv, in/c.csv"
    assert said in told.text
    assert said in next_night.text


def test_filtered_rows_keep_no_file_and_held_ones_do(tmp_path):
    come(tmp_path, a=["a", "b"])
    event = {"name": "seen", "timestamp": "at", "key": "id"}
    held = {"name": "held", "source": "events/*.csv", "person": {"id": "id"}, "event": event}
    (tmp_path / "events").mkdir()
    (tmp_path / "events/1.csv").write_text(f"id,at\na,1600000000\nb,{int(time.time())}\n")
    with recording() as server:
        Nights(tmp_path, server, PEOPLE | {"where": "id = 'a'"}).run(*DONE)
        filtered = standing(tmp_path / "done")
        write_job(tmp_path, held | {"campaigns": "hold"})
        told = command(
            tmp_path, server.address, "run", "job.yaml", *DONE, "--set", "checkpoint=state/held"
        )

    assert filtered == ["a.csv"]
    assert told.code == 1
    assert standing(tmp_path / "events") == ["1.csv"]


def test_a_file_that_a_plain_path_or_a_stream_with_rejects_reads_stays(tmp_path):
    come(tmp_path, both=["a"], plain=["b"], one=["c"])
    number = {"n": {"column": "note", "type": "integer"}}
    strict = PEOPLE | {"name": "strict", "source": "in/[bo]*.csv", "attributes": number}
    plain = PEOPLE | {"name": "plain", "source": "in/plain.csv"}
    (tmp_path / "in/one.csv").write_text("id,note\nc,1\n")
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE, strict, plain)
        _, told = nights.run(*DONE)

    assert told.code == 3
    assert standing(tmp_path / "done") == ["one.csv"]
    assert standing(tmp_path / "in") == ["both.csv", "plain.csv"]


def test_a_name_that_is_taken_is_never_overwritten(tmp_path):
    come(tmp_path, a=["a"], b=["b"])
    (tmp_path / "done").mkdir()
    (tmp_path / "done/a.csv").write_text("of somebody else")
    (tmp_path / "done/b.csv").write_bytes((tmp_path / "in/b.csv").read_bytes())
    kept = (tmp_path / "in/a.csv").read_bytes()
    with recording() as server:
        Nights(tmp_path, server).run(*DONE)

    assert standing(tmp_path / "in") == []
    assert standing(tmp_path / "done") == ["a-2.csv", "a.csv", "b.csv"]
    assert (tmp_path / "done/a.csv").read_text() == "of somebody else"
    assert (tmp_path / "done/a-2.csv").read_bytes() == kept


def test_a_done_folder_within_the_glob_is_not_read_again(tmp_path):
    come(tmp_path, a=["a"])
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE | {"source": "in/**/*.csv"})
        nights.run("--done-folder", "in/done")
        come(tmp_path, a=["b"])
        sent, _ = nights.run("--done-folder", "in/done")
        nothing, told = nights.run("--done-folder", "in/done")

    assert (sent, nothing, told.code) == (["b"], [], 0)
    assert standing(tmp_path / "in") == ["done/a-2.csv", "done/a.csv"]


def test_a_done_folder_within_the_source_is_not_told_of_as_passed_over(tmp_path):
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE | {"source": "in"})
        texts = []
        for folder in ("in/done", "in/done", "elsewhere"):
            come(tmp_path, a=["a"])
            texts.append(nights.run("--done-folder", folder)[1].text)

    assert ["not read" in text for text in texts] == [False, False, True]


def test_what_was_taken_without_a_done_folder_moves_with_the_next_run(tmp_path):
    """Also what a crash between the last commit and the moves leaves behind."""
    come(tmp_path, a=["a"], b=["b", TOO_LONG])
    with recording() as server:
        nights = Nights(tmp_path, server)
        nights.run()
        nothing, told = nights.run(*DONE)

    assert (nothing, told.code) == ([], 0)
    assert (standing(tmp_path / "in"), standing(tmp_path / "done")) == (["b.csv"], ["a.csv"])


def test_killed_while_files_move_the_next_run_moves_the_rest_and_sends_nothing(tmp_path):
    come(tmp_path, **{f"f{n}": [f"p{n}"] for n in range(400)})
    kept = sorted(path.read_bytes() for path in (tmp_path / "in").iterdir())
    done = tmp_path / "done"
    with recording() as server:
        nights = Nights(tmp_path, server)
        process = start(tmp_path, server.address, "run", "job.yaml", *DONE)
        while not (done.is_dir() and len([*done.iterdir()]) > 20) and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        process.communicate()
        left = len(standing(tmp_path / "in"))
        seen = len(server.accepted)
        _, told = nights.run(*DONE)

    assert left > 0
    assert (seen, len(server.accepted), told.code) == (400, 400, 0)
    assert standing(tmp_path / "in") == []
    moved = [path.read_bytes() for path in done.iterdir()]
    assert sorted(content for content in moved if content) == kept  # a name may be left empty


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_a_warning(tmp_path):
    come(tmp_path, a=["a"])
    (tmp_path / "done").mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    with recording() as server:
        _, told = Nights(tmp_path, server).run(*DONE)

    assert told.code == 0
    assert "warning: 1 file not moved to done: in/a.csv (Permission denied)" in told.text


def test_a_file_in_the_way_is_a_warning_that_names_what_did_not_move(tmp_path):
    come(tmp_path, a=["a"])
    (tmp_path / "in/deep").mkdir()
    write_people(tmp_path / "in/deep/b.csv", 1)
    (tmp_path / "in/link.csv").symlink_to(tmp_path / "elsewhere.csv")
    write_people(tmp_path / "elsewhere.csv", 2)
    (tmp_path / "done").mkdir()
    (tmp_path / "done/deep").write_text("a file where a folder would be")
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE | {"source": "in/**/*.csv"})
        _, told = nights.run(*DONE)
        (tmp_path / "done/deep").unlink()
        nothing, mended = nights.run(*DONE)

    assert (told.code, mended.code, nothing) == (0, 0, [])
    assert "warning: 2 files not moved to done: in/deep/b.csv (" in told.text
    assert "in/link.csv (it is a link)" in told.text
    assert standing(tmp_path / "done") == ["a.csv", "deep/b.csv"]
    assert standing(tmp_path / "in") == ["link.csv"]


def test_a_file_that_is_another_by_now_is_not_moved(tmp_path):
    come(tmp_path, a=["a"])
    path = tmp_path / "in/a.csv"

    def answer(posted):
        path.write_text("id,note\nlate,x\n")
        return refusing()(posted)

    with recording(answer) as server:
        nights = Nights(tmp_path, server)
        _, told = nights.run(*DONE)
        new, _ = nights.run(*DONE)

    assert "not moved to done: in/a.csv (it changed since it was read)" in told.text
    assert new == ["late"]
    assert (standing(tmp_path / "in"), standing(tmp_path / "done")) == ([], ["a.csv"])


def test_a_part_of_a_job_moves_nothing(tmp_path):
    come(tmp_path, a=["a"])
    with recording() as server:
        sent, told = Nights(tmp_path, server).run("--only", "people", *DONE)

    assert (sent, told.code) == ([], 2)
    assert "the whole job still counts on its files" in told.text


def test_a_done_folder_that_is_a_file_is_refused_before_anything_is_sent(tmp_path):
    come(tmp_path, a=["a"])
    (tmp_path / "done").touch()
    with recording() as server:
        sent, told = Nights(tmp_path, server).run(*DONE)

    assert (sent, told.code) == ([], 2)
    assert "this is not a folder" in told.text


def test_a_job_of_plain_paths_is_told_that_nothing_moves(tmp_path):
    write_people(tmp_path / "people.csv", 1)
    with recording() as server:
        _, told = Nights(tmp_path, server, PEOPLE | {"source": "people.csv"}).run(*DONE)

    assert told.code == 0
    assert "nothing is moved to done: no stream reads a folder or a glob" in told.text


def test_from_python_the_folder_is_an_argument(tmp_path, monkeypatch):
    come(tmp_path, a=["a"])
    monkeypatch.chdir(tmp_path)
    write_job(tmp_path, PEOPLE, region=None, sandbox="state/workspace.db")

    result = backfill.run("job.yaml", done_folder="done")

    assert result.state == "completed"
    assert standing(tmp_path / "done") == ["a.csv"]
    (tmp_path / "file").touch()
    with pytest.raises(UsageError):
        backfill.run("job.yaml", done_folder="file")
