"""How files are written: encodings, delimiters, headers, formats, what is no file of rows."""

import gzip
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.discovery import survey
from backfill.errors import UsageError
from discovery.drafted import NOW_S, drafted, write

LINES = ["email,first_name,last_name", *(f"p{i}@example.com,Jürgen,Weiß" for i in range(4))]


def names(found):
    return [o["attributes"]["first_name"] for s in found.sent.values() for o in s.operations]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_text_is_read_whatever_its_encoding_and_delimiter(encoding, delimiter, tmp_path):
    write(tmp_path, "people.csv", [line.replace(",", delimiter) for line in LINES], encoding)

    assert names(drafted(tmp_path, "people.csv")) == ["Jürgen"] * 4


def test_a_delimiter_inside_quotes_is_none(tmp_path):
    lines = ["email;first_name;last_name", *(f'p{i}@example.com;"a,b,c";B' for i in range(5))]
    write(tmp_path, "people.csv", lines)

    assert names(drafted(tmp_path, "people.csv")) == ["a,b,c"] * 5


def test_a_compressed_file_is_read(tmp_path):
    text = "\n".join(LINES).encode()
    (tmp_path / "people.csv.gz").write_bytes(gzip.compress(text))

    assert len(names(drafted(tmp_path, "people.csv.gz"))) == 4


def test_the_content_tells_the_format_where_the_name_lies(tmp_path):
    record = {"email": "p@example.com", "first_name": "A", "last_name": "B"}
    write(tmp_path, "people.csv", [json.dumps(record)])

    assert names(drafted(tmp_path, "people.csv")) == ["A"]


def test_a_list_of_addresses_without_a_header_loses_none(tmp_path):
    write(tmp_path, "unsubscribed.csv", [f"p{i}@example.com" for i in range(5)])

    assert len(drafted(tmp_path, "unsubscribed.csv").out()) == 5


def test_an_empty_file_and_one_with_a_header_only_are_left_out_and_said(tmp_path):
    write(tmp_path, "people.csv", LINES)
    write(tmp_path, "empty.csv", [])
    write(tmp_path, "header.csv", ["email,name"])

    text = drafted(tmp_path, "people.csv", "empty.csv", "header.csv").text

    assert "#   empty.csv: the file is empty" in text
    assert "#   header.csv: a header and no rows" in text


def test_the_same_file_twice_is_one_stream(tmp_path):
    write(tmp_path, "people.csv", LINES)
    write(tmp_path, "copy.csv", LINES)

    found = drafted(tmp_path, "people.csv", "people.csv", "copy.csv", "*.csv")

    assert found.counts == {"copy": (4, 0, 0)} or found.counts == {"people": (4, 0, 0)}
    assert "the same content as" in found.text


def test_a_folder_means_the_files_of_rows_in_it(tmp_path):
    write(tmp_path, "people.csv", LINES)
    write(tmp_path, "README.md", ["# Not data"])

    assert drafted(tmp_path, ".").counts == {"people": (4, 0, 0)}


def test_what_else_a_folder_holds_is_left_out_by_name_unless_it_is_named_too(tmp_path):
    (tmp_path / "exports" / "2024").mkdir(parents=True)
    write(tmp_path, "exports/people.csv", LINES)
    write(tmp_path, "exports/2024/companies.csv", ["company_id,name", "1,a", "2,b"])
    (tmp_path / "exports" / "book.xlsx").write_bytes(b"PK")

    one = drafted(tmp_path, "exports")
    both = drafted(tmp_path, "exports", "exports/2024")

    assert "exports/2024/: a folder stands for" in one.text
    assert "exports/book.xlsx: a folder stands for" in one.text
    assert "exports/2024/: " not in both.text
    assert "exports/book.xlsx: a folder stands for" in both.text


