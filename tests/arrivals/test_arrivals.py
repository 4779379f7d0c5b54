"""Nights over a folder: each file is sent once, whatever it is called by then."""

from __future__ import annotations

import shutil
import time

import pytest

from backfill.checkpoint import peek
from backfill.readers import fingerprint
from tests.end_to_end.command import command, ended, run_job, start, write_job
from tests.end_to_end.people import ids, write_people
from tests.end_to_end.recorder import Answer, recording

from .folders import PEOPLE, Nights, come

#: Of a file of so many rows a fingerprint takes samples.
BIG_ROWS, LONG = 4_000, "x" * 900


@pytest.mark.parametrize("source", ["in/*.csv", "in", "in/**", ["in/1.csv", "in/*.csv"]])
def test_a_new_file_is_sent_and_the_ones_before_are_not(tmp_path, source):
    come(tmp_path, **{"1": ["a", "b"]})
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE | {"source": source})
        first, _ = nights.run()
        come(tmp_path, **{"0": ["c"], "2": ["d"]})
        second, told = nights.run()
        third, _ = nights.run()

    assert (first, second, third) == (["a", "b"], ["c", "d"], [])
    assert told.told["rows"]["delivered"] == 2
    assert "people: 2 new files; 1 file taken before is left out" in told.text


@pytest.mark.parametrize("part_is_first", [True, False])
def test_a_part_of_a_job_and_the_whole_know_what_the_other_took(tmp_path, part_is_first):
    come(tmp_path, a=["a"])
    part = ("--only", "people")
    with recording() as server:
        nights = Nights(tmp_path, server)
        first, _ = nights.run(*(part if part_is_first else ()))
        come(tmp_path, b=["b"])
        second, _ = nights.run(*(() if part_is_first else part))

    assert (first, second) == (["a"], ["b"])


def test_files_that_wait_are_taken_by_the_run_that_takes_the_place_of_a_stopped_one(tmp_path):
    others = {"name": "others", "source": "others.csv", "person": {"id": "id"}}
    others |= {"attributes": "*", "changes": {"key": "id"}, "max_rejects": 0}
    come(tmp_path, a=["a"])
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE | {"source": "in/*.csv"}, others)
        sent = []
        for night, name in enumerate("ab"):
            come(tmp_path, **{name: [name]})
            (tmp_path / "others.csv").write_text(f"id,v\n,{night}\n")
            sent.append([one for one in nights.run()[0] if one in "ab"])

    assert sent == [["a"], ["b"]]


def test_a_file_is_known_by_its_content_and_not_by_its_name(tmp_path):
    come(tmp_path, a=["a"], b=["b"])
    with recording() as server:
        nights = Nights(tmp_path, server)
        nights.run()
        (tmp_path / "in/a.csv").rename(tmp_path / "in/renamed.csv")
        shutil.copy(tmp_path / "in/b.csv", tmp_path / "in/copy.csv")
        nothing, quiet = nights.run()
        come(tmp_path, b=["c"])
        other, _ = nights.run()

    assert nothing == []
    assert "no new file" in quiet.text
    assert "in/copy.csv (as in/b.csv), in/renamed.csv (as in/a.csv)" in quiet.text
    assert other == ["c"]


def test_two_files_with_one_content_that_come_together_are_one(tmp_path):
    come(tmp_path, a=["a"], b=["a"])
    with recording() as server:
        sent, told = Nights(tmp_path, server).run()

    assert sent == ["a"]
    assert "1 file left out that holds what another one does: in/b.csv (as in/a.csv)" in told.text


def test_two_big_files_that_differ_only_between_the_samples_are_two(tmp_path):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/big.csv"
    path.write_text("id,note\n" + "".join(f"p{n:06},{LONG}\n" for n in range(BIG_ROWS)))
    with recording() as server:
        nights = Nights(tmp_path, server)
        first, _ = nights.run()
        known = peek(tmp_path / "state/job.checkpoint").job.streams[0].files[0]
        content = bytearray(path.read_bytes())
        at = content.index(b"p000100", 70_000)
        content[at : at + 7] = b"q000100"
        path.write_bytes(content)
        assert fingerprint(path).digest == known.digest
        second, _ = nights.run()

    assert len(first) == len(second) == BIG_ROWS
    assert "q000100" in second


