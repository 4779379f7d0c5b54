"""What left and was never answered is not taken for done, nor for undone."""

from __future__ import annotations

import time

import pytest

from backfill.errors import DeliveryError
from tests.end_to_end.command import command, ended, start

from .nights import PEOPLE, Nights

DELETING = PEOPLE | {"vanished": "delete", "max_vanished": "100%"}


def export(nights: Nights, *rows: str, header: str = "id,value") -> None:
    (nights.folder / "people.csv").write_text("\n".join([header, *rows, ""]))


def killed(nights: Nights, *arguments: str) -> None:
    """A process that is killed once its batch was applied and before it was answered."""
    begun = len(nights.server.posted)
    nights.loses = lambda _: True
    process = start(nights.folder, nights.server.address, "run", "job.yaml", "--json", *arguments)
    try:
        while len(nights.server.posted) == begun:
            assert process.poll() is None, ended(process).text
            time.sleep(0.005)
        while not nights.server.posted[-1].answered_s:
            time.sleep(0.005)
    finally:
        process.kill()
        process.communicate()
        nights.loses = lambda _: False


@pytest.mark.parametrize("send", ["operation", "changed_attributes"])
def test_a_row_that_is_back_at_its_old_value_after_a_kill_is_sent(nights, send):
    nights.job(PEOPLE | {"changes": {"key": "id", "send": send}})
    export(nights, "a,1", "b,1")
    nights.night()
    export(nights, "a,2", "b,1")
    killed(nights)
    assert nights.people()["a"] == {"value": "2"}

    export(nights, "a,1", "b,1")
    with nights.sending() as sent:
        nights.night()

    assert [(o["identifiers"]["id"], o["attributes"]) for o in sent] == [("a", {"value": "1"})]
    assert nights.people() == {"a": {"value": "1"}, "b": {"value": "1"}}


@pytest.mark.parametrize("send", ["operation", "changed_attributes"])
def test_so_is_one_whose_run_gave_up(nights, send):
    nights.job(PEOPLE | {"changes": {"key": "id", "send": send}})
    export(nights, "a,1", "b,1")
    nights.night()
    export(nights, "a,2", "b,1")
    nights.loses = lambda _: True
    with pytest.raises(DeliveryError):
        nights.night()
    nights.loses = lambda _: False

    export(nights, "a,1", "b,1")
    nights.night()

    assert nights.people() == {"a": {"value": "1"}, "b": {"value": "1"}}
    with nights.sending() as sent:
        nights.night()
    assert sent == []


def test_whose_deletion_was_under_way_and_who_comes_back_is_sent_again(nights):
    nights.job(DELETING)
    export(nights, "a,1", "b,1")
    nights.night()
    export(nights, "b,1")
    killed(nights)
    assert set(nights.people()) == {"b"}

    export(nights, "a,1", "b,1")
    with nights.sending() as sent:
        nights.night()

    assert [o["identifiers"]["id"] for o in sent] == ["a"]
    assert nights.people() == {"a": {"value": "1"}, "b": {"value": "1"}}


def test_a_deletion_under_way_is_done_by_the_same_command(nights):
    nights.job(DELETING)
    export(nights, "a,1", "b,1", "c,1")
    nights.night()
    export(nights, "b,1")
    nights.drops = lambda _: True
    with pytest.raises(DeliveryError):
        nights.night()
    nights.drops = lambda _: False
    assert set(nights.people()) == {"a", "b", "c"}

    closing = nights.night()

    assert closing.state == "completed"
    assert set(nights.people()) == {"b"}
    assert len(nights.remembered()) == 1


def test_a_deletion_under_way_is_done_from_another_folder_as_well(nights, monkeypatch):
    nights.job(DELETING)
    export(nights, "a,1", "b,1", "c,1")
    nights.night()
    export(nights, "b,1")
    killed(nights)
    (nights.folder / "elsewhere").mkdir()
    monkeypatch.chdir(nights.folder / "elsewhere")

    nights.night()

    assert set(nights.people()) == {"b"}


def test_a_deletion_under_way_is_done_with_the_next_export_as_well(nights):
    nights.job(DELETING)
    export(nights, "a,1", "b,1", "c,1")
    nights.night()
    export(nights, "b,1")
    nights.drops = lambda _: True
    with pytest.raises(DeliveryError):
        nights.night()
    nights.drops = lambda _: False

    export(nights, "b,2", "c,1")
    nights.night()

    assert nights.people() == {"b": {"value": "2"}, "c": {"value": "1"}}


def test_what_the_api_refused_is_known_as_it_was_before(nights):
    nights.job(PEOPLE)
    export(nights, "a,1", "b,1")
    nights.night()
    before = nights.remembered()
    export(nights, "a,2", "b,1")
    nights.refuses = lambda o: o["attributes"]["value"] == "2"
    nights.night()
    assert nights.remembered() == before

    export(nights, "a,1", "b,1")
    with nights.sending() as sent:
        nights.night()

    assert sent == []


def test_who_was_created_by_a_batch_never_answered_and_is_gone_then_is_seen_to_vanish(nights):
    nights.job(DELETING)
    export(nights, "a,1")
    nights.night()
    export(nights, "a,1", "b,1")
    killed(nights)
    assert set(nights.people()) == {"a", "b"}

    export(nights, "a,1")
    nights.night()

    assert set(nights.people()) == {"a"}


def test_who_vanished_and_is_left_to_a_run_without_a_limit_is_not_told_as_read(nights):
    nights.job(DELETING)
    export(nights, *(f"{name},1" for name in "abcdef"))
    nights.night()
    export(nights, "a,1")
    killed(nights)

    cut = nights.run("--limit", "1")
    status = command(nights.folder, nights.server.address, "status", "job.yaml", "--json")
    nights.night()

    assert cut.code == 0, cut.text
    assert "no report" not in cut.text
    assert [told["rows"]["unprocessed"] for told in (cut.told, status.told)] == [0, 0]
    assert set(nights.people()) == {"a"}


def test_who_is_new_and_refused_is_not_known(nights):
    nights.job(DELETING)
    nights.refuses = lambda operation: operation["identifiers"]["id"] == "b"
    export(nights, "a,1", "b,1")
    nights.night()

    assert len(nights.remembered()) == 1
    export(nights, "a,1")
    with nights.sending() as sent:
        nights.night()
    assert sent == []