def test_rejects_of_an_earlier_run_are_read_without_their_own_columns(tmp_path):
    lines = ["email,first_name,last_name,_file,_row,_rule,_reason", "p@example.com,A,B,x,1,y,z"]
    write(tmp_path, "contacts.csv", lines)

    found = drafted(tmp_path, "contacts.csv")

    assert set(found.sent["contacts"].operations[0]["attributes"]) == {"first_name", "last_name"}
    assert any("rejects of an earlier run" in what for what in found.confirms)


@pytest.mark.parametrize(
    ("name", "content", "what", "fix"),
    [
        ("book.xlsx", b"PK\x03\x04[Content_Types].xml", "an Excel workbook", "CSV"),
        ("all.zip", b"PK\x03\x04people.csv", "a zip archive", "unpack"),
        ("book.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook", "CSV"),
        ("list.json", b'[{"a": 1}, {"a": 2}]', "one JSON list", "jq -c"),
        ("one.json", b'{\n  "a": 1\n}\n', "one JSON object", "jq -c"),
        ("image.csv", b"GIF89a\x00\x01\x02\xff" * 50, "not text", "CSV"),
        ("people.csv.gz", b"email\na@example.com\n", "not compressed", "name"),
        ("people.csv", gzip.compress(b"email\na@example.com\n", mtime=0), "compressed", ".gz"),
        ("page.csv", b"<html><body></body></html>", "XML or HTML", "CSV"),
        ("twice.csv", b"email,email\na@example.com,b@example.com\n", "more than one", "name"),
        ("blank.csv", b",email\n1,a@example.com\n", "no name", "name"),
        ("broken.parquet", b"PAR1 and then nothing", "damaged", "copy"),
    ],
)
def test_what_is_no_file_of_rows_is_refused_with_what_to_do(name, content, what, fix, tmp_path):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UsageError) as refused:
        drafted(tmp_path, name)

    assert what in refused.value.what
    assert name in refused.value.where
    assert fix in refused.value.fix


@pytest.mark.parametrize("name", ["nowhere.csv", "nothing-*.csv", "empty_folder"])
def test_what_is_not_there_is_refused(name, tmp_path):
    (tmp_path / "empty_folder").mkdir()

    with pytest.raises(UsageError):
        drafted(tmp_path, name)


def test_nothing_left_is_an_error(tmp_path):
    write(tmp_path, "empty.csv", [])

    with pytest.raises(UsageError, match="the file is empty"):
        drafted(tmp_path, "empty.csv")


def test_a_large_file_is_looked_at_in_places_only_and_said_so(tmp_path):
    lines = (f"{i:07},p{i}@example.com,Ada,Love" for i in range(150_000))
    write(tmp_path, "users.csv", ["user_id,email,first_name,last_name", *lines])

    text = survey([str(tmp_path / "users.csv")], tmp_path / "job.yaml", NOW_S).text

    said = text.replace("\n  # ", " ")
    assert re.search(r"1[0-4][0-9],[0-9]{3} rows looked at, of more", said)


SECRET = st.text(st.sampled_from("QXZJKVW7834"), min_size=6, max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.tuples(SECRET, SECRET, SECRET, SECRET), min_size=1, max_size=8),
    column=st.sampled_from(["notes", "opted_out", "email_opt_in", "created_at", "score", "status"]),
)
def test_no_value_of_a_row_stands_in_what_is_written(values, column, tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    lines = [f"{a},{b}@{c}.example,{c},{d},{d}" for a, b, c, d in values]
    write(folder, "users.csv", [f"user_id,email,first_name,last_name,{column}", *lines])

    found = survey([str(folder / "users.csv")], folder / "job.yaml", NOW_S)

    told = found.text + " ".join(what for draft, _ in found.streams for what in draft.confirms)
    assert not [value for row in values for value in row if value in told]


def test_a_first_line_whose_words_come_again_below_is_a_record_and_not_shown(tmp_path):
    write(tmp_path, "people.csv", LINES)
    write(tmp_path, "towns.csv", ["Esi,Berlin", "Ada,Berlin", "Bo,Porto"])

    text = drafted(tmp_path, "people.csv", "towns.csv").text

    assert "columns: [column_1, column_2]" in text
    assert "Berlin" not in text
