"""Whether a text that is kept is what its entity was told last."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backfill.changes import Change, Known, ToldLast, digests
from backfill.changes.entries import RECORD, in_doubt
from backfill.changes.pieces import PIECE_RECORDS
from backfill.changes.texts import keys, records_of

#: More than are read at once, so that what is asked lies in several pieces and across their ends.
ENTITIES = PIECE_RECORDS + 50_000
BELONGS = {"stream": "people", "key": ["id"], "destination": "nowhere"}


def test_keys_as_bytes_are_those_of_the_records_in_their_order():
    records = np.zeros(3, RECORD)
    records["hi"], records["lo"] = [1, 256, 2**64 - 1], [5 << 8, 7 << 8, 0xFFFFFF00]
    found = keys(records)

    assert found == sorted(found)
    assert keys(records_of(found)) == found


def test_of_any_entities_it_is_told_whether_a_text_is_what_was_said_last(tmp_path: Path):
    numbers = np.random.default_rng(7)
    records = np.zeros(ENTITIES, RECORD)
    records["hi"] = np.sort(numbers.integers(0, 2**63, ENTITIES, dtype=np.uint64))
    asked = numbers.choice(ENTITIES, 5_000, replace=False)
    asked.sort()
    texts = [b'{"n":%d}' % n for n in asked]
    said = b"".join(digests.of_operation(text) for text in texts)
    pairs = np.frombuffer(said, "<u8").reshape(-1, 2)
    records["d0"][asked], records["d1"][asked] = pairs[:, 0], pairs[:, 1]
    known = Known.open(tmp_path / "known", BELONGS)
    known.append(records)
    known.append(in_doubt(records[asked[::10]]))
    known.close()
    known = Known.look(tmp_path / "known")
    told, found = ToldLast(known), list[bool]()
    for first in range(0, len(asked), 1_000):
        some = slice(first, first + 1_000)
        changes = [
            Change(key, b"another" if n % 10 == 1 else text, None, False)
            for n, (key, text) in enumerate(
                zip(keys(records[asked[some]]), texts[some], strict=True)
            )
        ]
        found += told.are(changes)
    known.close()

    assert found == [n % 10 > 1 for n in range(len(asked))]


def test_of_who_is_not_known_nothing_was_said(tmp_path: Path):
    known = Known.look(tmp_path / "nothing")
    found = ToldLast(known).are([Change(b"k" * 12, b"{}", None, False)])
    known.close()

    assert found == [False]
