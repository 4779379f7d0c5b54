"""What columns of consent say in the forms that databases, spreadsheets and vendors write."""

import csv
import io

import pytest

from discovery.drafted import attributes, drafted, write


def contacts(folder, column, *words, name="contacts.csv"):
    """A file of people, one for each word."""
    text = io.StringIO()
    lines = [(f"p{i}@example.com", "Ada", "Lovelace", word) for i, word in enumerate(words)]
    csv.writer(text).writerows([("email", "first_name", "last_name", column), *lines])
    (folder / name).write_text(text.getvalue(), encoding="utf-8")
    return drafted(folder, name)


def numbers(found):
    """Which of the words made somebody unsubscribed."""
    return sorted(int(who[1 : who.index("@")]) for who in found.out())


def said(found, *parts):
    """Whether one of the questions holds all of the parts."""
    return any(all(part in what for part in parts) for what in found.confirms)


@pytest.mark.parametrize("column", ["opt_in", "email_opt_in", "newsletter"])
@pytest.mark.parametrize(("yes", "no"), [("1.0", "0.0"), ("1,0", "0,0")])
def test_numbers_as_pandas_writes_them_beside_blanks_mean_yes_and_no(column, yes, no, tmp_path):
    found = contacts(tmp_path, column, yes, no, "", yes, no)

    assert numbers(found) == [1, 4]


@pytest.mark.parametrize("column", ["opt_out", "unsubscribed", "do_not_email"])
def test_zero_point_zero_is_not_out(column, tmp_path):
    assert numbers(contacts(tmp_path, column, "1.0", "0.0", "", "0.0", "0.0")) == [0]


@pytest.mark.parametrize("column", ["opt_out", "unsubscribed"])
def test_zero_point_zero_alone_opts_nobody_out(column, tmp_path):
    assert numbers(contacts(tmp_path, column, "0.0", "0.0", "")) == []


def test_zero_point_zero_alone_in_a_column_of_who_is_in_opts_everybody_out(tmp_path):
    found = contacts(tmp_path, "opt_in", "0.0", "0.0", "")

    assert numbers(found) == [0, 1]
    assert said(found, "more than half become unsubscribed: 2 of 3")


NOTHING = ["0000-00-00 00:00:00", "0000-00-00", "\\N", "\u2013", "-", "never", "NaT", "None",
           "null", "NaN", "n/a", "01.01.1900", "1900-01-01", "1970-01-01", "1970-01-01T00:00:00Z",
           "   ", "NULL", "N/A", "0", "1/1/1900 12:00:00 AM"]  # fmt: skip


@pytest.mark.parametrize("nothing", NOTHING)
def test_what_stands_for_no_time_unsubscribes_nobody(nothing, tmp_path):
    time = "05.02.2024" if nothing == "01.01.1900" else "2024-02-05 10:00:00"
    found = contacts(tmp_path, "unsubscribed_at", nothing, time, nothing, "", nothing)

    assert numbers(found) == [1]
    assert said(found, "unsubscribed_at: whoever has a time there is opted out: 1 of 5")


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_column_of_nothing_but_no_times_unsubscribes_nobody(nothing, tmp_path):
    assert numbers(contacts(tmp_path, "unsubscribed_at", nothing, nothing)) == []


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_row_whose_deletion_stands_for_no_time_is_sent(nothing, tmp_path):
    found = contacts(tmp_path, "deleted_at", nothing, "2024-02-05 10:00:00", nothing)

    assert [o["identifiers"]["email"] for o in found.sent["contacts"].operations] == [
        "p0@example.com",
        "p2@example.com",
    ]


@pytest.mark.parametrize(
    ("yes", "no"),
    [("checked", "unchecked"), ("☑", "☐"), ("ja", "nej"), ("Ja", "Nee"), ("sim", "não"),
     ("si", "no"), ("Oui", "Non"), ("J", "N"), (" Yes ", "No "), ("x", "")],
)  # fmt: skip
def test_yes_and_no_in_other_words_are_understood(yes, no, tmp_path):
    out = contacts(tmp_path, "opt_out", yes, no, "", no)
    assert numbers(out) == [0]

    if no:
        assert numbers(contacts(tmp_path, "opt_in", yes, no, "", no)) == [1, 3]


@pytest.mark.parametrize("column", ["unsubscribed", "opted_out", "opt_in", "subscribed"])
def test_words_that_speak_for_themselves_mean_the_same_in_any_column(column, tmp_path):
    words = ("subscribed", "unsubscribed", "opted in", "opted out", "pending", "Bounced")

    assert numbers(contacts(tmp_path, column, *words)) == [1, 3, 5]


def test_words_nobody_knows_in_every_row_opt_nobody_out_and_are_a_question(tmp_path):
    found = contacts(tmp_path, "opt_out", "alpha", "beta", "beta", "beta")

    assert numbers(found) == []
    assert said(found, "opt_out: what its values mean for consent is not known")


