"""Streams that are about the same people: what one removes, another does not take for told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backfill.errors import ConfigError

from .nights import Nights


def stream(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "source": f"{name}.csv",
        "person": {"email": "email"},
        "attributes": {f"of_{name}": "value"},
        "changes": {"key": "email"},
        "max_vanished": "100%",
    } | more


def export(nights: Nights, name: str, *rows: str, header: str = "email,value") -> Path:
    path = nights.folder / f"{name}.csv"
    path.write_text("\n".join([header, *rows, ""]))
    return path


def test_who_was_removed_and_comes_back_is_told_everything_by_every_stream(nights):
    nights.job(stream("eu", vanished="delete"), stream("us"))
    for eu, us in ((["a@x.io,1", "b@x.io,1"],) * 2, (["b@x.io,1"],) * 2):
        export(nights, "eu", *eu)
        export(nights, "us", *us)
        nights.night()
    assert set(nights.people()) == {"b@x.io"}
    export(nights, "us", "a@x.io,1", "b@x.io,1")
    with nights.sending() as sent:
        nights.night()

    assert [o["identifiers"]["email"] for o in sent] == ["a@x.io"]
    assert nights.people()["a@x.io"] == {"of_us": "1"}


def test_who_is_gone_from_one_stream_and_stands_in_another_is_not_marked_as_gone(nights):
    is_customer = {"is_customer": {"value": True}}
    marking = {"vanished": {"set": {"is_customer": False}}, "attributes": is_customer}
    nights.job(stream("eu", **marking), stream("us", **marking))
    export(nights, "eu", "a@x.io,1", "b@x.io,1", "c@x.io,1")
    export(nights, "us", "d@x.io,1")
    nights.night()
    export(nights, "eu", "b@x.io,1")
    export(nights, "us", "a@x.io,1", "d@x.io,1")
    nights.night()

    assert {name: told["is_customer"] for name, told in nights.people().items()} == {
        "a@x.io": True,
        "b@x.io": True,
        "c@x.io": False,
        "d@x.io": True,
    }


def test_who_gets_another_id_and_keeps_the_email_is_there_a_night_later(nights):
    nights.job(
        stream(
            "people",
            person={"id": "id", "email": "email"},
            changes={"key": "id"},
            vanished="delete",
        )
    )
    for rows in (["1,a@x.io,v", "2,b@x.io,v"], ["7,a@x.io,v", "2,b@x.io,v"]):
        export(nights, "people", *rows, header="id,email,value")
        nights.night()
    export(nights, "people", *rows, "3,c@x.io,v", header="id,email,value")
    nights.night()

    assert set(nights.people()) == {"7", "2", "3"}


def test_while_nobody_is_removed_nobody_is_told_twice(nights):
    several = {"person": {"id": "id", "email": "email"}, "changes": {"key": "id"}}
    nights.job(stream("people", vanished="delete", **several))
    for rows in (["1,a@x.io,v", "2,b@x.io,v"], ["2,b@x.io,w", "  ,no key,v"]):
        path = export(nights, "people", *rows, header="id,email,value")
        nights.night()
    path.write_text(path.read_text() + "3,c@x.io,v\n")
    with nights.sending() as sent:
        nights.night()

    assert [o["identifiers"]["id"] for o in sent] == ["3"]


REMOVING = {"action": "delete", "attributes": {}}
OPTED_OUT = {"attributes": {"unsubscribed": {"value": True}}, "existing_only": True}


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ([stream("gone", **REMOVING)], "is sent once"),
        ([stream("gone", **REMOVING, changes=None, since="value")], "is sent once"),
        ([stream("opted_out", **OPTED_OUT)], "unsubscribed is sent once"),
    ],
)
def test_what_must_be_said_again_to_who_comes_back_is_not_sent_once_only(nights, others, says):
    nights.job(stream("people"), *others)
    export(nights, "people", "a@x.io,1")
    export(nights, others[0]["name"], "a@x.io,1")

    with pytest.raises(ConfigError, match=says) as refused:
        nights.night()
    assert "sent whole every time" in refused.value.fix


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"vanished": {"set": {"unsubscribed": False}}}, "be mailed who are gone"),
        (
            {"vanished": {"set": {"cio_subscription_preferences.topics.topic_1": True}}},
            "be mailed who are gone",
        ),
        (
            {
                "person": {"id": "id", "email": "email"},
                "changes": {"key": "id"},
                "vanished": "suppress",
            },
            "could not be brought back",
        ),
    ],
)
def test_what_vanished_could_not_take_back_is_refused(nights, more, says):
    nights.job(stream("people", **more))
    export(nights, "people", "1,a@x.io,1", header="id,email,value")

    with pytest.raises(ConfigError, match=says):
        nights.night()


def test_consent_under_a_star_is_not_sent_once_only_either(nights):
    optouts = stream("optouts", existing_only=True, attributes="*")
    nights.job(stream("people"), optouts)
    export(nights, "people", "a@x.io,1")
    export(nights, "optouts", "a@x.io,true", header="email,unsubscribed")

    with pytest.raises(ConfigError, match="unsubscribed is sent once"):
        nights.night()


def test_a_score_of_who_was_removed_is_told_again_also_one_of_that_very_night(nights):
    scores = stream("scores", existing_only=True)
    nights.job(stream("people", vanished="delete"), scores)
    for people, score in ((["a@x.io,1", "b@x.io,1"], 10), (["b@x.io,1"], 11)):
        export(nights, "people", *people)
        export(nights, "scores", f"a@x.io,{score}", "b@x.io,5")
        nights.night()
    export(nights, "people", "a@x.io,1", "b@x.io,1")
    nights.night()

    assert nights.people()["a@x.io"] == {"of_people": "1", "of_scores": "11"}


def test_who_moves_to_a_stream_of_which_nobody_vanishes_is_not_marked_either(nights):
    active = {"attributes": {"active": {"value": True}}}
    nights.job(
        stream("customers", vanished={"set": {"active": False}}, **active),
        stream("prospects", **active),
    )
    export(nights, "customers", "a@x.io,1", "b@x.io,1")
    export(nights, "prospects", "c@x.io,1")
    nights.night()
    export(nights, "customers", "b@x.io,1")
    export(nights, "prospects", "a@x.io,1", "c@x.io,1")
    nights.night()

    assert {told["active"] for told in nights.people().values()} == {True}


def test_who_was_told_under_another_id_by_a_part_of_the_job_is_told_again(nights):
    several = {"person": {"id": "id", "email": "email"}, "changes": {"key": "id"}}
    nights.job(stream("people", vanished="delete", **several))
    header = "id,email,value"
    export(nights, "people", "1,a@x.io,v", "2,b@x.io,v", header=header)
    nights.night()
    path = export(nights, "people", "7,a@x.io,v", "2,b@x.io,v", header=header)
    nights.night(of=("people", None))
    nights.night()
    path.write_text(path.read_text() + "3,c@x.io,v\n")
    nights.night()

    assert set(nights.people()) == {"7", "2", "3"}


@pytest.mark.parametrize("keep_previous", [False, True])
def test_who_stood_beside_their_old_id_for_a_night_is_told_again(nights, keep_previous):
    several = {"person": {"id": "id", "email": "email"}}
    several |= {"changes": {"key": "id", "keep_previous": keep_previous}}
    nights.job(stream("people", vanished="delete", **several))
    for rows in (
        ["1,a@x.io,v", "2,b@x.io,v"],
        ["1,a@x.io,v", "2,b@x.io,v", "7,A@x.io,v"],
        ["2,b@x.io,v", "7,A@x.io,v"],
        ["2,b@x.io,v", "7,A@x.io,v", "3,c@x.io,v"],
    ):
        export(nights, "people", *rows, header="id,email,value")
        nights.night()

    assert set(nights.people()) == {"7", "2", "3"}


@pytest.mark.parametrize(
    "other",
    [
        stream("gone", action="suppress", attributes={}),
        stream("by_number", person={"cio_id": "email"}, changes=None),
    ],
)
def test_what_brings_nobody_back_to_life_is_taken(nights, other):
    nights.job(stream("people", vanished="delete"), other)
    export(nights, "people", "a@x.io,1")
    export(nights, other["name"], "b@x.io,1")

    nights.night()
