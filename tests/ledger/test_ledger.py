from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.batches import Batch, Piece
from backfill.errors import SourceError
from backfill.ledger import Changes, Counts, FileState, Ledger, Request, RowsDone, rejected_by_api
from backfill.records import Block, BlockStart, Fault, Form, Int64s, Rejected, SourceFile

unhurried = settings(deadline=None)

FILE = SourceFile("people", 0, Path("people.csv"), "people.csv", "csv")
OTHER_FILE = SourceFile("people", 1, Path("more.csv"), "more.csv", "csv")


def block_of(start: int, stop: int, file: SourceFile = FILE) -> Block:
    rows = np.arange(start, stop)
    table = pa.record_batch({"id": pa.nulls(len(rows))})
    begin, end = BlockStart(start, start * 10, start + 1), BlockStart(stop, stop * 10, stop + 1)
    return Block(file, Form.TEXT, begin, end, table, rows)


def rows_of(*rows: int) -> Int64s:
    return np.array(rows, np.int64)


def batch_of(*pieces: Piece) -> Batch:
    return Batch("people", (b"",), np.arange(sum(map(len, pieces))), pieces)


# --- The rows of one file ---------------------------------------------------------------------


@unhurried
@given(st.permutations(range(60)), st.lists(st.integers(1, 7), min_size=60), st.integers(0, 10**9))
def test_rows_are_done_exactly_when_marked_in_whatever_order(order, sizes, offset):
    done, expected, at = RowsDone(offset), np.zeros(80, bool), 0
    for size in sizes:
        rows = rows_of(*order[at : at + size])
        at += size
        if len(rows):
            done.mark(rows + offset)
            expected[rows] = True

            assert done.between(offset, offset + 80).tolist() == expected.tolist()
            assert done.frontier == offset + int(expected.argmin())
            ahead = int(np.flatnonzero(expected)[-1]) + 1 + offset - done.frontier
            assert done._window.nbytes <= 2 * max(ahead, 0) + 2 * len(order)


@unhurried
@given(st.sets(st.integers(0, 99)), st.integers(0, 40), st.integers(60, 120))
def test_rows_done_survive_being_packed_and_unpacked(marked, start, stop):
    done = RowsDone()
    if marked:
        done.mark(rows_of(*marked))

    again = RowsDone(done.frontier, done.bits())

    expected = [row in marked for row in range(start, stop)]
    assert again.between(start, stop).tolist() == expected
    assert done.between(start, stop).tolist() == expected
    rest = [row for row in range(120) if row not in marked]
    again.mark(rows_of(*rest))
    assert (again.frontier, again.bits()) == (120, b"")


@pytest.mark.parametrize("again", [[0], [5], [3, 4, 5], [9, 9], [10, 11, 10]])
def test_a_row_done_twice_is_noticed(again):
    done = RowsDone()
    done.mark(rows_of(0, 1, 5, 6))

    with pytest.raises(AssertionError, match="twice"):
        done.mark(rows_of(*again))


def test_rows_that_are_done_take_no_room_once_the_gap_closes():
    done = RowsDone()
    for start in range(1_000, 1_000_000, 1_000):
        done.mark(np.arange(start, start + 1_000))

    assert len(done.bits()) == 125_000
    done.mark(np.arange(1_000))
    assert (done.frontier, done.bits(), done._window.nbytes) == (1_000_000, b"", 0)


# --- The ledger -------------------------------------------------------------------------------


@dataclass
class Scene:
    """A job as it could go: the blocks to be read, and what then happens, each once."""

    blocks: list[Block]
    acts: list[tuple[int, Callable[[Ledger], None]]]  # the block that must be read before it
    expected: Counts
    file_rows: dict[SourceFile, int] = field(default_factory=dict)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    blocks, acts, expected, sizes = [], [], Counts(), {}
    pending: list[tuple[int, Piece]] = []
    for file in (FILE, OTHER_FILE):
        start = 0
        for size in draw(st.lists(st.integers(1, 12), max_size=4)):
            blocks.append(block_of(start, start + size, file))
            start += size
        sizes[file] = start
    for number, block in enumerate(blocks):
        fates = draw(st.lists(st.sampled_from("wrppp"), min_size=len(block.rows)))
        fate = np.array(fates[: len(block.rows)])
        left_out, refused, sent = (block.rows[fate == letter] for letter in "wrp")
        acts.append((number, lambda it, b=block, r=left_out: it.filtered(b.file, r, "where")))
        rejected = Rejected(block, refused, ["rule"] * len(refused), ["why"] * len(refused))
        acts.append((number, lambda it, r=rejected: it.rejected(r)))
        expected = expected.plus(Counts(read=len(block.rows), filtered_where=len(left_out)))
        expected = expected.plus(Counts(rejected_by_us=len(refused)))
        pending += [(number, piece) for piece in draw(pieces(block, sent))]
    while pending:
        taken = [pending.pop(0) for _ in range(min(draw(st.integers(1, 3)), len(pending)))]
        batch = batch_of(*(piece for _, piece in taken))
        reasons = dict.fromkeys(draw(st.sets(st.integers(0, len(batch) - 1))), "no")
        acts.append((taken[-1][0], lambda it, b=batch, r=reasons: it.delivered(b, r)))
        expected = expected.plus(outcome_of(batch, reasons))
    return Scene(blocks, acts, expected, sizes)


