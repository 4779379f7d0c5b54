"""Two nights end as the second alone would, but for who is gone."""

from __future__ import annotations

import csv
import io
import json
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill import engine
from backfill.config import load
from backfill.pipeline import Options
from backfill.report import Closing

from .nights import PEOPLE, Heard, people

Row = dict[str, Any]

NAMES = ["a", "b", "c", "d", "e"]


def pairs_of(names: list[str]) -> st.SearchStrategy[list[tuple[list[Row], list[Row]]]]:
    """Exports of two nights, of twelve streams."""
    rows = st.fixed_dictionaries(
        {
            "id": st.sampled_from(names),
            "value": st.sampled_from(["", "1", "2", "x" * 1_001]),
            "status": st.sampled_from(["here", "here", "away"]),
        }
    )
    exports = st.lists(rows, min_size=1, max_size=8)
    return st.lists(st.tuples(exports, exports), min_size=12, max_size=12)


def write(path: Path, export: list[Row]) -> None:
    if path.suffix == ".parquet":
        schema = pa.schema([(name, pa.string()) for name in export[0]])
        pq.write_table(pa.Table.from_pylist(export, schema), path, row_group_size=3)
        return
    text = io.StringIO()
    if path.suffix == ".jsonl":
        text.writelines(json.dumps(row) + "\n" for row in export)
    else:
        writer = csv.DictWriter(text, list(export[0]))
        writer.writeheader()
        writer.writerows(export)
    path.write_bytes(text.getvalue().encode())


def night(folder: Path, exports: list[list[Row]], form: str, send: str) -> Closing:
    """Send exports to the workspace of a folder, each as a stream of its own."""
    folder.mkdir(exist_ok=True)
    streams = []
    for n, export in enumerate(exports):
        named = [row | {"id": row["id"] and f"{n}{row['id']}"} for row in export]
        write(folder / f"people{n}.{form}", named)
        told = {"name": f"people{n}", "source": f"people{n}.{form}", "where": "status != 'away'"}
        told |= {"attributes": {"value": "value"}, "blank": "unset", "vanished": "delete"}
        told |= {"max_vanished": "100%", "changes": {"key": "id", "send": send}}
        streams.append(PEOPLE | told)
    job = {"destination": {"sandbox": "workspace.db"}, "streams": streams}
    (folder / "job.yaml").write_text(yaml.safe_dump(job))
    closing = engine.send(load(folder / "job.yaml", []), Options(), Heard())
    assert closing.error is None
    return closing


def told(export: list[Row]) -> dict[str, str]:
    """What an export says of each person by itself: their last row, if it is sent."""
    last = {row["id"]: row for row in export if row["id"]}
    return {
        name: row["value"]
        for name, row in last.items()
        if row["status"] != "away" and len(row["value"]) <= 1_000
    }


def expected(first: list[Row], second: list[Row], *, is_told: bool) -> dict[str, str]:
    """What two exports say; is_told: whether every key can be read, and so who is gone."""
    left = {row["id"] for row in second}
    kept = {name: value for name, value in told(first).items() if name in left or not is_told}
    return kept | told(second)


@pytest.mark.parametrize("send", ["operation", "changed_attributes"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_two_nights_end_as_the_second_alone_but_for_who_is_gone(tmp_path, form, send):
    numbers = count()

    @given(pairs=pairs_of(NAMES) | pairs_of(["", *NAMES]))
    @settings(max_examples=3, deadline=None)
    def law(pairs: list[tuple[list[Row], list[Row]]]) -> None:
        folder = tmp_path / str(next(numbers))
        for night_ in (0, 1):
            closing = night(folder, [pair[night_] for pair in pairs], form, send)
            assert all(
                c.read == c.delivered + c.rejected + c.filtered for c in closing.counts.values()
            )
            workspace = people(folder / "workspace.db")

        is_told = all(row["id"] for _, second in pairs for row in second)
        assert workspace == {
            f"{n}{name}": {"value": value} if value else {}
            for n, pair in enumerate(pairs)
            for name, value in expected(*pair, is_told=is_told).items()
        }

    law()
