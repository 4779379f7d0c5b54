"""A member that is a string in every line is held without its quotes; nothing shows it."""

import json
from dataclasses import replace

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from backfill.records import Form

from .blocks import block, encoded, hostile_text, law, stream

#: Strings that JSON writes as they are: those alone are held without quotes.
plain = st.one_of(
    st.sampled_from(["", " ", "1", "007", "1.50", "true", "no", "2024-01-02", "null", "{}", "é"]),
    hostile_text.filter(lambda text: json.dumps(text, ensure_ascii=False) == f'"{text}"'),
)
rows = st.lists(st.tuples(plain, plain | st.none(), plain | st.none()), min_size=1, max_size=8)
mappings = st.one_of(
    st.fixed_dictionaries(
        {
            "attributes": st.just({"*": True})
            | st.fixed_dictionaries(
                {
                    "a": st.fixed_dictionaries(
                        {
                            "column": st.just("a"),
                            "type": st.sampled_from(
                                ["text", "integer", "number", "boolean", "timestamp", "json"]
                            ),
                        }
                    )
                }
            ),
            "blank": st.sampled_from(["omit", "unset", "keep"]),
            "on_error": st.sampled_from(["reject", "omit", "keep"]),
            "where": st.sampled_from([None, "a = '1'", "a IS BLANK OR b LIKE '%1'"]),
        }
    ),
    st.just({"person": {"email": "a", "id": "b"}, "attributes": "*", "repeats": "fold"}),
    st.just({"event": {"name": "a", "timestamp": "b", "key": "content"}, "attributes": "*"}),
    st.just({"object": {"type": "1", "id": "a"}, "attributes": {"b": "b"}}),
)


@law
@given(rows, mappings)
def test_strings_without_their_quotes_become_the_same_operations(cells, mapping):
    texts = dict(zip(["id", "a", "b"], zip(*cells, strict=True), strict=True))
    quoted = {
        name: [None if text is None else f'"{text}"' for text in column]
        for name, column in texts.items()
    }
    raw = block(quoted, Form.JSON)
    table = pa.RecordBatch.from_pydict({n: pa.array(c, pa.string()) for n, c in texts.items()})
    bare = replace(raw, table=table, unquoted=frozenset(texts))

    expected, found = (encoded(each, stream(**mapping)) for each in (raw, bare))

    assert bytes(found.operations) == bytes(expected.operations)
    assert found.rejected.rows.tolist() == expected.rejected.rows.tolist()
    assert found.rejected.reasons == expected.rejected.reasons
    assert [(part, rows.tolist()) for part, rows in found.filtered.items()] == [
        (part, rows.tolist()) for part, rows in expected.filtered.items()
    ]