def test_a_reason_where_most_have_none_means_out_and_is_a_question_with_its_count(tmp_path):
    found = contacts(tmp_path, "unsubscribed", "too many mails", "", "", "")

    assert numbers(found) == [0]
    assert said(found, "unsubscribed: whoever has anything there is opted out: 1 of 4")
    assert "too many" not in found.text


def test_more_than_half_out_is_a_question_with_its_count(tmp_path):
    found = contacts(tmp_path, "unsubscribed", "yes", "yes", "no")

    assert said(found, "more than half become unsubscribed: 2 of 3 rows looked at")


@pytest.mark.parametrize(
    ("column", "words", "out"),
    [
        ("status", ("subscribed", "unsubscribed", "cleaned", "pending", ""), [1, 2]),
        ("Contact Status", ("Active", "Unsubscribed", "Bounced", "Opted Out"), [1, 2, 3]),
        ("email_marketing_state", ("subscribed", "unsubscribed ", "redacted"), [1]),
        ("Zustand", ("aktiv", "Abgemeldet"), [1]),
        ("anything", ("a", "Do Not Contact", "spam"), [1, 2]),
    ],
)
def test_words_that_say_unsubscribed_count_in_a_column_of_any_name(column, words, out, tmp_path):
    found = contacts(tmp_path, column, *words)

    assert numbers(found) == out
    assert said(found, f"{column}: taken for opted out, {len(out)} of the rows looked at")


def test_only_words_that_everybody_knows_are_named(tmp_path):
    found = contacts(tmp_path, "status", "unsubscribed", "ada's own list", "subscribed")

    assert said(found, "status: taken for opted out", ": unsubscribed. Nobody else")
    assert "ada's own" not in found.text


def test_a_list_of_addresses_with_their_status_is_understood(tmp_path):
    lines = ["email,status", "p0@example.com,subscribed", "p1@example.com,unsubscribed"]
    write(tmp_path, "newsletter_list.csv", lines)

    assert numbers(drafted(tmp_path, "newsletter_list.csv")) == [1]


def test_a_status_of_another_channel_opts_nobody_out(tmp_path):
    found = contacts(tmp_path, "sms_unsub_status", "subscribed", "unsubscribed")

    assert numbers(found) == []
    assert said(found, "sms_unsub_status: may say who is out: nobody is opted out by it")


@pytest.mark.parametrize(
    "column", ["global_unsubscribe", "no_mail", "désabonné", "Werbesperre", "Abgemeldet am"]
)
def test_more_names_of_who_is_out(column, tmp_path):
    assert numbers(contacts(tmp_path, column, "ja", "nein", "")) == [0]


@pytest.mark.parametrize(
    "column",
    ["contactable", "wants_email", "may_email", "email_allowed", "Receives Newsletter?",
     "Werbung erlaubt", "Newsletter abonniert", "mailing"],
)  # fmt: skip
def test_more_names_of_who_is_in(column, tmp_path):
    assert numbers(contacts(tmp_path, column, "ja", "nein", "")) == [1]


@pytest.mark.parametrize(
    "column", ["blocked", "Kontaktsperre", "consent_source", "last_unsub_reason", "my_permissions"]
)
def test_a_column_that_sounds_like_consent_and_was_not_read_is_pointed_out(column, tmp_path):
    found = contacts(tmp_path, column, "1", "0", "")

    assert numbers(found) == []
    assert said(found, f"{column}: may say who is out: nobody is opted out by it")


def test_a_plain_no_counts_where_other_words_are_not_known(tmp_path):
    words = ("Yes, weekly", "Yes, monthly", "No", "No ", "", "Yes, weekly")
    found = contacts(tmp_path, "email_permission", *words)

    assert numbers(found) == [2, 3]
    assert said(found, "email_permission: what its values mean for consent is not known in 3")
    assert "weekly" not in found.text


def test_a_no_among_times_of_consent_counts(tmp_path):
    words = ("2024-01-02", "no", "2024-02-03", "", " ")
    found = contacts(tmp_path, "consent", *words)

    assert numbers(found) == [1]
    assert said(found, "consent: taken for in, where a time stands there: 2")
    assert said(found, "neither opted in nor out, and reachable: 2")


def test_no_to_a_newsletter_is_asked_about_before_anything_else(tmp_path):
    found = contacts(tmp_path, "Newsletter", "ja", "nein", "nein", "ja")

    assert numbers(found) == [1, 2]
    assert found.confirms[0].startswith(
        "Newsletter = no becomes a global unsubscribe for 2 people of the rows looked at"
    )
    assert "no unsubscribe" not in found.text
    assert "newsletter" in attributes(found)


def test_events_that_say_unsubscribed_opt_nobody_out_and_are_pointed_out(tmp_path):
    words = ["opened", "unsubscribed", "opened", "clicked"]
    lines = [f"p{i}@example.com,{word},2024-01-02T10:00:00Z" for i, word in enumerate(words)]
    write(tmp_path, "mail_events.csv", ["email,event,timestamp", *lines])
    found = drafted(tmp_path, "mail_events.csv")

    assert numbers(found) == []
    assert said(found, "event: has words for who is out: nobody is opted out by events")
