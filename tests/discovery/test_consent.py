"""Who ends unsubscribed: those who said so in whatever words, and nobody by inversion."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.config import load
from discovery.drafted import drafted, encoded, write

PEOPLE = "email,first_name,last_name,city,{}"


def contacts(folder, column, *words):
    """A file of people, one for each word."""
    lines = [f"p{i}@example.com,Ada,Lovelace,Berlin,{word}" for i, word in enumerate(words)]
    write(folder, "contacts.csv", [PEOPLE.format(column), *lines])
    return drafted(folder, "contacts.csv")


def numbers(found):
    """Which of the words made somebody unsubscribed."""
    return sorted(int(who[1 : who.index("@")]) for who in found.out())


@pytest.mark.parametrize("column", ["unsubscribed", "Opted Out", "email_opt_out", "do_not_email"])
def test_true_means_out_where_the_column_says_out(column, tmp_path):
    found = contacts(tmp_path, column, "true", "false", "", "Yes", "no", "1", "0", "TRUE", "N")

    assert numbers(found) == [0, 3, 5, 7]


@pytest.mark.parametrize(
    "column", ["email_opt_in", "marketing_consent", "Subscribed", "newsletter"]
)
def test_true_means_in_where_the_column_says_in(column, tmp_path):
    found = contacts(tmp_path, column, "true", "false", "", "Yes", "no", "1", "0", "FALSE", "Ja")

    assert numbers(found) == [1, 4, 6, 7]


def test_a_time_of_unsubscribing_means_out_and_none_means_nothing(tmp_path):
    found = contacts(tmp_path, "unsubscribed_at", "2024-01-02 10:00:00", "", "2024-02-03 11:30:00")

    assert numbers(found) == [0, 2]


def test_words_of_a_status_are_understood(tmp_path):
    words = ("SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED", "", "cleaned", "pending")

    assert numbers(contacts(tmp_path, "email_status", *words)) == [1, 4]


def test_a_word_nobody_knows_counts_as_out_and_is_pointed_out_by_its_row(tmp_path):
    found = contacts(tmp_path, "email_opt_in", *["yes"] * 8, "hmm", "no")

    assert numbers(found) == [8, 9]
    assert "email_opt_in: row 9: a word nobody knows, counted as opted out" in found.confirms
    assert "hmm" not in found.text


def test_a_column_in_words_nobody_knows_opts_nobody_out_and_becomes_a_question(tmp_path):
    found = contacts(tmp_path, "consent", "contract", "legitimate interest", "contract", "yes")

    assert numbers(found) == []
    assert any(what.startswith("consent: what its values mean") for what in found.confirms)


def test_absent_consent_is_no_unsubscribe_and_is_counted(tmp_path):
    found = contacts(tmp_path, "email_opt_in", "yes", "", "", "no")

    assert numbers(found) == [3]
    assert "neither opted in nor out, and reachable: 2 of the rows looked at" in found.confirms


def test_the_stream_that_would_make_the_undecided_unsubscribed_holds_when_it_is_taken(tmp_path):
    text = contacts(tmp_path, "email_opt_in", "yes", "", "", "no").text
    head, _, rest = text.partition("  # - name: contacts_undecided")
    block, _, tail = rest.partition("\n\n")
    taken = block.replace("\n  # ", "\n  ")
    config = tmp_path / "taken.yaml"
    config.write_text(f"{head}  - name: contacts_undecided{taken}\n\n{tail}", encoding="utf-8")

    sent = encoded(config)

    assert [o["identifiers"]["email"] for o in sent["contacts_undecided"].operations] == [
        "p1@example.com",
        "p2@example.com",
    ]


def test_no_false_is_ever_sent(tmp_path):
    found = contacts(tmp_path, "opted_out", "yes", "no", "no")

    said = [o["attributes"].get("unsubscribed") for s in found.sent.values() for o in s.operations]
    assert False not in said


def test_who_is_out_is_told_before_anything_else_of_them(tmp_path):
    found = contacts(tmp_path, "opted_out", "yes", "no")

    assert list(found.sent) == ["contacts_opted_out", "contacts"]
    assert found.sent["contacts_opted_out"].stream.person == found.sent["contacts"].stream.person


def test_who_is_out_does_not_look_created_today_where_older_updates_could_not_mend_it(tmp_path):
    head = "user_id,email,first_name,last_name,created_at,updated_at,opted_out"
    day = "2020-01-01T00:00:00Z"
    lines = [f"7,a@example.com,A,B,{created},{day},yes" for created in (day, "soon")]
    lines += [f"{i},p{i}@example.com,A,B,{day},{day},no" for i in range(20, 40)]
    write(tmp_path, "users.csv", [head, *lines])

    sent = drafted(tmp_path, "users.csv").sent["users_opted_out"]

    assert [o["attributes"].get("created_at") for o in sent.operations] == [1577836800, None]


def test_booleans_of_json_lines_are_understood(tmp_path):
    people = [
        {"email": f"p{i}@example.com", "first_name": "A", "last_name": "B", "email_opt_in": word}
        for i, word in enumerate([True, False, None, "no", 0])
    ]
    write(tmp_path, "people.jsonl", [json.dumps(one) for one in people])

    assert numbers(drafted(tmp_path, "people.jsonl")) == [1, 3, 4]


def test_consent_to_another_channel_opts_nobody_out(tmp_path):
    found = contacts(tmp_path, "sms_consent", "yes", "no", "no")

    assert numbers(found) == []
    assert any("one list or channel" in what for what in found.confirms)


@pytest.mark.parametrize(
    ("name", "is_suppressed"),
    [("gdpr_erased.csv", True), ("unsubscribed.csv", False), ("do_not_contact.csv", False)],
)
def test_only_erasures_suppress(name, is_suppressed, tmp_path):
    write(tmp_path, name, ["email", "a@example.com", "b@example.com"])

    (sent,) = drafted(tmp_path, name).sent.values()

    assert (sent.stream.operation[1] == "suppress") == is_suppressed
    if not is_suppressed:
        assert all(o["attributes"]["unsubscribed"] is True for o in sent.operations)


def test_names_of_columns_with_quotes_and_dots_are_found_by_the_condition(tmp_path):
    found = contacts(tmp_path, '"Opted Out (""by x.y"")"', "yes", "no")

    assert numbers(found) == [0]


@settings(max_examples=25, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(["yes", "No", "TRUE", "false", "1", "0", "", "subscribed", "opted out"]),
        min_size=1,
        max_size=12,
    ),
    is_in=st.booleans(),
)
def test_nobody_who_is_in_ends_out_and_nobody_who_is_out_ends_in(words, is_in, tmp_path_factory):
    folder = tmp_path_factory.mktemp("consent")
    found = contacts(folder, "email_opt_in" if is_in else "opted_out", *words)

    yes = [i for i, word in enumerate(words) if word.lower() in ("yes", "true", "1", "subscribed")]
    no = [i for i, word in enumerate(words) if word.lower() in ("no", "false", "0", "opted out")]
    if not is_in:
        yes, no = no, yes
    # In a column of who is out, "subscribed" and "opted out" speak for themselves.
    load(folder / "job.yaml")
    out = numbers(found)
    plain = [i for i, word in enumerate(words) if word.lower() not in ("subscribed", "opted out")]
    assert [i for i in out if i in plain] == [i for i in no if i in plain]
