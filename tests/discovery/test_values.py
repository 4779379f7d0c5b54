"""What is made of values: times, numbers, names in digits, personal data."""

import pytest

from discovery.drafted import attributes, drafted, people, write


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (("2024-01-31T10:00:00Z", ""), {"type": "timestamp"}),
        (("2024-01-31 10:00", "2024-02-01 11:00"), {"type": "timestamp", "timezone": "UTC"}),
        (("1706695200", "1706695201"), {"type": "timestamp"}),
        (("1706695200000", "1706695201000"), {"type": "timestamp", "unit": "ms"}),
        (
            ("31/01/2024", "05/04/2024"),
            {"type": "timestamp", "format": "%d/%m/%Y", "timezone": "UTC"},
        ),
        (
            ("01/31/2024", "05/04/2024"),
            {"type": "timestamp", "format": "%m/%d/%Y", "timezone": "UTC"},
        ),
        (
            ("1/31/2024 1:05 PM", "5/4/2024 11:59 AM"),
            {"type": "timestamp", "format": "%m/%d/%Y %I:%M %p", "timezone": "UTC"},
        ),
        (
            ("Jan 31, 2024", "May 4, 2024"),
            {"type": "timestamp", "format": "%b %d, %Y", "timezone": "UTC"},
        ),
        (
            ("03.04.2024", "05.04.2024"),
            {"type": "timestamp", "format": "%d.%m.%Y", "timezone": "UTC"},
        ),
    ],
)
def test_a_time_is_read_as_it_is_written(values, written, tmp_path):
    found = people(tmp_path, "renewed_at", *(f'"{value}"' for value in values))

    assert attributes(found)["renewed_at"] == {"column": "renewed_at", **written}
    assert not found.sent["contacts"].rejected


def test_a_date_nobody_can_tell_stays_text_and_says_both_readings(tmp_path):
    found = people(tmp_path, "renewed_at", "03/04/2024", "05/06/2024", "07/07/2023")

    assert attributes(found)["renewed_at"] == "renewed_at"
    assert '"%d/%m/%Y" or "%m/%d/%Y"' in found.text.replace("\n      # ", " ")
    assert any("DAY AND MONTH CANNOT BE TOLD APART" in what for what in found.confirms)


def test_another_column_of_the_file_tells_the_order_of_day_and_month(tmp_path):
    lines = [f"p{i}@example.com,A,B,0{i}/0{i + 1}/2024,{i + 12}/01/2024" for i in (1, 2, 3)]
    write(tmp_path, "contacts.csv", ["email,first_name,last_name,renewed_at,joined", *lines])

    told = attributes(drafted(tmp_path, "contacts.csv"))["renewed_at"]

    assert told["format"] == "%d/%m/%Y"


def test_an_event_whose_day_nobody_can_tell_is_sent_with_a_guess_that_is_said(tmp_path):
    lines = [f"p{i}@example.com,bought,0{i}/0{i + 1}/2024 10:00" for i in (1, 2, 3)]
    write(tmp_path, "events.csv", ["email,event,timestamp", *lines])

    found = drafted(tmp_path, "events.csv")

    assert found.counts == {"events": (3, 0, 0)}
    assert any("a guess" in what for what in found.confirms)


def test_a_creation_date_nobody_can_tell_is_not_mapped(tmp_path):
    found = people(tmp_path, "created_at", "03/04/2024", "05/06/2024")

    assert "created_at" not in attributes(found)
    assert any("all would look created today" in what for what in found.confirms)


