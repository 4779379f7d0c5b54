"""Arrays that grow, as lists that are put together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.changes import growing
from backfill.changes.growing import Growing


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=20)), st.integers(1, 9))
def test_what_was_added_is_taken_in_order_and_once(parts, block):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(growing, "_BLOCK", block)
        found = Growing(np.uint32)
        for part in parts:
            found.add(np.array(part, np.int64))
        taken = found.taken()

        assert taken.dtype == np.uint32
        assert taken.tolist() == [value for part in parts for value in part]
        assert found.taken().tolist() == []