@st.composite
def pieces(draw: st.DrawFn, block: Block, rows: Int64s) -> list[Piece]:
    found, rest = [], draw(st.permutations(rows.tolist()))
    while rest:
        size = draw(st.integers(1, len(rest)))
        part, rest = rows_of(*rest[:size]), rest[size:]
        cuts = sorted(draw(st.sets(st.integers(1, size - 1)))) if size > 1 else []
        firsts = draw(st.sampled_from([None, rows_of(0, *cuts, size)]))
        found.append(Piece(block, part, firsts))
    return found


def outcome_of(batch: Batch, reasons: dict[int, str]) -> Counts:
    total, at = Counts(), 0
    for piece in batch.pieces:
        for i in range(len(piece)):
            rows = 1 if piece.firsts is None else int(piece.firsts[i + 1] - piece.firsts[i])
            if at in reasons:
                total = total.plus(Counts(rejected_by_api=rows, operations_rejected=1))
            else:
                counts = Counts(delivered=1, filtered_folded=rows - 1, operations_delivered=1)
                total = total.plus(counts)
            at += 1
    return total


def play(ledger: Ledger, scene: Scene, order: list[int], blocks_read: int = 0) -> int:
    for act in order:
        block, do = scene.acts[act]
        for number in range(blocks_read, block + 1):
            ledger.read(scene.blocks[number])
        blocks_read = max(blocks_read, block + 1)
        do(ledger)
        counts = ledger.counts("people")
        assert counts.read == counts.done + counts.unprocessed
        assert counts.unprocessed >= 0
    return blocks_read


def finish(ledger: Ledger, scene: Scene) -> None:
    for file, rows in scene.file_rows.items():
        ledger.end_file(file, rows)


@unhurried
@given(st.data(), scenes())
def test_every_row_is_done_once_in_whatever_order_batches_are_answered(data, scene):
    ledger = Ledger()
    play(ledger, scene, data.draw(st.permutations(range(len(scene.acts)))))
    finish(ledger, scene)

    assert ledger.counts("people") == scene.expected
    assert scene.expected.unprocessed == 0
    for file, rows in scene.file_rows.items():
        assert ledger.is_done(file, 0, rows).all()
        assert ledger.is_finished(file)
        assert ledger.rows(file) == rows


@unhurried
@given(st.data(), scenes())
def test_a_ledger_cut_anywhere_and_taken_up_again_ends_as_one_that_was_not_cut(data, scene):
    order = data.draw(st.permutations(range(len(scene.acts))))
    cut = data.draw(st.integers(0, len(order)))
    commits = data.draw(st.sets(st.integers(0, cut)))
    ledger, disk, blocks_read = Ledger(), Disk(), 0
    for at in range(cut):
        blocks_read = play(ledger, scene, order[at : at + 1], blocks_read)
        if at in commits:
            disk.commit(ledger.take_changes())
    disk.commit(ledger.take_changes())

    again = Ledger(disk.files.values(), disk.counts)
    for block in scene.blocks:  # the reader goes on at the resume point, the pipeline filters
        resume = again.resume_point(block.file)
        is_done = again.is_done(block.file, block.start.row, block.stop.row)
        if resume is None or block.start.row >= resume.row:
            again.read(block.without(is_done))
        else:
            assert is_done.all()
    play(again, scene, order[cut:], len(scene.blocks))
    finish(again, scene)

    assert again.counts("people") == scene.expected
    assert all(again.is_finished(file) for file in scene.file_rows)


