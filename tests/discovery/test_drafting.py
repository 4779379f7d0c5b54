"""What is made of files: names, wide files, kinds of rows, keys of events."""

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from discovery.drafted import attributes, drafted, people, write


def test_names_the_api_refuses_or_types_are_given_others(tmp_path):
    write(
        tmp_path,
        "contacts.csv",
        [
            "contact_id,email,First Name,first_name,cio_id,_score,timezone_valid,created_at",
            "1,a@example.com,A,B,x,y,z,never",
            "2,b@example.com,A,B,x,y,z,never",
        ],
    )

    found = drafted(tmp_path, "contacts.csv")

    assert set(attributes(found)) == {
        "first_name",
        "first_name_2",
        "source_cio_id",
        "score",
        "source_timezone_valid",
        "source_created_at",
    }
    assert found.counts == {"contacts": (2, 0, 0)}


def test_a_wide_file_gets_every_column_and_the_exceptions(tmp_path):
    names = [f"Feature {i}" for i in range(80)]
    lines = [",".join([f"p{i}@example.com", "s", "x", "no", *["w"] * 80]) for i in range(3)]
    header = ",".join(["email", "SSN", "_hidden", "unsubscribed", *names])
    write(tmp_path, "people.csv", [header, *lines])

    found = drafted(tmp_path, "people.csv")

    stream = found.sent["people"].stream
    assert stream.takes_every_column
    assert stream.exclude == ["SSN", "unsubscribed"]
    sent = found.sent["people"].operations[0]["attributes"]
    assert set(sent) == {*names, "hidden"}


def test_more_columns_than_the_api_takes_are_not_sent(tmp_path):
    lines = [",".join(["p@example.com", *["w"] * 400])]
    write(tmp_path, "people.csv", [",".join(["email", *(f"f{i}" for i in range(400))]), *lines])

    found = drafted(tmp_path, "people.csv")

    assert found.counts == {"people": (1, 0, 0)}


def test_rows_of_people_who_come_again_are_put_in_order_by_their_time(tmp_path):
    lines = [f"{i % 2},p{i % 2}@example.com,A,B,2024-01-0{i + 1}T00:00:00Z" for i in range(4)]
    write(tmp_path, "users.csv", ["user_id,email,first_name,last_name,updated_at", *lines])

    found = drafted(tmp_path, "users.csv")

    assert found.sent["users"].stream.timestamp.column == "updated_at"
    assert any("rows are dropped" in what for what in found.confirms)


def test_people_who_come_once_have_no_timestamp(tmp_path):
    lines = [f"{i},p{i}@example.com,A,B,2024-01-0{i + 1}T00:00:00Z" for i in range(4)]
    write(tmp_path, "users.csv", ["user_id,email,first_name,last_name,updated_at", *lines])

    assert drafted(tmp_path, "users.csv").sent["users"].stream.timestamp is None


def test_values_over_the_limit_leave_their_column_out_instead_of_their_people(tmp_path):
    found = people(tmp_path, "bio", "short", "x" * 1001)

    assert found.counts == {"contacts": (2, 0, 0)}
    assert "over the API's 1,000 bytes in row 2" in found.text


@pytest.mark.parametrize("status", ["deleted", "Removed"])
def test_people_who_were_deleted_are_left_out(status, tmp_path):
    found = people(tmp_path, "status", "active", status, "active")

    assert found.counts == {"contacts": (2, 0, 1)}


def test_parquet_times_without_a_zone_get_one_to_confirm(tmp_path):
    stamps = pa.array([1_600_000_000_000, 1_600_000_100_000], pa.timestamp("ms"))
    table = pa.table(
        {"email": ["a@example.com", "b@example.com"], "first_name": ["A", "B"], "seen_at": stamps}
    )
    pq.write_table(table, tmp_path / "people.parquet")

    found = drafted(tmp_path, "people.parquet")

    assert attributes(found, "people")["seen_at"]["timezone"] == "UTC"
    assert found.counts == {"people": (2, 0, 0)}


def test_long_numbers_and_nested_values_of_json_lines_arrive_as_they_are(tmp_path):
    record = {
        "email": "a@example.com",
        "first_name": "A",
        "big": 9007199254740993025,
        "o": {"a": 1},
    }
    write(tmp_path, "people.jsonl", [json.dumps(record)])

    (operation,) = drafted(tmp_path, "people.jsonl").sent["people"].operations

    assert operation["attributes"]["big"] == 9007199254740993025
    assert operation["attributes"]["o"] == {"a": 1}


def test_files_of_one_shape_become_one_stream(tmp_path):
    for i in (1, 2):
        line = f"{i},a@example.com,2020-01-0{i}T00:00:00Z"
        write(tmp_path, f"orders-{i}.csv", ["order_id,email,ordered_at", line])

    found = drafted(tmp_path, "orders-1.csv", "orders-2.csv")

    assert found.counts == {"orders": (2, 0, 0)}


