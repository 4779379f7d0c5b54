"""What a plan shows of people: shapes, never a value."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill import planning

from .sources import planned, write_rows

#: Letters no word of ours, and no mask, holds together.
MARKED = "Qz9#"

values = st.one_of(
    st.just(""),
    st.builds(
        lambda lead, mark, tail: lead + mark + tail,
        st.sampled_from(["", " ", "x" * 990, "é" * 600, "+49", "a@", '"', "1600000000", "{", "["]),
        st.sampled_from([MARKED, MARKED.lower()]),
        st.text(string.printable.strip(), max_size=12),
    ),
)
COLUMNS = ("id", "email", "value", "at", "company", "token")
rows = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, values)), min_size=1, max_size=6)

STREAMS = [
    {
        "person": {"id": "id", "email": "email"},
        "attributes": {
            "email2": {"column": "email"},
            "n": {"column": "value", "type": "number"},
            "b": {"column": "value", "type": "boolean"},
            "j": {"column": "value", "type": "json"},
            "t": {"column": "at", "type": "timestamp", "format": "%d/%m/%Y"},
        },
        "relationships": [{"object": {"type": "1", "id": "company"}}],
    },
    {"person": {"id": "id"}, "attributes": {"value": "value"}, "where": "value = 'x'"},
    {"person": {"id": "id"}, "attributes": {"unsubscribed": "value"}, "timestamp": "at"},
    {"object": {"type": "1", "id": "company"}, "attributes": {"value": "value"}},
    {
        "person": {"email": "email"},
        "event": {"name": "seen", "timestamp": "at", "key": "content"},
        "attributes": {"value": "value"},
    },
    {"person": {"id": "id"}, "device": {"token": "token", "platform": "value"}},
    {"merge": {"primary": {"id": "id"}, "secondary": {"email": "email"}}},
]


@given(rows, st.sampled_from(["csv", "jsonl", "parquet"]))
@settings(deadline=None, max_examples=40)
def test_no_value_of_a_row_is_in_a_plan(tmp_path_factory, found, form):
    folder = tmp_path_factory.mktemp("job")
    write_rows(folder / f"rows.{form}", [*found, *found])
    keys = {"source": f"rows.{form}"}

    plan = planned(folder, *({"name": f"s{n}"} | keys | each for n, each in enumerate(STREAMS)))

    told = "\n".join(
        [*planning.lines(plan), *planning.essence(plan), json.dumps(planning.as_json(plan))]
    )
    assert MARKED not in told
    assert MARKED.lower() not in told
    assert "xxxx" not in told
    assert "ééé" not in told
    assert "160000" not in told


@pytest.mark.parametrize("raw", ['{"id": Qz9#}', '{"Qz9#": 1, "Qz9#": 2}', "Qz9#"])
def test_no_text_of_a_broken_line_is_in_a_plan(tmp_path, raw):
    (tmp_path / "rows.jsonl").write_text(f'{{"id": "1"}}\n{raw}\n')

    plan = planned(
        tmp_path, {"name": "s", "source": "rows.jsonl", "person": {"id": "id"}, "attributes": "*"}
    )

    assert plan.total("rejected") == 1
    assert MARKED not in "\n".join([*planning.lines(plan), json.dumps(planning.as_json(plan))])


def test_text_is_ascii_and_tells_the_numbers_and_the_next_step(tmp_path):
    write_rows(tmp_path / "rows.csv", [{"id": f"p{n}", "value": "é"} for n in range(1_500)])

    plan = planned(
        tmp_path,
        {"name": "people", "source": "rows.csv", "person": {"id": "id"}, "attributes": "*"},
    )
    text = "\n".join(planning.lines(plan))

    [row] = [line.split() for line in text.splitlines() if line.startswith("people ")]
    assert text.isascii()
    assert row[1:4] == ["1,500", "1,500", f"{plan.total('requests')}"]
    assert text.splitlines()[-1].startswith("Next: ")
    assert f"backfill run {tmp_path}/job.yaml" in text.splitlines()[-1]


def test_a_cell_of_spaces_and_a_blank_one_look_different(tmp_path):
    rows = [{"id": value, "value": "x"} for value in ("", "  ", "1")]
    write_rows(tmp_path / "rows.csv", rows)

    plan = planned(
        tmp_path,
        {"name": "people", "source": "rows.csv", "person": {"id": "id"}, "attributes": "*"},
    )

    assert "rows 1 (blank), 2 (2 spaces) of rows.csv" in "\n".join(planning.lines(plan))
