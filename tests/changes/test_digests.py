"""Digests of keys and operations, to the bit: with any other, the next export is all new."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.changes import digests
from backfill.changes.digests import Key
from backfill.changes.entries import RECORD, key_of
from backfill.columns import Column
from backfill.records import Form


def of_keys(*columns: Column, is_caseless: bool = False) -> list[str]:
    """The 88 bits of each row's key."""
    names = [str(i) for i in range(len(columns))]
    height = len(columns[0].series)
    key = Key(tuple(names), frozenset(names) if is_caseless else frozenset())
    found = digests.of_keys(dict(zip(names, columns, strict=True)), key, height)
    return [f"{hi:016x}{lo:06x}" for hi, lo in zip(found["hi"], key_of(found["lo"]), strict=True)]


def text(*values: str | None) -> Column:
    return Column("k", pa.array(values, pa.string()), Form.TEXT)


def raw(*values: str | None) -> Column:
    return Column("k", pa.array(values, pa.string()), Form.JSON)


def typed(values: list[object], kind: pa.DataType | None = None) -> Column:
    return Column("k", pa.array(values, kind), Form.TYPED)


P1, ONE, BLANK = "1f1a6f1ac3d709bd866569", "7655b09d009bc6f47bbb96", "ccbabf549aa0b87f191d58"
TRUE, U_UMLAUT = "702036acf42a7d9198cae0", "dc6d1e1caef554581e0309"
UTC_2020 = dt.datetime(2020, 1, 1)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (text("p1"), P1),
        (text("Ü€😀"), "e9b4a540ddc7bef9eed8ad"),
        (text('a"b\\c\n'), "e9e457d271fecaa83e812a"),
        (text("00123"), "20b56cdc6d19dbb1cd7f73"),
        (text(" "), "00348ac276d156b815a283"),
        (text(None), BLANK),
        (raw('"p1"'), P1),
        (raw("1"), ONE),
        (raw("1.0"), "d8e27ba65bd946383e4d7e"),
        (raw("1e5"), "3173e7294ed853abbcc424"),
        (raw("12345678901234567890"), "2e2e18a6bbaee541a9bcc2"),
        (raw("true"), TRUE),
        (raw('"\\u00dc"'), U_UMLAUT),
        (raw('"Ü"'), U_UMLAUT),
        (raw("null"), BLANK),
        (raw('""'), BLANK),
        (raw(None), BLANK),
        (raw("[1]"), "f67bf9af27e03a5c1f4516"),
        (raw('{"a":1}'), "ed5ca283bd1395c179c8e2"),
        (typed(["p1"]), P1),
        (typed([1]), ONE),
        (typed([1], pa.int16()), ONE),
        (typed([1.0]), ONE),
        (typed([1.5]), "c064398ada67caff4ad443"),
        (typed([True]), TRUE),
        (typed([Decimal("1.50")]), "ac056a6f169caed1399911"),
        (typed([UTC_2020], pa.timestamp("us", "UTC")), "ff642009ca7659190e39d4"),
        (typed([UTC_2020], pa.timestamp("ns", "UTC")), "ff642009ca7659190e39d4"),
        (typed([None], pa.int64()), BLANK),
        (typed([None]), BLANK),
    ],
)
def test_the_key_of_a_value_never_changes(column, expected):
    assert of_keys(column) == [expected]


def test_a_key_of_several_columns_never_changes_and_knows_which_is_which():
    found = of_keys(text("p1", None, "x", "a,b", "a"), text(None, "p1", "y", "c", "b,c"))

    assert found[:3] == [
        "45daa523223ad163dc2830",
        "0acd58ad0da7b52f2a275a",
        "ce7f578c8d887402c5c3d1",
    ]
    assert len(set(found)) == 5


def test_a_key_whose_column_no_row_has_is_blank():
    columns = {"k": text("p1")}

    assert f"{digests.of_keys(columns, Key(('gone',)), 1)['hi'][0]:016x}" == BLANK[:16]
    assert digests.are_blank(columns, Key(("gone",)), 1).tolist() == [True]
    assert digests.are_blank(columns, Key(("gone", "k")), 1).tolist() == [False]


def test_letter_case_is_no_part_of_a_key_without_case():
    assert of_keys(text("P1", "p1"), is_caseless=True) == [P1, P1]
    assert of_keys(text("P1"))[0] != P1


def test_the_digest_of_an_operation_never_changes():
    records = np.zeros(2, RECORD)
    digests.put_operations(records, [b'{"a":1}', b'{"b":2}'])

    assert [f"{a:016x}{b:016x}" for a, b in zip(records["d0"], records["d1"], strict=True)] == [
        "e4ac547b1752f06abc6c6d181134a79b",
        "87d74bfcb017ff2c4205befd153370b8",
    ]


@given(rows=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=9))
@settings(max_examples=60, deadline=None)
def test_the_key_of_text_is_the_digest_of_its_json_as_python_writes_it(rows):
    assert of_keys(text(*(a or None for a, _ in rows)), text(*(b or None for _, b in rows))) == [
        _by_python([a or None, b or None]) for a, b in rows
    ]


def _by_python(parts: list[str | None]) -> str:
    told = json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
    digest = hashlib.blake2b(told, digest_size=12, person=b"backfill key 1").digest()
    hi, lo = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
    return f"{hi:016x}{lo >> 8:06x}"