def test_lists_of_one_shape_stay_apart_where_their_names_mean_different_things(tmp_path):
    for name in ("gdpr_erased", "unsubscribed"):
        write(tmp_path, f"{name}.csv", ["email", f"{name}@example.com"])

    assert list(drafted(tmp_path, "unsubscribed.csv", "gdpr_erased.csv").sent) == [
        "gdpr_erased",
        "unsubscribed",
    ]


def test_a_file_of_which_nothing_says_what_it_is_becomes_a_question(tmp_path):
    write(tmp_path, "numbers.csv", ["foo,bar", "1,2", "3,4"])
    write(tmp_path, "people.csv", ["email,first_name,last_name", "a@example.com,A,B"])

    found = drafted(tmp_path, "numbers.csv", "people.csv")

    assert list(found.sent) == ["people"]
    assert "# - name: numbers" in found.text


def test_an_event_without_a_key_takes_equal_rows_for_one(tmp_path):
    lines = [f"p{i}@example.com,login,2020-01-01T00:00:0{i}Z" for i in range(3)]
    write(tmp_path, "events.csv", ["email,event,timestamp", *lines])

    event = drafted(tmp_path, "events.csv").sent["events"].stream.event

    assert event.key == "content"


def test_no_event_stream_says_what_may_happen_to_young_events(tmp_path):
    write(tmp_path, "events.csv", ["email,event,timestamp", "a@example.com,login,1717199000"])

    found = drafted(tmp_path, "events.csv")

    assert found.sent["events"].stream.campaigns is None
    assert any("younger than 72 hours" in what for what in found.confirms)


def test_memberships_become_relationships_of_people_and_companies(tmp_path):
    write(tmp_path, "companies.csv", ["company_id,company_name,industry", "7,Firm,Toys"])
    write(tmp_path, "memberships.csv", ["user_id,company_id,role", "1,7,admin", "2,7,user"])

    found = drafted(tmp_path, "companies.csv", "memberships.csv")

    assert found.counts == {"companies": (1, 0, 0), "memberships": (2, 0, 0)}
    assert found.sent["memberships"].stream.operation == ("person", "add_relationships")


def test_every_comment_of_a_decision_stands_in_the_config_too(tmp_path):
    found = people(tmp_path, "notes", "x", "y")

    flat = re.sub(r"\n *#( {4})? *", " ", found.text)
    assert all(what in flat for what in found.confirms)


def test_a_list_of_people_who_are_out_is_not_named_by_the_number_of_its_rows(tmp_path):
    write(tmp_path, "unsubscribed.csv", ["id,email", "1,a@example.com", "2,b@example.com"])

    assert list(drafted(tmp_path, "unsubscribed.csv").sent["unsubscribed"].stream.person) == [
        "email"
    ]


def test_people_may_be_named_by_phone_where_nothing_else_names_them(tmp_path):
    write(tmp_path, "people.csv", ["phone,first_name,last_name", "+4930123456,A,B"])

    found = drafted(tmp_path, "people.csv")

    assert list(found.sent["people"].stream.person) == ["phone"]
    assert any("the workspace must take phone numbers" in what for what in found.confirms)


def test_orders_that_know_only_when_they_were_created_happened_then(tmp_path):
    lines = [f"{i},a@example.com,2020-01-0{i}T00:00:00Z,{i}" for i in (1, 2)]
    write(tmp_path, "orders.csv", ["order_id,email,created_at,total", *lines])

    event = drafted(tmp_path, "orders.csv").sent["orders"].stream.event

    assert (event.name.value, event.timestamp.column, event.key) == (
        "order",
        "created_at",
        "order_id",
    )


@pytest.mark.parametrize("flags", [[0, 1, None], [False, True, None]])
def test_flags_of_parquet_leave_out_what_was_deleted_and_opt_out(flags, tmp_path):
    columns = {
        "email": ["a@example.com", "b@example.com", "c@example.com"],
        "first_name": ["A", "B", "C"],
        "is_deleted": flags,
        "opted_out": [*flags[1:], flags[0]],
    }
    pq.write_table(pa.table(columns), tmp_path / "people.parquet")

    found = drafted(tmp_path, "people.parquet")

    assert set(found.people()) == {"a@example.com", "c@example.com"}
    assert found.out() == {"a@example.com"}


def test_quotes_that_never_close_are_ordinary_characters(tmp_path):
    lines = [f'p{i}@example.com,A,"3 inch' for i in range(3)]
    write(tmp_path, "people.csv", ["email,first_name,size", *lines])

    found = drafted(tmp_path, "people.csv")

    assert found.sent["people"].operations[0]["attributes"]["size"] == '"3 inch'
