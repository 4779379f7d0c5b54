"""What to know before a run: found where it is, with the right rows, and not where it is not."""

from __future__ import annotations

import time

import pytest

from .sources import (
    LONG_AGO,
    PEOPLE,
    TOO_LONG,
    event,
    finding,
    people,
    planned,
    rows_of,
    write_rows,
)

# Events that may start campaigns


@pytest.mark.parametrize(
    ("campaigns", "said"),
    [(None, "stops before it sends"), ("allow", "are sent"), ("hold", "are held")],
)
def test_young_events_are_counted_by_name(tmp_path, campaigns, said):
    now_s = int(time.time())
    values = [("1", "bought", now_s - 60), ("2", "seen", now_s), ("3", "seen", now_s - 1)]
    people(
        tmp_path, *values, ("4", "bygone", LONG_AGO), name="orders.csv", keys=("id", "name", "at")
    )
    keys = {} if campaigns is None else {"campaigns": campaigns}

    plan = planned(tmp_path, event(**keys))

    found = finding(plan, "young_events")
    assert (found.stream, found.rows) == ("orders", 3)
    assert "seen 2, bought 1" in found.text
    assert "bygone" not in found.text
    assert said in found.text
    assert plan.total("held") == (3 if campaigns == "hold" else 0)


def test_of_young_events_called_by_a_value_only_the_shape_is_told(tmp_path):
    now_s = int(time.time())
    names = ["ann@example.com", "bob@example.com", "c123"]
    values = [(str(n), name, now_s) for n, name in enumerate(names)]
    people(tmp_path, *values, name="orders.csv", keys=("id", "name", "at"))

    found = finding(planned(tmp_path, event()), "young_events")

    assert "aaa@aaaaaaa.aaa 2, a999 1;" in found.text


def test_refused_young_events_are_rejects_and_no_finding(tmp_path):
    now_s = int(time.time())
    people(tmp_path, ("1", "bought", now_s - 60), name="orders.csv", keys=("id", "name", "at"))

    plan = planned(tmp_path, event(campaigns="refuse"))

    assert finding(plan, "young_events") is None
    assert [group.rule for group in plan.streams[0].refusals] == ["young_event"]


def test_old_events_are_no_finding(tmp_path):
    people(tmp_path, ("1", "bought", LONG_AGO), name="orders.csv", keys=("id", "name", "at"))

    assert finding(planned(tmp_path, event()), "young_events") is None


def test_all_events_that_happen_now_are_young(tmp_path):
    people(tmp_path, ("1", "bought"), ("", "bought"), name="orders.csv", keys=("id", "name"))
    happened = {"name": "bought", "timestamp": "now", "key": "content"}

    found = finding(planned(tmp_path, event(event=happened, campaigns="allow")), "young_events")

    assert (found.rows, "bought 1" in found.text) == (1, True)


# Times ahead


def test_events_and_timestamps_in_the_future_are_found(tmp_path):
    ahead = int(time.time()) + 100_000
    people(
        tmp_path, ("1", "x", ahead), ("2", "x", LONG_AGO), name="o.csv", keys=("id", "name", "at")
    )
    orders = event(source="o.csv", campaigns="allow")
    dated = PEOPLE | {"source": "o.csv", "timestamp": "at", "attributes": {}}

    plan = planned(tmp_path, orders, dated)

    assert rows_of(finding(plan, "future_events")) == [("o.csv", 1)]
    assert rows_of(finding(plan, "future_timestamps")) == [("o.csv", 1)]


def test_times_that_have_passed_are_no_finding(tmp_path):
    people(tmp_path, ("1", "x", LONG_AGO), name="o.csv", keys=("id", "name", "at"))
    dated = PEOPLE | {"source": "o.csv", "timestamp": "at", "attributes": {}}

    plan = planned(tmp_path, event(source="o.csv"), dated)

    assert finding(plan, "future_events") is None
    assert finding(plan, "future_timestamps") is None


# Repeats


def test_several_rows_of_one_person_without_a_timestamp_are_found(tmp_path):
    people(tmp_path, ("1", "a"), ("2", "b"), ("1", "c"), ("1", "d"), keys=("id", "value"))

    found = finding(planned(tmp_path, PEOPLE), "repeats_without_timestamp")

    assert (found.rows, rows_of(found)) == (2, [("people.csv", 3), ("people.csv", 4)])


