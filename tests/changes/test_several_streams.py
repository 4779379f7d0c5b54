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
