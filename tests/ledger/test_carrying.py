from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backfill.ledger import packed, unpacked

rows = st.sets(st.integers(0, 2**40), min_size=1, max_size=200) | st.sets(
    st.integers(0, 300), min_size=1
)


@given(rows, st.randoms(use_true_random=False))
def test_the_ranges_of_packed_rows_hold_these_rows_and_no_others(rows, chance):
    shuffled = list(rows)
    chance.shuffle(shuffled)

    ranges = unpacked(packed(np.array(shuffled, np.int64))).tolist()

    assert [row for start, stop in ranges for row in range(start, stop)] == sorted(rows)


def test_rows_that_stand_together_take_no_more_bytes_the_more_they_are():
    few, many = (packed(np.arange(10**9, 10**9 + n, dtype=np.int64)) for n in (10, 100_000))

    assert len(many) <= len(few) + 4