@pytest.mark.parametrize("keys", [{"repeats": "fold"}, {"timestamp": "at"}])
def test_repeats_whose_order_is_told_are_no_finding(tmp_path, keys):
    people(tmp_path, ("1", "a", LONG_AGO), ("1", "b", LONG_AGO), keys=("id", "value", "at"))

    assert finding(planned(tmp_path, PEOPLE | keys), "repeats_without_timestamp") is None


def test_the_same_person_in_two_streams_is_no_repeat(tmp_path):
    people(tmp_path, ("1", "a@x.io"))

    plan = planned(tmp_path, PEOPLE, PEOPLE | {"name": "again"})

    assert finding(plan, "repeats_without_timestamp") is None
    assert finding(plan, "changes_nothing") is None


def test_identical_rows_change_nothing_the_second_time(tmp_path):
    people(tmp_path, ("1", "a"), ("1", "a"), ("1", "b"), keys=("id", "value"))

    found = finding(planned(tmp_path, PEOPLE), "changes_nothing")

    assert (found.rows, rows_of(found)) == (1, [("people.csv", 2)])


def test_rows_that_differ_in_a_column_that_is_sent_change_something(tmp_path):
    people(tmp_path, ("1", "a"), ("1", "b"), ("2", "a"), keys=("id", "value"))

    assert finding(planned(tmp_path, PEOPLE), "changes_nothing") is None


def test_events_of_the_same_time_and_key_are_found_and_those_with_other_data_counted(tmp_path):
    values = [("1", "x", LONG_AGO, "k"), ("1", "x", LONG_AGO, "k"), ("2", "x", LONG_AGO, "k")]
    keys = ("id", "name", "at", "order")
    people(tmp_path, *values, ("1", "x", LONG_AGO, "other"), name="orders.csv", keys=keys)
    happened = {"name": "x", "timestamp": "at", "key": "order"}

    found = finding(planned(tmp_path, event(event=happened)), "events_repeated")

    assert (found.rows, rows_of(found)) == (2, [("orders.csv", 2), ("orders.csv", 3)])
    assert "1 of them with other data" in found.text


def test_events_of_the_same_key_at_other_times_are_no_repeats(tmp_path):
    values = [("1", "x", LONG_AGO, "k"), ("1", "x", "1600000001", "k")]
    people(tmp_path, *values, name="orders.csv", keys=("id", "name", "at", "order"))
    happened = {"name": "x", "timestamp": "at", "key": "order"}

    assert finding(planned(tmp_path, event(event=happened)), "events_repeated") is None


# Profiles


def test_people_without_created_at_are_found(tmp_path):
    people(tmp_path, ("1", LONG_AGO), ("2", ""), keys=("id", "created_at"))

    found = finding(planned(tmp_path, PEOPLE), "no_created_at")

    assert (found.rows, rows_of(found)) == (1, [("people.csv", 2)])


@pytest.mark.parametrize(
    "keys",
    [{"attributes": {"created_at": {"value": 1_600_000_000}}}, {"existing_only": True}],
)
def test_streams_whose_people_have_a_created_at_or_make_nobody_are_no_finding(tmp_path, keys):
    people(tmp_path, ("1", "a"), keys=("id", "value"))

    assert finding(planned(tmp_path, PEOPLE | keys), "no_created_at") is None


def test_attributes_that_are_always_blank_are_named(tmp_path):
    people(tmp_path, ("1", "", ""), ("2", "", "b"), keys=("id", "value", "other"))

    found = finding(planned(tmp_path, PEOPLE), "always_blank")

    assert (found.stream, found.text) == ("people", "blank in every row: value")


# Parents


def test_events_of_a_person_whose_every_row_is_rejected_are_found(tmp_path):
    people(tmp_path, ("1", TOO_LONG), ("2", TOO_LONG), ("2", "b"), keys=("id", "value"))
    values = [("1", "x", LONG_AGO), ("2", "x", LONG_AGO), ("9", "x", LONG_AGO)]
    people(tmp_path, *values, name="orders.csv", keys=("id", "name", "at"))

    found = finding(planned(tmp_path, PEOPLE, event()), "parent_rejected")

    assert (found.stream, found.rows, rows_of(found)) == ("orders", 1, [("orders.csv", 1)])


