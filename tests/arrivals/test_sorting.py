"""Which files of a folder a run reads: laws over every folder and every memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backfill.arrivals import Arrival, sort
from backfill.identity import FileIdentity, JobIdentity, StreamIdentity
from backfill.ledger import FileState, Taken
from backfill.resumption import Saved, Start, decide

CONTENTS = st.sampled_from("abcdef")
FOLDERS = st.dictionaries(st.sampled_from([f"in/{n}.csv" for n in range(8)]), CONTENTS, max_size=8)


def arrivals(folder: dict[str, str]) -> list[Arrival]:
    return [Arrival(label, 1, content) for label, content in sorted(folder.items())]


def run_of(folder: dict[str, str], before: frozenset[str], *, is_finished: bool) -> Saved:
    """A run that began with a folder, over earlier ones that took some contents."""
    names = {content: label for label, content in sorted(folder.items(), reverse=True)}
    own = sorted(set(names) - before, key=lambda content: names[content])
    files = tuple(FileIdentity(names[each], 1, "sampled", each) for each in own)
    done = own if is_finished else own[: len(own) // 2]
    return Saved(
        "now",
        "completed" if is_finished else "interrupted",
        JobIdentity("there", (StreamIdentity("people", b"", files),)),
        tuple(FileState("people", i, 3, 3) for i in range(len(done))),
        taken=(
            *(Taken("people", each, 1, f"old/{each}", "sampled", "then", 0) for each in before),
            *(Taken("people", each, 1, names[each], "sampled", "now", 0) for each in done),
            *(Taken("others", each, 1, each, "sampled", "then", 0) for each in "abcdef"),
        ),
    )


def identity(folder: dict[str, str], saved: Saved) -> JobIdentity:
    every = arrivals(folder)
    chosen = [every[place] for place in sort("people", every, saved).files]
    files = tuple(FileIdentity(each.label, 1, "sampled", each.content) for each in chosen)
    return JobIdentity("there", (StreamIdentity("people", b"", files),))


@given(FOLDERS)
def test_the_first_run_reads_each_content_once(folder):
    every = arrivals(folder)

    found = sort("people", every, None)

    assert sorted(every[place].content for place in found.files) == sorted(set(folder.values()))
    assert not found.before
    assert sorted([*found.files, *found.copies, *found.waiting]) == [*range(len(every))]


@given(FOLDERS, st.frozensets(CONTENTS), FOLDERS)
def test_a_run_over_a_finished_one_reads_what_no_run_took_whatever_its_name(then, before, now):
    saved = run_of(then, before, is_finished=True)
    every = arrivals(now)

    found = sort("people", every, saved)

    new = set(now.values()) - before - set(then.values())
    assert sorted(every[place].content for place in found.files) == sorted(new)
    assert not found.waiting
    parts = [*found.files, *found.before, *found.copies]
    assert sorted(parts) == [*range(len(every))]
    start = decide(identity(now, saved), saved)
    assert start is (Start.NEW_RUN if new else Start.FINISHED)


@given(FOLDERS.filter(bool), st.frozensets(CONTENTS, max_size=3), FOLDERS)
def test_an_unfinished_run_goes_on_with_its_own_files_whatever_came(then, before, came):
    saved = run_of(then, before, is_finished=False)
    own = {file.label: file.content for file in saved.job.streams[0].files}
    folder = {label: content for label, content in came.items() if label not in own} | own
    every = arrivals(folder)

    found = sort("people", every, saved)

    assert [every[place].label for place in found.files] == [*own]
    if own:
        assert decide(identity(folder, saved), saved) is Start.RESUME
    waiting = {every[place].content for place in found.waiting}
    new = {content for label, content in came.items() if label not in own}
    assert waiting == new - before - set(own.values())
