"""What is said of streams that send only what changed, before anything is sent."""

from __future__ import annotations

import pytest

from backfill import engine, planning
from backfill.config import load
from backfill.errors import ConfigError
from backfill.following import Follower
from backfill.pipeline import cautions, open_streams
from tests.end_to_end.command import command

from .nights import PEOPLE, Nights

NAMED = PEOPLE | {"attributes": {"city": "city"}}
OTHER = NAMED | {"name": "other", "source": "other.csv"}
WHOLE = {key: value for key, value in OTHER.items() if key != "changes"}
OUT = {"attributes": {"unsubscribed": "unsubscribed"}}
COLUMNS = "id,city,unsubscribed\n1,Rome,false\n"
CONSENT = ("unsubscribed", "cio_subscription_preferences", "cio_subscription_preferences.topics.t")


def write(nights: Nights, *streams, people=COLUMNS, other=COLUMNS) -> None:
    nights.job(*streams)
    (nights.folder / "people.csv").write_text(people)
    (nights.folder / "other.csv").write_text(other)


def said(nights: Nights, kind: str) -> list[str]:
    """What is said of a kind, which a plan finds and `cautions` says."""
    job = load(nights.folder / "job.yaml", [])
    found = [one.text for one in cautions(job, open_streams(job)) if one.event == kind]
    plan = engine.surveyed(job, planning.Scope(), Follower(None))
    assert found == [str(one) for one in plan.findings if one.kind == kind]
    return found


@pytest.mark.parametrize("first", [NAMED, {**NAMED, "changes": None}])
def test_an_attribute_that_a_later_stream_does_not_send_again_is_warned_of(nights, first):
    first = {key: value for key, value in first.items() if value is not None}
    write(nights, first, OTHER)

    (text,) = said(nights, "attribute_of_several_streams")

    assert "people and other both set city" in text


def test_the_columns_tell_what_a_star_sets(nights):
    write(nights, PEOPLE, OTHER | {"attributes": "*"}, other="id,town\n1,Rome\n")
    assert not said(nights, "attribute_of_several_streams")

    write(nights, PEOPLE, OTHER | {"attributes": "*"}, other="id,city\n1,Rome\n")
    assert said(nights, "attribute_of_several_streams")


@pytest.mark.parametrize("attributes", ["*", {"unsubscribed": "unsubscribed"}])
def test_a_star_whose_columns_only_the_rows_tell_may_set_what_another_sets(nights, attributes):
    source = {"path": "people.csv", "format": "jsonl"}
    write(nights, PEOPLE | {"source": source}, OTHER | {"attributes": attributes})
    (nights.folder / "people.csv").write_text('{"id": "1"}\n')

    (text,) = said(nights, "attribute_of_several_streams")

    assert "people and other may both set" in text


@pytest.mark.parametrize(
    "other",
    [
        WHOLE,  # it has the last word every night
        OTHER | {"attributes": {"town": "city"}},
        OTHER | {"person": None, "object": {"type": "1", "id": "id"}},
    ],
)
def test_streams_that_undo_nothing_of_each_other_are_not_warned_of(nights, other):
    write(nights, NAMED, {key: value for key, value in other.items() if value is not None})

    assert not said(nights, "attribute_of_several_streams")


@pytest.mark.parametrize("name", CONSENT)
def test_consent_that_another_stream_would_undo_stops_check_and_run(nights, name):
    write(nights, PEOPLE, OTHER | {"attributes": {name: "city"}}, people=f"id,{name}\n1,true\n")

    with pytest.raises(ConfigError) as caught, nights.sending() as sent:
        nights.night()
    assert name in caught.value.what
    assert "streams people and other" in caught.value.where
    assert "exclude" in caught.value.fix
    assert sent == []


@pytest.mark.parametrize("asked", [["check"], ["plan"], ["run", "--yes"]])
def test_every_command_refuses_consent_that_two_streams_say(nights, asked):
    write(nights, PEOPLE, OTHER | OUT)

    ended = command(nights.folder, nights.server.address, asked[0], "job.yaml", *asked[1:])

    assert ended.code == 2
    assert "people and other both set unsubscribed" in ended.text
    assert nights.server.posted == []


def test_check_says_what_a_run_says(nights):
    write(nights, NAMED | {"existing_only": True})

    ended = command(nights.folder, nights.server.address, "check", "job.yaml")

    assert "warning: people: with existing_only" in ended.text