class Disk:
    """What a checkpoint keeps, in memory."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, int], FileState] = {}
        self.counts: dict[str, Counts] = {}

    def commit(self, changes: Changes) -> None:
        self.files |= {(state.stream, state.index): state for state in changes.files}
        self.counts |= changes.counts


def test_reading_goes_on_at_the_last_block_before_the_oldest_row_not_done():
    ledger = Ledger()
    for start in range(0, 50, 10):
        ledger.read(block_of(start, start + 10))
    assert ledger.resume_point(FILE) == BlockStart(0, 0, 1)

    ledger.filtered(FILE, rows_of(*range(25), *range(30, 50)), "where")

    assert ledger.resume_point(FILE) == BlockStart(20, 200, 21)
    assert ledger.resume_point(OTHER_FILE) is None


def test_rows_that_could_not_be_read_count_as_read():
    block = block_of(0, 3)
    broken = Block(
        FILE,
        Form.TEXT,
        block.start,
        BlockStart(4, 40, 5),
        block.table,
        block.rows,
        (Fault(3, "ragged_row", "2 cells", b"a,b"),),
    )
    ledger = Ledger()
    ledger.read(broken)

    assert ledger.counts("people") == Counts(read=4)


def test_rows_outstanding_at_the_cut_are_counted_as_read_once_only():
    ledger = Ledger()
    ledger.read(block_of(0, 10))
    ledger.filtered(FILE, rows_of(0, 1, 2), "unchanged")
    changes = ledger.take_changes()

    again = Ledger(changes.files, changes.counts)
    again.read(block_of(0, 10).without(again.is_done(FILE, 0, 10)))

    assert changes.counts["people"].unprocessed == 7
    assert again.counts("people") == Counts(read=10, filtered_unchanged=3)


def test_rows_looked_at_are_not_forgotten_and_none_is_imagined_between_shards():
    before = Ledger()
    before.read(block_of(0, 10))
    before.read(block_of(1_000, 1_010))
    before.filtered(FILE, rows_of(3, *range(1_000, 1_010)), "where")
    ledger = Ledger(before.take_changes().files, before.known)

    told = [(ledger.counts("people").read, ledger.reach("people"))]
    for block in (block_of(2_000, 2_030), block_of(0, 10).without(ledger.is_done(FILE, 0, 10))):
        ledger.read(block)
        told.append((ledger.counts("people").read, ledger.reach("people")))

    assert told == [(20, 20), (41, 50), (50, 59)]


def test_what_was_to_be_read_again_and_did_not_come_was_not_read():
    before = Ledger()
    before.read(block_of(0, 10))
    before.filtered(FILE, rows_of(0, 1), "where")
    ledger = Ledger(before.take_changes().files, before.known)
    ledger.read(block_of(0, 5).without(ledger.is_done(FILE, 0, 5)))
    ledger.read_through("people")

    assert ledger.counts("people") == Counts(read=5, filtered_where=2)


def test_only_what_changed_is_taken_and_only_once():
    ledger = Ledger()
    request = Request(1.5, "people", 3, 400, 200, 1)
    ledger.read(block_of(0, 3))
    ledger.log(request)
    first, second = ledger.take_changes(), ledger.take_changes()
    ledger.end_file(OTHER_FILE, 0)
    third = ledger.take_changes()

    assert first.requests == (request,)
    assert [state.index for state in first.files] == [0]
    assert second.is_empty
    assert third == Changes((FileState("people", 1, rows=0),))
    assert third.files[0].is_finished


def test_changes_once_taken_stay_as_they_were():
    ledger = Ledger()
    ledger.read(block_of(0, 10))
    ledger.filtered(FILE, rows_of(3), "where")
    changes = ledger.take_changes()
    before = (changes.files[0].bits, changes.counts["people"])
    ledger.filtered(FILE, rows_of(0, 1, 2, 4, 5), "where")

    assert (changes.files[0].bits, changes.counts["people"]) == before


def test_a_file_that_ends_elsewhere_than_before_stops_the_run():
    ledger = Ledger([FileState("people", 0, rows=1_000)])

    with pytest.raises(SourceError, match=r"999 rows where an earlier reading found 1,000"):
        ledger.end_file(FILE, 999)


def test_rows_folded_into_a_refused_operation_are_refused_with_it():
    block, other = block_of(0, 10), block_of(10, 20)
    folded = Piece(block, rows_of(4, 2, 7, 1), rows_of(0, 3, 4))
    batch = batch_of(folded, Piece(other, rows_of(12, 11, 10)))

    first, second = rejected_by_api(batch, {0: "bad id", 2: "too long", 4: "bad name"})

    assert (first.block, first.rows.tolist()) == (block, [2, 4, 7])
    assert first.reasons == ["bad id"] * 3
    assert (second.block, second.rows.tolist()) == (other, [10, 12])
    assert (second.rules, second.reasons) == (["api", "api"], ["bad name", "too long"])


def test_blocks_that_are_read_in_any_order_leave_no_row_behind_a_resume():
    ledger = Ledger()
    for first in (30, 10, 40, 0, 20):
        ledger.read(block_of(first, first + 10))
    ledger.filtered(FILE, np.arange(30, 50), "where")

    assert ledger.resume_point(FILE).row == 0

    ledger.filtered(FILE, np.arange(0, 15), "where")
    (state,) = ledger.take_changes().files

    assert (state.frontier, state.resume.row) == (15, 10)


def test_a_place_to_go_on_from_that_lies_beyond_what_is_done_is_none():
    state = FileState(FILE.stream, FILE.index, None, 5, b"", BlockStart(10, 100))

    assert Ledger([state]).resume_point(FILE) is None
