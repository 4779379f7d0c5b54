from __future__ import annotations

import pytest

from backfill.errors import CheckpointError
from backfill.identity import FileIdentity, JobIdentity, StreamIdentity
from backfill.ledger import FileState
from backfill.resumption import Loose, Saved, Start, State, decide

US = "https://track.customer.io:443 site 1f2e3d"
A = FileIdentity("exports/a.csv", 1_000, "aa")
B = FileIdentity("exports/b.csv", 2_000, "bb")
GROWN = A._replace(size=1_200, digest="ab")
EDITED = A._replace(digest="ac")
NEW = FileIdentity("exports/c.csv", 3_000, "cc")


def people(*files: FileIdentity, meaning: bytes = b"m1") -> StreamIdentity:
    return StreamIdentity("people", meaning, files)


def orders(*files: FileIdentity) -> StreamIdentity:
    return StreamIdentity("orders", b"m2", files)


def job(*streams: StreamIdentity, destination: str = US) -> JobIdentity:
    return JobIdentity(destination, streams)


JOB = job(people(A), orders(B))


def saved(of: JobIdentity = JOB, state: State = "completed", done: bool = True) -> Saved:
    files = [
        FileState(stream.name, place, 10, 10 if done else 9)
        for stream in of.streams
        for place in range(len(stream.files))
    ]
    return Saved("run", state, of, tuple(files))


FINISHED = saved()
UNFINISHED = saved(state="interrupted", done=False)


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        pytest.param(JOB, None, Start.FRESH, id="no checkpoint"),
        pytest.param(JOB, UNFINISHED, Start.RESUME, id="unfinished"),
        pytest.param(JOB, saved(state="running", done=False), Start.RESUME, id="killed"),
        pytest.param(JOB, saved(state="stopped", done=False), Start.RESUME, id="stopped"),
        pytest.param(JOB, saved(done=False), Start.RESUME, id="completed up to its --limit"),
        pytest.param(JOB, saved(state="running"), Start.RESUME, id="killed while it closed"),
        pytest.param(JOB, Saved("run", "completed", JOB), Start.RESUME, id="nothing read"),
        pytest.param(JOB, FINISHED, Start.FINISHED, id="finished"),
        pytest.param(job(orders(B), people(A)), FINISHED, Start.FINISHED, id="finished, reordered"),
        pytest.param(job(people(A)), FINISHED, Start.FINISHED, id="finished, stream removed"),
        pytest.param(job(people(GROWN), orders(B)), FINISHED, Start.NEW_RUN, id="source grown"),
        pytest.param(job(people(EDITED), orders(B)), FINISHED, Start.NEW_RUN, id="source edited"),
        pytest.param(job(people(A, NEW), orders(B)), FINISHED, Start.NEW_RUN, id="file added"),
        pytest.param(job(people(A), orders(A)), FINISHED, Start.NEW_RUN, id="file of another"),
        pytest.param(
            job(people(A), orders(B), StreamIdentity("more", b"", (A,))),
            FINISHED,
            Start.NEW_RUN,
            id="stream added",
        ),
    ],
)
def test_a_start_means(wanted, found, expected):
    assert decide(wanted, found) is expected


@pytest.mark.parametrize("found", [FINISHED, UNFINISHED], ids=["finished", "unfinished"])
@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        pytest.param(
            job(people(A), orders(B), destination="http://127.0.0.1:8000 site 1f2e3d"),
            f"the destination is http://127.0.0.1:8000 site 1f2e3d and was {US}",
            id="destination",
        ),
        pytest.param(
            job(people(A, meaning=b"m9"), orders(B)),
            "the mapping of stream people changed",
            id="mapping",
        ),
    ],
)
def test_another_destination_or_mapping_is_always_refused_and_named(wanted, found, named):
    with pytest.raises(CheckpointError) as refusal:
        decide(wanted, found)

    assert named in refusal.value.what
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (job(people(GROWN), orders(B)), "exports/a.csv has 1,200 bytes and had 1,000"),
        (job(people(EDITED), orders(B)), "exports/a.csv has other content at the same size"),
        (job(people(A, NEW), orders(B)), "exports/c.csv of stream people was added"),
        (job(people(), orders(B)), "exports/a.csv of stream people was removed"),
        (job(people(A)), "stream orders was removed"),
        (job(people(A), orders(B), StreamIdentity("more", b"", ())), "stream more was added"),
        (job(orders(B), people(A)), "the streams are in another order, it was people, orders"),
    ],
)
def test_an_unfinished_job_whose_sources_differ_is_refused_and_the_difference_named(wanted, named):
    with pytest.raises(CheckpointError) as refusal:
        decide(wanted, UNFINISHED)

    assert named in refusal.value.what
    assert "--fresh" in refusal.value.fix


def test_an_unfinished_stream_that_may_grow_begins_anew_once_it_did_and_binds_the_others():
    loose = Loose(growing=["people"])

    assert decide(job(people(GROWN), orders(B)), UNFINISHED, loose) is Start.NEW_RUN
    assert decide(JOB, UNFINISHED, loose) is Start.RESUME
    with pytest.raises(CheckpointError, match=r"c\.csv of stream orders was added"):
        decide(job(people(GROWN), orders(B, NEW)), UNFINISHED, loose)
    with pytest.raises(CheckpointError, match="mapping of stream people changed"):
        decide(job(people(GROWN, meaning=b"m9"), orders(B)), UNFINISHED, loose)


def test_files_of_an_unfinished_stream_in_another_order_are_refused():
    with pytest.raises(CheckpointError, match="files of stream people are in another order"):
        decide(job(people(B, A)), saved(job(people(A, B)), "interrupted", done=False))


def test_all_differences_are_named_at_once_but_only_so_many_spelled_out():
    wanted = job(*(people(*(A._replace(label=f"{n}.csv") for n in range(7))),), destination="x")

    with pytest.raises(CheckpointError) as refusal:
        decide(wanted, UNFINISHED)

    assert "the destination is x" in refusal.value.what
    assert "stream orders was removed" in refusal.value.what
    assert "2.csv of stream people was added; and 5 more differences" in refusal.value.what