def test_preferences_as_a_whole_would_undo_those_of_a_topic(nights):
    topic = {"cio_subscription_preferences.topics.t": {"value": False}}
    write(
        nights,
        NAMED | {"attributes": topic},
        OTHER | {"attributes": {"cio_subscription_preferences": "city"}},
    )

    with pytest.raises(ConfigError):
        open_streams(load(nights.folder / "job.yaml", []))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PEOPLE | {"exclude": ["unsubscribed"]}, OTHER | OUT),
        (PEOPLE, WHOLE | OUT),
        *[
            (NAMED | {"attributes": out}, OTHER | {"attributes": out})
            for out in [{"unsubscribed": {"value": True}}]
        ],
    ],
)
def test_consent_that_stays_as_it_was_said_is_taken(nights, first, second):
    write(nights, first, second)

    assert open_streams(load(nights.folder / "job.yaml", []))


def test_updates_of_who_is_not_there_are_warned_of(nights):
    write(nights, NAMED)
    assert not said(nights, "unseen_updates")

    write(nights, NAMED | {"existing_only": True})
    (text,) = said(nights, "unseen_updates")
    assert "--full" in text


def test_updates_of_objects_by_the_servers_own_id_are_warned_of(nights):
    named = {key: value for key, value in NAMED.items() if key != "person"}
    write(nights, named | {"object": {"cio_object_id": "id"}})

    assert said(nights, "unseen_updates")


def test_what_vanished_sets_and_no_row_sets_stays(nights):
    write(nights, NAMED | {"vanished": {"set": {"city": "none"}}})
    assert not said(nights, "set_stays")

    write(nights, NAMED | {"vanished": {"set": {"city": "none", "is_customer": False}}})
    (text,) = said(nights, "set_stays")
    assert "vanished sets is_customer," in text


def test_who_vanishes_into_suppression_stays_there(nights):
    write(nights, NAMED | {"vanished": "suppress"})

    (text,) = said(nights, "set_stays")

    assert "stays suppressed" in text


@pytest.mark.parametrize(
    "other",
    [
        {"person": {"id": "id"}, "action": "delete"},
        {"person": {"id": "id"}, "action": "suppress"},
        {"merge": {"primary": {"id": "id"}, "secondary": {"id": "city"}}},
        {"person": {"id": "id"}, "changes": {"key": "id"}, "vanished": "delete"},
    ],
)
def test_who_another_stream_removes_is_not_sent_again(nights, other):
    write(nights, NAMED, {"name": "other", "source": "other.csv", **other})

    (text,) = said(nights, "deleted_elsewhere")

    assert text.startswith("people: whoever other removes")


def test_objects_that_are_removed_are_nobody(nights):
    gone = {"object": {"type": {"value": "1"}, "id": "id"}, "action": "delete"}
    write(nights, NAMED, {"name": "other", "source": "other.csv", **gone})

    assert not said(nights, "deleted_elsewhere")


def test_a_renamed_stream_goes_on_with_what_was_known_once_its_file_is_renamed(nights):
    write(nights, NAMED)
    nights.night()
    renamed = NAMED | {"name": "customers", "vanished": "delete"}
    write(nights, renamed)
    (text,) = said(nights, "known_of_no_stream")
    assert str(nights.known()).endswith("changes-people")
    assert "job.checkpoint.changes-customers first" in text

    nights.known().rename(nights.known("customers"))

    assert not said(nights, "known_of_no_stream")
    with nights.sending() as sent:
        nights.night()
    assert sent == []
    write(nights, renamed, people=COLUMNS + "2,Oslo,false\n")
    with nights.sending() as sent:
        nights.night()
    assert [one["identifiers"]["id"] for one in sent] == ["2"]
    assert not said(nights, "known_of_no_stream")


def test_what_was_put_aside_is_of_no_stream_and_not_warned_of(nights):
    write(nights, NAMED)
    nights.night()
    write(nights, NAMED | {"changes": {"key": "city"}})
    nights.night(full=True)

    assert len(list(nights.known().parent.glob("*.changes-people.2*"))) == 1
    assert not said(nights, "known_of_no_stream")


def test_a_run_says_it_before_it_sends(nights):
    write(nights, NAMED | {"existing_only": True})

    nights.night()

    assert [text for text in nights.heard if text.startswith("unseen_updates: people")]
