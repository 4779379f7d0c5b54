"""Whatever the columns are called and hold, what is written loads and refuses no row by a guess."""

import csv
import io
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backfill.discovery import survey
from backfill.discovery.vocabulary import vocabulary
from discovery.drafted import NOW_S, drafted

HOSTILE = st.text(
    st.one_of(
        st.sampled_from(list("\"'\\{}[]:,;#&*!|>%@`? \t\né\u2028\U0001f600")),
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r\n"),
    ),
    min_size=1,
    max_size=12,
).filter(lambda text: text.strip() and text.strip()[0] not in "[{<")
KNOWN = st.sampled_from(
    [
        *sorted({name for names in vocabulary().roles.values() for name in names}),
        "First Name",
        "last_name",
        "company_name",
        "industry",
        "SSN",
        "notes",
        "_x",
        "cio_id",
    ]
)
VALUES = st.sampled_from(
    ["", "a", "yes", "no", "1", "0", "007", "1e5", "2024-01-31", "31/01/2024", "03/04/2024", "ios",
     "1706695200", "1706695200000", "a@example.com", "b@example.com", "x, y", 'q"q', "deleted"]
)  # fmt: skip


@st.composite
def files(draw):
    """A header of names that are known, and of names that are hostile, and rows."""
    names = st.lists(st.one_of(KNOWN, HOSTILE), min_size=2, max_size=8, unique_by=str.strip)
    header = ["email", "first_name", *(n for n in draw(names) if n not in ("email", "first_name"))]
    count = draw(st.integers(1, 6))
    cells = [draw(st.lists(VALUES, min_size=count, max_size=count)) for _ in header[2:]]
    people = [f"p{i}@example.com" for i in range(count)]
    return header, list(zip(people, ["Ada"] * count, *cells, strict=True))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=files(), is_json=st.booleans())
def test_what_is_written_for_any_file_loads_and_takes_its_rows(file, is_json, tmp_path_factory):
    folder = tmp_path_factory.mktemp("laws")
    header, rows = file
    if is_json:
        lines = [json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows]
        (folder / "users.jsonl").write_text("".join(lines), encoding="utf-8")
    else:
        text = io.StringIO()
        csv.writer(text).writerows([header, *rows])
        (folder / "users.csv").write_text(text.getvalue(), encoding="utf-8")
    name = "users.jsonl" if is_json else "users.csv"
    (folder / "people.csv").write_text(
        "email,first_name,plan\na@example.com,A,b\n", encoding="utf-8"
    )
    found = survey([str(folder / name), str(folder / "people.csv")], folder / "job.yaml", NOW_S)

    assert not [proof.fault for _, proof in found.streams if proof.fault]
    for rejected in (
        rule for one in drafted(folder, name, "people.csv").sent.values() for rule in one.rejected
    ):
        assert rejected in ("no_identifier", "no_event_time", "no_event_name", "no_event_key",
                            "unknown_platform", "no_relationship", "not_a_timestamp",
                            "merge_into_itself", "timestamp_in_milliseconds",
                            "value_too_long")  # fmt: skip
