"""Which rows are looked at: none of them twice."""

import itertools
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.discovery import survey
from backfill.discovery.opening import PLACE_BYTES, PLACES, opened, places
from backfill.discovery.sampling import sample
from discovery.drafted import NOW_S

ROWS = 200_000


def orders(folder, form, count=ROWS):
    """A file of orders, every one of them with an id of its own."""
    path = folder / f"orders.{form}"
    if form == "parquet":
        table = pa.table({"order_id": [f"o{i}" for i in range(count)]})
        pq.write_table(table, path, row_group_size=9_000)
    elif form == "csv":
        path.write_text("order_id,sku\n" + "".join(f"o{i},s\n" for i in range(count)))
    else:
        path.write_text("".join(json.dumps({"order_id": f"o{i}"}) + "\n" for i in range(count)))
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("rows_max", [1, 5_000, 60_000, 100_000])
def test_no_row_of_a_long_file_is_looked_at_twice(form, rows_max, tmp_path):
    found = sample(opened(orders(tmp_path, form), "orders"), rows_max)

    ids = found.columns["order_id"].text
    assert not found.is_whole
    assert len(ids) > rows_max
    assert ids.n_unique() == len(ids)


def test_unique_ids_of_a_long_file_are_seen_to_be_unique(tmp_path):
    lines = [f"{i},c{i},2024-01-01T00:00:00Z\n" for i in range(ROWS)]
    path = tmp_path / "orders.csv"
    path.write_text("order_id,customer_id,order_date\n" + "".join(lines))

    text = survey([str(path)], tmp_path / "job.yaml", NOW_S).text

    assert "key: order_id  # unique in the rows looked at" in text


@given(start=st.integers(0, 5 << 20), more=st.integers(-5, 40 << 20))
def test_places_lie_behind_the_start_apart_from_each_other_and_inside_the_file(start, more):
    found = places(start, start + more)

    assert len(found) <= PLACES
    assert all(start <= place < start + more for place in found)
    assert all(b - a >= PLACE_BYTES for a, b in itertools.pairwise(found))
    assert bool(found) == (more > 0)