def test_no_new_file_is_nothing_to_do_also_where_the_folder_is_empty(tmp_path):
    come(tmp_path, a=["a"])
    with recording() as server:
        nights = Nights(tmp_path, server)
        nights.run()
        (tmp_path / "in/a.csv").unlink()
        sent, told = nights.run()
        checked = command(tmp_path, server.address, "check", "job.yaml")

    assert (sent, told.code, told.told["state"]) == ([], 0, "completed")
    assert "people: no new file" in told.text
    assert (checked.code, "people: 0 files" in checked.text) == (0, True)


@pytest.mark.parametrize("is_there", [True, False], ids=["an empty folder", "no folder"])
def test_a_folder_that_never_held_a_file_and_one_that_is_not_there_are_told(tmp_path, is_there):
    with recording() as server:
        if is_there:
            (tmp_path / "in").mkdir()
        else:
            come(tmp_path, a=["a"])
            Nights(tmp_path, server).run()
            shutil.rmtree(tmp_path / "in")
        _, told = Nights(tmp_path, server).run()

    assert told.code == 2
    assert "no file found at 'in/*.csv'" in told.text


def test_fresh_takes_everything_anew(tmp_path):
    come(tmp_path, a=["a"])
    with recording() as server:
        nights = Nights(tmp_path, server)
        nights.run()
        again, _ = nights.run("--fresh")
        come(tmp_path, b=["b"])
        after, _ = nights.run()

    assert (again, after) == (["a"], ["b"])


def test_a_plain_path_is_sent_again_whole_with_whatever_is_new(tmp_path):
    come(tmp_path, a=["a"])
    write_people(tmp_path / "people.csv", 2)
    plain = PEOPLE | {"name": "plain", "source": "people.csv"}
    with recording() as server:
        nights = Nights(tmp_path, server, plain, PEOPLE)
        first, _ = nights.run()
        nothing, _ = nights.run()
        come(tmp_path, b=["b"])
        with_new, _ = nights.run()
        write_people(tmp_path / "people.csv", 3)
        changed, _ = nights.run()

    assert (first, nothing) == (["a", "p0", "p1"], [])
    assert (with_new, changed) == (["b", "p0", "p1"], ["p0", "p1", "p2"])


def test_a_stream_that_has_no_new_file_says_nothing_of_an_empty_source(tmp_path):
    come(tmp_path, a=["a"])
    (tmp_path / "more").mkdir()
    write_people(tmp_path / "more/1.csv", 1)
    more = PEOPLE | {"name": "more", "source": "more"}
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE, more)
        nights.run()
        write_people(tmp_path / "more/2.csv", 2)
        planned = command(tmp_path, None, "plan", "job.yaml", "--json")
        sent, told = nights.run()

    assert sent == ["p0", "p1"]
    assert "holds no rows" not in told.text
    assert [f for f in planned.told["findings"] if f["kind"] == "no_rows"] == []
    files = {s["name"]: (s["files"], s["files_taken_before"]) for s in planned.told["streams"]}
    assert files == {"people": (0, 1), "more": (1, 1)}
    assert planned.told["rows"]["deliverable"] == told.told["rows"]["delivered"] == 2


def test_a_file_that_comes_while_a_run_is_unfinished_waits_for_the_next(tmp_path):
    come(tmp_path, b=["b", "c"])
    with recording() as server:
        nights = Nights(tmp_path, server)
        cut, _ = nights.run("--limit", "1")
        come(tmp_path, a=["a"], z=["z"])
        planned = command(tmp_path, None, "plan", "job.yaml", "--json")
        rest, told = nights.run()
        new, _ = nights.run()

    assert (cut, rest, new) == (["b"], ["c"], ["a", "z"])
    assert "people: 2 new files wait for the next run" in told.text
    assert told.told["files_waiting"] == 2
    (stream,) = planned.told["streams"]
    assert (stream["files"], stream["files_waiting"]) == (1, 2)


