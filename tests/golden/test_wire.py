"""What goes over the wire, byte for byte: rows and a stream in, bodies and refusals out.

A case is a folder of `wire/`: `job.yaml` is one stream, `rows.csv`, `rows.jsonl` or `rows.json`
(typed: column to Arrow type and values) its rows, `body.json` the bodies of its requests, one a
line, and `refused.txt` its refused, filtered and held rows. `pytest --regold` rewrites the last
two; read the difference like code.
"""

import csv
import json
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import yaml

from backfill.chunker import Chunker
from backfill.mapping import Stream
from backfill.operations import Encoded, Surroundings, check, encode
from backfill.operations.binding import where_of
from backfill.records import Block, BlockStart, Form, SourceFile
from backfill.sandbox.track.v2_rules import violations

WIRE = Path(__file__).parent / "wire"
CASES = sorted(folder.name for folder in WIRE.iterdir())
SURROUNDINGS = Surroundings(now_s=1_700_000_000, content_digest="0123456789abcdef")


@pytest.mark.parametrize("case", CASES)
def test_the_bytes_on_the_wire_are_as_they_were(case: str, request: pytest.FixtureRequest) -> None:
    folder = WIRE / case
    stream = Stream(source="rows", **yaml.safe_load((folder / "job.yaml").read_text("utf-8")))
    block = read(folder)
    names = None if block.form is Form.JSON else block.table.schema.names
    check(stream, names, "rows")

    encoded = encode(block, stream, where_of(stream), SURROUNDINGS)

    chunker = Chunker(stream.name)
    bodies = [b"".join(batch.body()) for batch in (*chunker.add(encoded), *chunker.flush())]
    actual = {"body.json": b"\n".join([*bodies, b""]), "refused.txt": refused(encoded).encode()}
    for name, content in actual.items():
        if request.config.getoption("--regold"):
            (folder / name).write_bytes(content)
        assert content == (folder / name).read_bytes()


def refused(encoded: Encoded) -> str:
    rejected = encoded.rejected
    lines = [
        f"{row + 1} {rule}: {reason}"
        for row, rule, reason in zip(
            rejected.rows.tolist(), rejected.rules, rejected.reasons, strict=True
        )
    ]
    apart = encoded.filtered | {"held": encoded.held}
    lines += [f"{row + 1} {why}" for why, rows in apart.items() for row in rows.tolist()]
    return "".join(f"{line}\n" for line in lines)


def read(folder: Path) -> Block:
    if (folder / "rows.csv").exists():
        return block_of(*texts((folder / "rows.csv").read_text("utf-8")), Form.TEXT)
    if (folder / "rows.jsonl").exists():
        return block_of(*members((folder / "rows.jsonl").read_bytes()), Form.JSON)
    return block_of(*typed(json.loads((folder / "rows.json").read_text("utf-8"))), Form.TYPED)


def block_of(names: list[str], arrays: list[pa.Array], form: Form) -> Block:
    table = pa.RecordBatch.from_arrays(arrays, names=names)
    count = table.num_rows
    file = SourceFile("s", 0, Path("rows"), "rows", "csv")
    return Block(file, form, BlockStart(0, 0), BlockStart(count, 0), table, np.arange(count))


def texts(content: str) -> tuple[list[str], list[pa.Array]]:
    header, *rows = csv.reader(content.splitlines(keepends=True))
    columns = list(zip(*rows, strict=True))
    return header, [pa.array([cell or None for cell in cells], pa.string()) for cells in columns]


def members(content: bytes) -> tuple[list[str], list[pa.Array]]:
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    records = [decode(line) for line in content.splitlines()]
    names = list(dict.fromkeys(name for record in records for name in record))
    raws = [[record.get(name) for record in records] for name in names]
    return names, [
        pa.array([None if raw is None else bytes(raw).decode() for raw in column], pa.string())
        for column in raws
    ]


def typed(columns: dict[str, tuple[str, list[object]]]) -> tuple[list[str], list[pa.Array]]:
    arrays = []
    for kind, values in columns.values():
        data_type = eval(kind, vars(pa))  # such as "timestamp('us', 'UTC')"
        if isinstance(values[0], str) and not pa.types.is_nested(data_type):
            arrays.append(pa.array(values).cast(data_type))
        else:
            arrays.append(pa.array(values, data_type))
    return list(columns), arrays


@pytest.mark.parametrize("case", CASES)
def test_the_sandbox_refuses_nothing_of_what_goes_over_the_wire(case: str) -> None:
    for body in (WIRE / case / "body.json").read_bytes().splitlines():
        assert not [found for each in json.loads(body)["batch"] for found in violations(each)]
