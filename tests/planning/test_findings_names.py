"""Identifiers that may not mean whom they should: found where they are, and nowhere else."""

from __future__ import annotations

import pytest

from .sources import (
    BY_EMAIL,
    PEOPLE,
    TOO_LONG,
    finding,
    people,
    planned,
    rows_of,
)

# One email under several ids


def test_an_email_under_two_ids_is_found_whatever_its_case(tmp_path):
    people(tmp_path, ("1", "a@x.io"), ("2", "b@x.io"), ("3", "A@X.io"), ("4", "c@x.io"))

    found = finding(planned(tmp_path, PEOPLE), "email_under_several_ids")

    assert found.rows == 2
    assert rows_of(found) == [("people.csv", 1), ("people.csv", 3)]


def test_an_email_under_two_ids_is_found_in_two_streams(tmp_path):
    people(tmp_path, ("1", "a@x.io"), ("5", "b@x.io"))
    people(tmp_path, ("2", "a@x.io"), name="more.csv")

    plan = planned(tmp_path, PEOPLE, PEOPLE | {"name": "more", "source": "more.csv"})

    assert rows_of(finding(plan, "email_under_several_ids")) == [("people.csv", 1), ("more.csv", 1)]


@pytest.mark.parametrize(
    "values",
    [
        [("1", "a@x.io"), ("1", "a@x.io"), ("1", "A@x.io")],
        [("1", "a@x.io"), ("2", "")],
        [("1", ""), ("2", "")],
        [("1", "a@x.io"), ("", "a@x.io")],  # no row of its own: rejected
    ],
)
def test_an_email_of_one_id_is_no_finding(tmp_path, values):
    people(tmp_path, *values)

    assert finding(planned(tmp_path, PEOPLE), "email_under_several_ids") is None


def test_a_rejected_row_makes_no_email_ambiguous(tmp_path):
    keys = ("id", "email", "value")
    people(tmp_path, ("1", "a@x.io", "fine"), ("2", "a@x.io", TOO_LONG), keys=keys)

    assert finding(planned(tmp_path, PEOPLE), "email_under_several_ids") is None


# Identifiers that stand for nobody


@pytest.mark.parametrize("junk", ["null", "NULL", "test", "0", "N/A", " null ", "undefined", "-"])
def test_an_identifier_that_stands_for_nobody_is_found(tmp_path, junk):
    people(tmp_path, ("1", "a@x.io"), (junk, "b@x.io"))

    found = finding(planned(tmp_path, PEOPLE), "junk_identifier")

    assert (found.stream, found.rows, rows_of(found)) == ("people", 1, [("people.csv", 2)])
    assert "person.id" in found.text


@pytest.mark.parametrize("name", ["nulls", "tester", "10", "a", "00123"])
def test_an_identifier_that_only_resembles_junk_is_not_found(tmp_path, name):
    people(tmp_path, (name, "a@x.io"))

    assert finding(planned(tmp_path, PEOPLE), "junk_identifier") is None


def test_a_blank_identifier_is_rejected_and_no_junk(tmp_path):
    people(tmp_path, ("", "a@x.io"), ("1", "b@x.io"))

    plan = planned(tmp_path, PEOPLE)

    assert finding(plan, "junk_identifier") is None
    assert [group.rule for group in plan.streams[0].refusals] == ["no_identifier"]


def test_junk_among_the_objects_people_are_tied_to_is_found(tmp_path):
    people(tmp_path, ("1", "null"), ("2", "c1"), keys=("id", "company"))
    tie = {"relationships": [{"object": {"type": "1", "id": "company"}}], "attributes": {}}

    found = finding(planned(tmp_path, PEOPLE | tie), "junk_identifier")

    assert "relationships.0.object.id" in found.text
    assert rows_of(found) == [("people.csv", 1)]


def test_spaces_around_an_identifier_are_found(tmp_path):
    people(tmp_path, ("1 ", "a@x.io"), ("2", "b@x.io"))

    found = finding(planned(tmp_path, PEOPLE), "spaces_around_identifier")

    assert rows_of(found) == [("people.csv", 1)]
    assert found.samples[0].value == "9 "


def test_what_is_no_email_address_is_found_where_it_identifies(tmp_path):
    people(tmp_path, ("1", "nobody"), ("2", "b@x.io"), keys=("value", "email"))

    found = finding(planned(tmp_path, BY_EMAIL), "not_an_email")

    assert rows_of(found) == [("people.csv", 1)]


# Several spellings


def test_ids_that_differ_in_case_or_spaces_are_found_as_one_name(tmp_path):
    people(tmp_path, ("A1", "a@x.io"), ("b", "b@x.io"), ("a1", "c@x.io"), ("a1 ", "d@x.io"))

    found = finding(planned(tmp_path, PEOPLE), "spelled_in_several_ways")

    assert found.rows == 1
    assert sorted(rows_of(found)) == [("people.csv", 1), ("people.csv", 3), ("people.csv", 4)]


def test_spellings_are_found_across_streams_and_files(tmp_path):
    people(tmp_path, ("A1", "a@x.io"))
    people(tmp_path, ("a1", "a@x.io"), name="more.csv")

    plan = planned(tmp_path, PEOPLE, PEOPLE | {"name": "more", "source": "more.csv"})

    found = finding(plan, "spelled_in_several_ways")
    assert sorted(rows_of(found)) == [("more.csv", 1), ("people.csv", 1)]


def test_the_same_person_in_several_rows_and_streams_is_no_spelling(tmp_path):
    people(tmp_path, ("A1", "a@x.io"), ("A1", "a@x.io"))

    plan = planned(tmp_path, PEOPLE, PEOPLE | {"name": "again"})

    assert finding(plan, "spelled_in_several_ways") is None


def test_emails_in_other_case_are_one_and_no_spelling(tmp_path):
    people(tmp_path, ("1", "a@x.io"), ("2", "A@X.io"), keys=("value", "email"))

    assert finding(planned(tmp_path, BY_EMAIL), "spelled_in_several_ways") is None


def test_an_email_and_an_id_of_the_same_text_are_two(tmp_path):
    people(tmp_path, ("A@x.io", "a@x.io"), keys=("id", "email"))

    plan = planned(tmp_path, PEOPLE, BY_EMAIL | {"name": "mails", "attributes": {}})

    assert finding(plan, "spelled_in_several_ways") is None


def test_objects_of_different_types_with_the_same_id_are_two(tmp_path):
    people(
        tmp_path, ("1", "acme"), ("2", "Acme"), ("3", "ACME"), ("3", "acme"), keys=("kind", "id")
    )
    objects = {"name": "objects", "source": "people.csv", "object": {"id": "id"}}
    objects["object"]["type"] = {"column": "kind"}

    found = finding(planned(tmp_path, objects | {"attributes": {}}), "spelled_in_several_ways")

    assert (found.rows, sorted(rows_of(found))) == (1, [("people.csv", 3), ("people.csv", 4)])


def test_a_rejected_row_is_no_spelling(tmp_path):
    people(tmp_path, ("A1", "x"), ("a1", TOO_LONG), keys=("id", "value"))

    assert finding(planned(tmp_path, PEOPLE), "spelled_in_several_ways") is None