def test_people_tied_to_a_rejected_object_are_found(tmp_path):
    people(tmp_path, ("c1", TOO_LONG), ("c2", "b"), name="companies.csv", keys=("id", "value"))
    people(tmp_path, ("1", "c1"), ("2", "c2"), ("3", ""), keys=("id", "company"))
    companies = {"name": "companies", "source": "companies.csv", "attributes": "*"}
    tie = {"relationships": [{"object": {"type": "1", "id": "company"}}], "attributes": {}}

    plan = planned(tmp_path, companies | {"object": {"type": "1", "id": "id"}}, PEOPLE | tie)

    found = finding(plan, "parent_rejected")
    assert (found.stream, rows_of(found)) == ("people", [("people.csv", 1)])


def test_a_person_rejected_in_one_stream_and_sent_in_another_is_no_missing_parent(tmp_path):
    people(tmp_path, ("1", TOO_LONG), keys=("id", "value"))
    people(tmp_path, ("1", "b"), name="more.csv", keys=("id", "value"))
    people(tmp_path, ("1", "x", LONG_AGO), name="orders.csv", keys=("id", "name", "at"))

    plan = planned(tmp_path, PEOPLE, PEOPLE | {"name": "more", "source": "more.csv"}, event())

    assert finding(plan, "parent_rejected") is None


# What the config tells


def test_consent_that_stands_behind_what_reaches_people_is_found(tmp_path):
    people(tmp_path, ("1", "a@x.io"))
    out = PEOPLE | {"name": "out", "attributes": {"unsubscribed": {"value": True}}}
    gone = {"name": "gone", "source": "people.csv", "person": {"id": "id"}, "action": "suppress"}

    behind = planned(tmp_path, PEOPLE, out, gone)
    before = planned(tmp_path, gone, out, PEOPLE)

    assert [f.stream for f in behind.findings if f.kind == "stands_behind"] == ["out", "gone"]
    assert finding(before, "stands_behind") is None


def test_streams_that_may_start_segment_campaigns_are_named(tmp_path):
    people(tmp_path, ("1", "a@x.io"))
    out = PEOPLE | {"name": "out", "attributes": {"unsubscribed": {"value": True}}}

    found = finding(planned(tmp_path, out, PEOPLE), "may_start_segment_campaigns")

    assert found.stream == "people"


def test_a_source_without_rows_and_a_condition_that_leaves_nothing_are_found(tmp_path):
    (tmp_path / "none.csv").write_text("id,email\n")
    people(tmp_path, ("1", "a@x.io"), ("2", "b@x.io"))
    empty = PEOPLE | {"name": "empty", "source": "none.csv"}

    plan = planned(tmp_path, PEOPLE | {"where": "id = 'x'"}, empty)

    assert finding(plan, "no_rows").stream == "empty"
    assert finding(plan, "where_leaves_nothing").rows == 2


def test_three_of_the_rows_that_a_condition_leaves_out_are_shown(tmp_path):
    people(tmp_path, *((str(n), "gone" if n % 2 else "here") for n in range(9)), keys=("id", "is"))

    [stream] = planned(tmp_path, PEOPLE | {"where": "is = 'here'"}).streams

    assert [(each.row, each.value) for each in stream.left_out] == [
        (2, "aaaa"), (4, "aaaa"), (6, "aaaa")
    ]  # fmt: skip


def test_rejects_are_grouped_by_rule_and_field_with_three_rows_each(tmp_path):
    rows = [{"id": f"p{n}", "a": TOO_LONG if n < 5 else "x", "b": TOO_LONG if n == 7 else ""}
            for n in range(9)]  # fmt: skip
    write_rows(tmp_path / "people.csv", rows)

    first, second = planned(tmp_path, PEOPLE).streams[0].refusals

    assert (first.rule, first.field, first.tally.rows) == ("value_too_long", "attributes.a", 5)
    assert [each.row for each in first.tally.samples] == [1, 2, 3]
    assert (second.field, [each.row for each in second.tally.samples]) == ("attributes.b", [8])


def test_rejects_and_findings_count_over_files_and_name_the_file(tmp_path):
    people(tmp_path, ("1", "a"), ("null", "b"), name="a.csv", keys=("id", "value"))
    people(tmp_path, ("null", "c"), ("2", TOO_LONG), name="b.csv", keys=("id", "value"))

    plan = planned(tmp_path, PEOPLE | {"source": ["b.csv", "a.csv"]})

    assert rows_of(finding(plan, "junk_identifier")) == [("b.csv", 1), ("a.csv", 2)]
    [group] = plan.streams[0].refusals
    assert rows_of(group.tally) == [("b.csv", 2)]
