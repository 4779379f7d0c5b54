"""What another mapping, another key or another file of what is known means for the next night."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from backfill.errors import CheckpointError
from backfill.readers import fingerprint
from tests.end_to_end.command import ended, start

from .nights import PEOPLE, Nights

PARTS = PEOPLE | {"changes": {"key": "id", "send": "changed_attributes"}, "blank": "unset"}


def export(nights: Nights, *rows: str, header: str = "id,value,plan", name="people.csv") -> Path:
    path = nights.folder / name
    path.write_text("\n".join([header, *rows, ""]))
    return path


ROWS = ("a,1,free", "b,2,paid", "c,3,")


@pytest.fixture
def loaded(nights: Nights) -> Nights:
    nights.job(PEOPLE)
    export(nights, *ROWS)
    nights.night()
    return nights


def sent(nights: Nights, *overrides: str, **options: object) -> dict[str, dict]:
    """Run; whom something was sent, and what."""
    with nights.sending() as found:
        nights.night(*overrides, **options)
    names = [operation["identifiers"]["id"] for operation in found]
    assert len(set(names)) == len(names)
    return {o["identifiers"]["id"]: o.get("attributes", {}) for o in found}


def test_a_mapping_that_changed_sends_only_those_whom_it_changes(loaded):
    loaded.job(PEOPLE | {"attributes": {"*": True, "plan": {"column": "plan", "blank": "unset"}}})

    assert sent(loaded) == {"c": {"value": "3", "plan": None}}
    assert sent(loaded) == {}


def test_a_mapping_that_changes_nothing_sends_nothing(loaded):
    loaded.job(PEOPLE | {"attributes": {"value": "value", "plan": "plan"}})

    assert sent(loaded) == {}


def test_a_mapping_that_changed_in_an_unfinished_run_is_compared(loaded):
    export(loaded, "a,5,free", *ROWS[1:])
    process = start(loaded.folder, loaded.server.address, "run", "job.yaml")
    loaded.drops = lambda _: True
    begun = len(loaded.server.posted)
    while len(loaded.server.posted) == begun:
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.communicate()
    loaded.drops = lambda _: False

    loaded.job(PEOPLE | {"attributes": {"value": "value"}})

    assert sent(loaded) == {name: {"value": v} for name, v in (("a", "5"), ("b", "2"))} | {}
    assert loaded.people()["a"]["value"] == "5"


def test_a_column_that_is_new_and_excluded_sends_nothing(loaded):
    loaded.job(PEOPLE | {"exclude": ["note"]})
    export(loaded, *(f"{row},x" for row in ROWS), header="id,value,plan,note")

    assert sent(loaded) == {}


def test_a_column_that_is_new_sends_those_who_have_a_value_there(loaded):
    export(loaded, "a,1,free,x", "b,2,paid,", "c,3,,", header="id,value,plan,note")

    assert sent(loaded) == {"a": {"value": "1", "plan": "free", "note": "x"}}


def test_rows_in_another_order_or_another_dialect_send_nothing(loaded):
    export(loaded, *reversed(ROWS))
    assert sent(loaded) == {}

    (loaded.folder / "people.csv").write_bytes(
        b'\xef\xbb\xbfid,value,plan\r\n"a",1,"free"\r\n\r\nb,2,paid\r\nc,"3",'
    )
    assert sent(loaded) == {}


def test_another_key_is_refused_by_name_and_full_goes_by_it(loaded):
    loaded.job(PEOPLE | {"changes": {"key": ["id", "plan"]}})
    export(loaded, *ROWS, "d,4,")
    before = loaded.remembered()

    with loaded.sending() as found, pytest.raises(CheckpointError) as raised:
        loaded.night()
    assert found == []
    assert "changes.key id, and not by id, plan" in raised.value.what
    assert "--full" in raised.value.fix
    assert loaded.remembered() == before

    assert set(sent(loaded, full=True)) == {"a", "b", "c", "d"}
    assert any("known_kept" in text for text in loaded.heard)
    assert sent(loaded) == {}


def test_another_workspace_is_refused(loaded, monkeypatch):
    monkeypatch.setenv("CUSTOMERIO_SITE_ID", "other")

    for options in ({}, {"fresh": True}, {"fresh": True, "full": True}):
        with loaded.sending() as found, pytest.raises(CheckpointError, match="another"):
            loaded.night(**options)
        assert found == []


def test_a_lost_file_is_said_and_everything_is_sent(loaded):
    loaded.known().unlink()
    export(loaded, *ROWS, "d,4,")

    assert set(sent(loaded)) == {"a", "b", "c", "d"}
    assert any("nothing_known" in text for text in loaded.heard)
    assert sent(loaded) == {}


def test_a_damaged_file_stops_the_command_with_2_and_what_it_says_helps(loaded):
    known = loaded.known()
    export(loaded, *ROWS, "d,4,")
    loaded.night()  # puts in order what the first night added
    export(loaded, *ROWS, "d,5,")
    content = bytearray(known.read_bytes())
    content[8192 + 3] ^= 1
    known.write_bytes(content)

    with loaded.sending() as found:
        run = loaded.run()
    assert (run.code, found) == (2, [])
    assert "damaged" in run.told["error"]["what"]
    assert "move it away" in run.told["error"]["fix"]

    known.rename(known.with_name("moved"))
    assert set(sent(loaded)) == {"a", "b", "c", "d"}


def test_fresh_does_not_forget_what_is_known(loaded):
    assert sent(loaded, fresh=True) == {}

    export(loaded, "a,9,free", *ROWS[1:])
    assert set(sent(loaded, fresh=True)) == {"a"}


def test_full_sends_everything_once(loaded):
    assert set(sent(loaded, full=True)) == {"a", "b", "c"}
    assert sent(loaded) == {}
    assert set(sent(loaded, full=True)) == {"a", "b", "c"}


def test_whom_the_api_refuses_with_full_is_sent_again_the_next_night(loaded):
    loaded.refuses = lambda operation: operation["identifiers"]["id"] == "b"
    loaded.night(full=True)
    loaded.refuses = lambda _: False
    export(loaded, *ROWS, "d,4,")

    assert set(sent(loaded)) == {"b", "d"}


def test_an_export_that_differs_where_a_fingerprint_does_not_look_is_compared(nights):
    nights.job(PEOPLE)
    rows = [f"p{n:06},{n % 7},{'free' * 25}" for n in range(6_000)]
    path = export(nights, *rows)
    nights.night()
    before = fingerprint(path).digest
    for changed in range(2_000, 2_100):
        row = rows[changed].replace(f",{changed % 7},", ",9,")
        export(nights, *rows[:changed], row, *rows[changed + 1 :])
        if fingerprint(path).digest == before:
            break

    assert fingerprint(path).digest == before
    assert set(sent(nights)) == {f"p{changed:06}"}


def test_full_that_was_killed_goes_on_and_ends_with_everything_sent(nights):
    count = 3_000
    nights.job(PEOPLE, operations_per_s=4_000, concurrency=1)
    export(nights, *(f"p{n},{n}," for n in range(count)))
    nights.night("destination.operations_per_s=100000")
    begun = len(nights.server.posted)
    process = start(nights.folder, nights.server.address, "run", "job.yaml", "--full")
    while len(nights.server.posted) < begun + 30:
        assert process.poll() is None, ended(process).text
        time.sleep(0.005)
    process.kill()
    process.communicate()
    time.sleep(0.2)
    first = {o["identifiers"]["id"] for p in nights.server.posted[begun:] for o in p.operations}

    with nights.sending() as again:
        nights.night("destination.operations_per_s=100000", full=True)

    second = {operation["identifiers"]["id"] for operation in again}
    assert first | second == {f"p{n}" for n in range(count)}
    assert len(again) == len(second) < count
    assert sent(nights) == {}


def test_full_that_was_killed_is_made_up_for_by_a_run_without_it(nights):
    nights.job(PEOPLE)
    export(nights, *ROWS)
    nights.night()
    nights.drops = lambda _: True
    with pytest.raises(Exception, match=r"\w"):
        nights.night(full=True)
    nights.drops = lambda _: False
    export(nights, *ROWS, "d,4,")

    assert set(sent(nights)) == {"a", "b", "c", "d"}


def test_an_unfinished_run_and_a_new_export_are_closed_and_compared(loaded):
    export(loaded, "a,5,free", "b,2,paid", "c,3,", "d,4,")
    loaded.drops = lambda _: True
    with pytest.raises(Exception, match=r"\w"):
        loaded.night()
    loaded.drops = lambda _: False
    export(loaded, "a,5,free", "b,2,paid", "c,6,")

    assert set(sent(loaded)) == {"a", "c"}
    assert any("run_closed" in text for text in loaded.heard)
    assert sent(loaded) == {}


def test_a_night_without_changes_is_not_held_against_what_was_known_before(loaded):
    plain = {name: value for name, value in PEOPLE.items() if name != "changes"}
    loaded.job(plain)
    export(loaded, "a,changed,free", *ROWS[1:])
    sent(loaded)
    assert loaded.people()["a"]["value"] == "changed"

    loaded.job(PEOPLE)
    export(loaded, *ROWS)
    sent(loaded)

    assert loaded.people()["a"]["value"] == "1"


def test_only_the_attributes_that_differ_are_sent(nights):
    nights.job(PARTS)
    export(nights, *ROWS)
    first = sent(nights)
    assert first["c"] == {"value": "3", "plan": None}

    export(nights, "a,1,paid", "b,2,", "c,3,", "d,00123,1e5")

    assert sent(nights) == {
        "a": {"plan": "paid"},
        "b": {"plan": None},
        "d": {"value": "00123", "plan": "1e5"},
    }
    assert nights.people() == {
        "a": {"value": "1", "plan": "paid"},
        "b": {"value": "2"},
        "c": {"value": "3"},
        "d": {"value": "00123", "plan": "1e5"},
    }
    assert sent(nights) == {}


def test_values_that_differ_are_sent_exactly(nights):
    nights.job(PARTS | {"source": "people.jsonl"})
    path = nights.folder / "people.jsonl"
    path.write_text('{"id":"a","n":1,"big":12345678901234567890,"deep":{"x":[1,null]},"t":"x"}\n')
    nights.night()
    path.write_text('{"id":"a","n":1.50,"big":12345678901234567891,"deep":{"x":[1]},"t":"x"}\n')
    bodies = len(nights.server.posted)

    assert sent(nights) == {"a": {"n": 1.5, "big": 12345678901234567891, "deep": {"x": [1]}}}
    assert len(nights.server.posted) == bodies + 1


def test_everything_is_sent_whole_with_full(nights):
    nights.job(PARTS)
    export(nights, *ROWS)
    nights.night()

    assert sent(nights, full=True)["a"] == {"value": "1", "plan": "free"}


def test_who_is_named_by_another_identifier_than_before_is_sent_whole(nights):
    nights.job(PARTS | {"person": {"email": "email"}})
    header = "id,email,value"
    export(nights, "1,a@example.com,x", header=header)
    nights.night()
    export(nights, "1,new@example.com,x", header=header)

    with nights.sending() as found:
        nights.night()

    assert [o["attributes"] for o in found] == [{"id": "1", "value": "x"}]


def test_attributes_that_were_sent_while_no_texts_were_kept_are_not_taken_for_older_ones(nights):
    nights.job(PARTS)
    export(nights, "a,1,free")
    nights.night()
    nights.job(PEOPLE | {"blank": "unset"})
    export(nights, "a,2,free")
    nights.night()
    nights.job(PARTS)
    export(nights, "a,1,paid")
    nights.night()

    assert nights.people() == {"a": {"value": "1", "plan": "paid"}}


def test_a_relationship_that_changed_is_sent_and_one_that_did_not_is_left_out(nights):
    tied = {"object": {"type": "1", "id": "company"}}
    nights.job(PARTS | {"attributes": {"value": "value"}, "relationships": [tied]})
    header = "id,value,company"
    export(nights, "a,1,x", "b,1,x", header=header)
    nights.night()
    export(nights, "a,1,y", "b,2,x", header=header)

    with nights.sending() as found:
        nights.night()

    by_name = {o["identifiers"]["id"]: o for o in found}
    assert by_name["a"]["cio_relationships"][0]["identifiers"]["object_id"] == "y"
    assert "attributes" not in by_name["a"]
    assert by_name["b"]["attributes"] == {"value": "2"}
    assert "cio_relationships" not in by_name["b"]