@pytest.mark.parametrize(
    ("column", "values", "options"),
    [
        ("seats", ("1", "20", "-3"), {"type": "integer"}),
        ("score", ("1", "2.50", ""), {"type": "number"}),
        ("is_vip", ("true", "No", ""), {"type": "boolean"}),
        ("is_vip", ("0", "1", "1"), {"type": "boolean"}),
        ("zip", ("10115", "20095", "1"), {}),
        ("code", ("00123", "00124", "00125"), {}),
        ("rank", ("00123", "124", "125"), {}),
        ("ref", ("9007199254740993025", "9007199254740993026", "1"), {}),
        ("order_no", ("1", "2", "3"), {}),
        ("coupon", ("1e5", "2e5", "3e5"), {}),
        ("name_2", ("NA", "True", "null"), {}),
    ],
)
def test_only_what_counts_something_becomes_a_number(column, values, options, tmp_path):
    found = people(tmp_path, column, *values)

    assert attributes(found)[column] == ({"column": column, **options} if options else column)
    if not options:
        sent = [o["attributes"][column] for o in found.sent["contacts"].operations]
        assert sent == list(values)


def test_what_is_mostly_a_number_stays_text_and_the_rows_that_are_none_are_named(tmp_path):
    found = people(tmp_path, "seats", *map(str, range(20)), "many")

    assert attributes(found)["seats"] == "seats"
    assert "integer in 20 of 21 rows, not in row 21: kept as text" in found.text
    assert "many" not in found.text


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ssn", "x"),
        ("passport_number", "x"),
        ("password_hash", "x"),
        ("religion", "x"),
        ("a", "123-45-67{:02}"),
        ("a", "4111111111111111"),
        ("a", "DE89370400440532013000"),
        ("a", "$2b$12$abcdefghijklmnopqrstuv{}"),
    ],
)
def test_secrets_and_special_categories_are_left_out(column, value, tmp_path):
    found = people(tmp_path, column, *(value.format(i + 10) for i in range(5)))

    assert all(column not in o["attributes"] for o in found.sent["contacts"].operations)
    assert f"# {column}: {column}  # LEFT OUT" in found.text or "# LEFT OUT" in found.text


@pytest.mark.parametrize(
    ("column", "value"),
    [("date_of_birth", "1990-01-31"), ("signup_ip", "192.0.2.7"), ("salary", "1"), ("notes", "x")],
)
def test_other_personal_data_is_pointed_out_and_sent(column, value, tmp_path):
    found = people(tmp_path, column, value, value)

    assert any(column in what and "does it belong there?" in what for what in found.confirms)
    assert all(column in o["attributes"] for o in found.sent["contacts"].operations)


def test_sixteen_digits_that_are_no_cards_are_kept(tmp_path):
    found = people(tmp_path, "reference", *(str(4_000_000_000_000_000 + 7 * i) for i in range(20)))

    assert attributes(found)["reference"] == "reference"


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (('"12,30"', '"1.234,50"', '"5,00"'), "decimal comma"),
        (("12.30 EUR", "5.00 EUR", "7 EUR"), "currency"),
        (("$12.30", '"$1,250.00"', "$7"), "currency"),
    ],
)
def test_amounts_no_converter_reads_stay_text_and_are_pointed_out(values, what, tmp_path):
    found = people(tmp_path, "spent", *values)

    assert attributes(found)["spent"] == "spent"
    assert f"spent: looks like numbers with a {what}: kept as text" in found.confirms


@pytest.mark.parametrize("column", ["total_price", "order_total"])
def test_money_in_text_with_a_point_becomes_a_number(column, tmp_path):
    found = people(tmp_path, column, "12.30", "5.00", "")

    assert attributes(found)[column] == {"column": column, "type": "number"}


def test_money_in_strings_of_json_becomes_a_number_and_ids_in_strings_do_not(tmp_path):
    lines = [
        f'{{"email": "p{i}@example.com", "total_price": "{i}.50", "ref": "{i}", "x": {i}.5}}'
        for i in range(3)
    ]
    write(tmp_path, "people.jsonl", lines)
    found = drafted(tmp_path, "people.jsonl")

    told = attributes(found, "people")
    assert told["total_price"] == {"column": "total_price", "type": "number"}
    assert (told["ref"], told["x"]) == ("ref", "x")
    assert found.sent["people"].operations[1]["attributes"]["total_price"] == 1.5
