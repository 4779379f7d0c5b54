"""Blocks and streams as the tests of the core write them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import settings
from hypothesis import strategies as st

from backfill.mapping import Stream
from backfill.operations import Encoded, Surroundings, encode
from backfill.operations.binding import where_of
from backfill.records import Block, BlockStart, Fault, Form, SourceFile

NOW_S = 1_700_000_000

#: Polars takes its time over the first expression of a process.
law = settings(deadline=None, max_examples=60)

#: Text as hostile as files hold it; Arrow has no half surrogate pairs.
hostile_text = st.text(
    st.one_of(
        st.sampled_from(list('"\\/{}[]:,\x00\x01\t\n\r\x1f\x7f é\u2028\U0001f600')),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=30,
)


def block(
    columns: Mapping[str, Sequence[Any]],
    form: Form = Form.TEXT,
    first: int = 0,
    types: Mapping[str, pa.DataType] | None = None,
    faults: tuple[Fault, ...] = (),
) -> Block:
    """A block of the columns; text unless `types` says otherwise."""
    known = types or {}
    arrays = [
        values
        if isinstance(values, pa.Array)
        else pa.array(values, known.get(name, None if form is Form.TYPED else pa.string()))
        for name, values in columns.items()
    ]
    table = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    faulty = {fault.row for fault in faults}
    stop = first + table.num_rows + len(faults)
    rows = np.array([row for row in range(first, stop) if row not in faulty], np.int64)
    file = SourceFile("s", 0, Path("x"), "x", "csv")
    return Block(file, form, BlockStart(first, 0), BlockStart(stop, 0), table, rows, faults)


def raw(*values: Any) -> list[str | None]:
    """JSON members as a reader hands them over; `...` is an absent one."""
    return [None if value is ... else json.dumps(value, ensure_ascii=False) for value in values]


def stream(**keys: Any) -> Stream:
    """A stream of one person an `id` unless the keys say otherwise."""
    subjects = {"person", "object", "merge", "delivery"}
    subject = {} if subjects & set(keys) else {"person": {"id": "id"}}
    return Stream(**{"name": "s", "source": "x.csv"} | subject | keys)


def encoded(rows: Block, mapping: Stream, now_s: int = NOW_S, digest: str = "d") -> Encoded:
    """What becomes of a block."""
    return encode(rows, mapping, where_of(mapping), Surroundings(now_s, digest))


def operations(of: Encoded) -> list[dict[str, Any]]:
    """The operations, parsed."""
    return json.loads(b"[" + bytes(of.operations)[:-1] + b"]")


def refusals(of: Encoded) -> list[tuple[int, str]]:
    """Row and rule of every refused row."""
    return list(zip(of.rejected.rows.tolist(), of.rejected.rules, strict=True))


def attribute(
    values: Sequence[Any] | pa.Array, form: Form = Form.TEXT, data_type: Any = None, **field: Any
) -> list[Any]:
    """What a column becomes as the attribute `a`: a value, None where absent, or the rule broken.

    A rule is given as {"rule"}, so that it differs from every JSON value.
    """
    count = len(values)
    names = [json.dumps(str(i)) if form is Form.JSON else str(i) for i in range(count)]
    ids = pa.array(names, pa.string())
    types = {} if data_type is None else {"x": data_type}
    keys = {key: field.pop(key) for key in ("blank", "on_error") if key in field}
    mapping = stream(attributes={"a": {"column": "x", **field}}, **keys)
    result = encoded(block({"id": ids, "x": values}, form, types=types), mapping)
    found: list[Any] = [None] * count
    for operation in operations(result):
        attributes = operation["attributes"]
        found[int(operation["identifiers"]["id"])] = attributes.get("a", ...)
    for row, rule in refusals(result):
        found[row] = {rule}
    return found


def raw_records(block: Block) -> list[dict[str, Any]]:
    """The cells of each row that could be read; members of JSON as they are written."""
    return [
        {
            name: f'"{cell}"' if name in block.unquoted and cell is not None else cell
            for name, cell in row.items()
        }
        for row in block.table.to_pylist()
    ]