@pytest.mark.parametrize("what", ["removed", "changed", "renamed"])
def test_a_file_of_an_unfinished_run_that_is_gone_or_another_is_refused(tmp_path, what):
    come(tmp_path, a=["a", "b"])
    path = tmp_path / "in/a.csv"
    with recording() as server:
        nights = Nights(tmp_path, server)
        nights.run("--limit", "1")
        if what == "changed":
            come(tmp_path, a=["a", "x"])
        elif what == "renamed":
            path.rename(tmp_path / "in/b.csv")
        else:
            path.unlink()
            come(tmp_path, c=["c"])
        sent, told = nights.run()

    assert (sent, told.code) == ([], 2)
    assert "in/a.csv" in told.text


def test_files_taken_before_play_no_part_in_an_unfinished_run(tmp_path):
    come(tmp_path, a=["a"], b=["b"])
    with recording() as server:
        nights = Nights(tmp_path, server)
        nights.run()
        come(tmp_path, c=["c", "d"])
        nights.run("--limit", "1")
        (tmp_path / "in/a.csv").unlink()
        (tmp_path / "in/b.csv").rename(tmp_path / "in/0.csv")
        rest, told = nights.run()

    assert (rest, told.code) == (["d"], 0)


def test_a_source_that_becomes_a_glob_in_the_middle_of_a_run_goes_on(tmp_path):
    come(tmp_path, a=["a", "b"])
    with recording() as server:
        nights = Nights(tmp_path, server, PEOPLE | {"source": "in/a.csv"})
        nights.run("--limit", "1")
        write_job(tmp_path, PEOPLE)
        rest, _ = nights.run()
        nothing, _ = nights.run()

    assert (rest, nothing) == (["b"], [])


def test_a_job_of_plain_paths_remembers_no_content(tmp_path):
    write_people(tmp_path / "people.csv", 2)
    with recording() as server:
        Nights(tmp_path, server, PEOPLE | {"source": "people.csv"}).run()
    saved = peek(tmp_path / "state/job.checkpoint")

    assert saved.taken == ()
    assert [file.content for file in saved.job.streams[0].files] == [None]


def test_killed_at_random_moments_every_file_is_sent_whole_and_then_never_again(tmp_path):
    for n in range(6):
        come(tmp_path, **{f"f{n}": [f"p{n}-{row}" for row in range(300)]})
    write_job(tmp_path, PEOPLE, operations_per_s=2_000, concurrency=4)
    expected = {f"p{n}-{row}" for n in range(6) for row in range(300)}

    with recording(lambda _: Answer(delay_s=0.02)) as server:
        for kill in range(5):
            process = start(tmp_path, server.address, "run", "job.yaml", "--json")
            begun = len(server.posted)
            while len(server.posted) < begun + 4 and process.poll() is None:
                time.sleep(0.005)
            process.kill()
            process.communicate()
            come(tmp_path, **{f"late{kill}": [f"late{kill}"]})
        last = ended(start(tmp_path, server.address, "run", "job.yaml", "--json"))
        own = {*ids(server.accepted)}
        seen = len(server.posted)
        (tmp_path / "in/f0.csv").rename(tmp_path / "in/g0.csv")
        after = run_job(tmp_path, server.address)
        late = ids(o for p in server.posted[seen:] for o in p.operations)
        nothing = run_job(tmp_path, server.address)

    assert (last.code, after.code, nothing.code) == (0, 0, 0)
    assert own == expected
    assert sorted(late) == [f"late{kill}" for kill in range(5)]
    assert nothing.told["requests"]["sent"] == 0
