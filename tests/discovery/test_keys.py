"""What tells rows apart: ids by whatever name, and rows that are equal."""

import pytest

from discovery.drafted import drafted, write

PEOPLE = "{},email,first_name,last_name"


def contacts(folder, column, count=12, form="K-{:05}"):
    """A file of people with a column of ids."""
    lines = [f"{form.format(i)},p{i}@example.com,Ada,Lovelace" for i in range(count)]
    write(folder, "contacts.csv", [PEOPLE.format(column), *lines])
    return drafted(folder, "contacts.csv")


@pytest.mark.parametrize(
    "column",
    ["Kundennr", "Kunden-Nr.", "kunde_id", "customer_no", "cust_no", "customernr", "Kunden Nummer",
     "member_no", "kontakt_nr", "Mitgliedsnummer", "SubscriberNumber"],
)  # fmt: skip
def test_numbers_of_people_are_ids_in_many_words(column, tmp_path):
    sent = contacts(tmp_path, column).sent["contacts"]

    assert sent.operations[1]["identifiers"] == {"id": "K-00001"}
    assert sent.operations[1]["attributes"]["email"] == "p1@example.com"


def test_a_column_that_looks_like_an_id_is_asked_about(tmp_path):
    found = contacts(tmp_path, "Merkmal")

    assert "Merkmal looks like an id: person: {id: Merkmal}?" in found.confirms


@pytest.mark.parametrize(
    ("column", "form"), [("zip", "1{:04}"), ("renewed_at", "2024-01-{:02}"), ("nick", "a")]
)
def test_what_is_no_id_is_not_asked_about(column, form, tmp_path):
    found = contacts(tmp_path, column, form=form)

    assert not any("looks like an id" in what for what in found.confirms)


@pytest.mark.parametrize(
    "column",
    ["registriert_am", "angemeldet_am", "Kunde seit", "angelegt_am", "erstellt", "Eintritt"],
)
def test_creation_is_found_in_german_too(column, tmp_path):
    found = contacts(tmp_path, column, form="2024-01-01T00:00:{:02}Z")

    assert found.sent["contacts"].operations[0]["attributes"]["created_at"] == 1704067200


def orders(folder, *numbers):
    """A file of orders."""
    lines = [f"o{i},c{i % 3},2024-01-01T00:00:0{i}Z" for i in numbers]
    write(folder, "orders.csv", ["order_id,customer_id,order_date", *lines])
    return drafted(folder, "orders.csv")


def test_a_row_that_stands_there_twice_does_not_cost_the_key_its_column(tmp_path):
    found = orders(tmp_path, 1, 2, 3, 3, 4)

    assert "key: order_id  #" in found.text
    assert "1 equal row: the same in every column" in found.text


def test_an_id_that_comes_again_in_a_row_that_differs_is_no_key_alone(tmp_path):
    rows = [f"o{i},c1,2024-01-01T00:00:0{j}Z" for j, i in enumerate((1, 2, 3, 3, 4))]
    write(tmp_path, "orders.csv", ["order_id,customer_id,order_date", *rows])

    assert "key: [order_id, order_date]" in drafted(tmp_path, "orders.csv").text
