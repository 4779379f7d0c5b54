"""Undoing a run against a workspace on this machine, as a user does it."""

from __future__ import annotations

import json
import signal
import stat
import time

import httpx
import pytest

from backfill.sandbox import Sandbox, embedded, events_of, person, requests, thing
from tests.end_to_end.command import adds_up, command, ended, start
from tests.planning.test_question import on_a_terminal

from .nights import PEOPLE, export, first_seen_at, night, people, undo, write_job

BEFORE = [{"id": f"p{n}", "plan": "basic", "score": str(n)} for n in range(4)]
CHANGED = [{**row, "plan": "pro", "wrong": "x"} for row in BEFORE]


@pytest.fixture
def folder(tmp_path):
    write_job(tmp_path, PEOPLE)
    return tmp_path


def reasons(told) -> dict[str, int]:
    return {each["why"]: each["entities"] for each in told["streams"][0]["left"]}


def test_after_an_undo_the_workspace_is_what_it_was_before_the_run(folder):
    night(folder, BEFORE)
    before = people(folder)
    run_id = night(folder, [*CHANGED, {"id": "new", "plan": "pro", "wrong": "x"}])
    assert people(folder) != before
    done = undo(folder, run_id)

    assert done.code == 0, done.text
    assert people(folder) == before
    assert adds_up(done.told["rows"])
    assert (done.told["undo"]["set_back"], done.told["undo"]["delete"]) == (4, 1)


def test_a_plan_of_an_undo_tells_names_and_counts_and_changes_nothing(folder):
    night(folder, BEFORE)
    run_id = night(folder, [*CHANGED, {"id": "new", "plan": "secret-plan", "wrong": "x"}])
    before = people(folder)
    beside = sorted(path.name for path in (folder / "state").iterdir())
    planned = undo(folder, run_id, "--plan")

    assert planned.code == 0
    assert people(folder) == before
    assert sorted(path.name for path in (folder / "state").iterdir()) == beside
    assert planned.told["streams"][0]["attributes"] == {"plan": 4, "wrong": 4}
    assert (planned.told["set_back"], planned.told["delete"], planned.told["left"]) == (4, 1, 0)
    assert "secret-plan" not in planned.text + json.dumps(planned.told)
    assert "Nothing was sent." in planned.text


def test_values_are_set_back_digit_by_digit(folder):
    write_job(folder, {**PEOPLE, "source": "people.jsonl"})
    row = '{"id": "1", "big": 12345678901234567890.10, "text": "", "deep": {"b": [1.0, null]}}'
    (folder / "people.jsonl").write_text(row + "\n")
    assert command(folder, None, "run", "job.yaml").code == 0
    before = people(folder)
    (folder / "people.jsonl").write_text('{"id": "1", "big": 1, "text": "a", "deep": 2}\n')
    run_id = command(folder, None, "run", "job.yaml", "--json").told["run_id"]
    undo(folder, run_id)

    assert people(folder) == before


def test_who_existed_before_the_run_is_left_alone_and_listed(folder):
    night(folder, BEFORE)
    run_id = night(folder, [*BEFORE, {"id": "old", "plan": "pro"}, {"id": "new", "plan": "pro"}])
    first_seen_at(folder, "old", int(time.time()) - 86_400)
    done = undo(folder, run_id)
    (listed,) = (folder / "state").glob("*+undo-left.jsonl")

    assert set(people(folder)) == {"p0", "p1", "p2", "p3", "old"}
    assert reasons(done.told["undo"]) == {"first seen in the run, and created before it": 1}
    assert json.loads(listed.read_text())["id"] == "old"


def test_who_was_created_long_after_the_run_is_left_alone(folder):
    night(folder, BEFORE)
    run_id = night(folder, [*BEFORE, {"id": "new", "plan": "pro"}])
    first_seen_at(folder, "new", int(time.time()) + 7_200)
    planned = undo(folder, run_id, "--plan")

    assert reasons(planned.told) == {"first seen in the run, and created after it": 1}


def test_who_is_not_in_the_workspace_any_more_is_neither_deleted_nor_brought_back(folder):
    night(folder, BEFORE)
    run_id = night(folder, [*CHANGED, {"id": "new", "plan": "pro"}])
    operations = [
        {"type": "person", "action": "delete", "identifiers": {"id": each}}
        for each in ("new", "p0")
    ]
    with embedded(Sandbox(folder / "workspace.db", "site", "key")) as address:
        body = {"batch": operations}
        httpx.post(f"{address}/api/v2/batch", json=body, auth=("site", "key")).raise_for_status()
    done = undo(folder, run_id)

    assert set(people(folder)) == {"p1", "p2", "p3"}
    assert reasons(done.told["undo"]) == {
        "first seen in the run, and not found in the workspace": 1
    }


def test_without_a_key_of_the_app_api_nobody_is_deleted(folder):
    write_job(folder, PEOPLE, region="us")
    with embedded(Sandbox(folder / "workspace.db", "site", "key-nobody-may-see")) as address:
        night(folder, BEFORE, address)
        run_id = night(folder, [*BEFORE, {"id": "new", "plan": "pro"}], address)
        told = undo(folder, run_id, address=address).told["undo"]
    (why,) = reasons(told)

    assert "CUSTOMERIO_APP_API_KEY" in why
    assert "new" in people(folder)


def test_with_the_key_of_the_app_api_who_was_created_is_deleted(folder):
    write_job(folder, PEOPLE, region="us")
    keys = ("site", "key-nobody-may-see", "app-key")
    with embedded(Sandbox(folder / "workspace.db", *keys)) as address:
        night(folder, BEFORE, address)
        many = [{"id": f"new{n}", "plan": "pro"} for n in range(230)]
        run_id = night(folder, [*BEFORE, *many], address)
        asked = ("undo", "job.yaml", run_id, "--json")
        done = ended(start(folder, address, *asked, CUSTOMERIO_APP_API_KEY="app-key"))

    assert done.code == 0, done.text
    assert set(people(folder)) == {"p0", "p1", "p2", "p3"}


def test_a_wrong_key_of_the_app_api_stops_it_before_anything_is_sent(folder):
    write_job(folder, PEOPLE, region="us")
    with embedded(Sandbox(folder / "workspace.db", "site", "key-nobody-may-see")) as address:
        night(folder, BEFORE, address)
        run_id = night(folder, [*CHANGED, {"id": "new", "plan": "pro"}], address)
        before = people(folder)
        asked = ("undo", "job.yaml", run_id, "--json")
        done = ended(start(folder, address, *asked, CUSTOMERIO_APP_API_KEY="wrong-key"))

    assert done.code == 1
    assert "CUSTOMERIO_APP_API_KEY" in done.told["error"]["fix"]
    assert "wrong-key" not in done.text
    assert people(folder) == before
    assert not list((folder / "state").glob("*+undo*.jsonl"))


def test_who_was_changed_again_since_is_left_alone_and_counted(folder):
    night(folder, BEFORE)
    run_id = night(folder, CHANGED)
    night(folder, [{**CHANGED[0], "plan": "max"}, {**CHANGED[1], "plan": "max"}, *CHANGED[2:]])
    night(folder, [{**CHANGED[0], "plan": "ultra"}, {**CHANGED[1], "plan": "max"}, *CHANGED[2:]])
    done = undo(folder, run_id)
    plans = {name: values["plan"] for name, values in people(folder).items()}

    assert reasons(done.told["undo"]) == {"changed again since, by 1 later run": 2}
    assert plans == {"p0": '"ultra"', "p1": '"max"', "p2": '"basic"', "p3": '"basic"'}


def test_who_vanished_in_the_run_is_left_alone(folder):
    night(folder, BEFORE)
    run_id = night(folder, [CHANGED[0]])
    told = undo(folder, run_id, "--plan").told

    assert told["set_back"] == 1
    assert list(reasons(told).values()) == [3]


def test_what_a_blank_may_have_left_there_is_not_taken_away(folder):
    night(folder, [{"id": "1", "x": "a", "y": "1"}, {"id": "2", "x": "b", "y": "1"}])
    night(folder, [{"id": "1", "x": "", "y": "2"}, {"id": "2", "x": "b", "y": "1"}])
    rows = [{"id": "1", "x": "wrong", "y": "3"}, {"id": "2", "x": "wrong", "y": "1"}]
    run_id = night(folder, rows)
    [planned] = undo(folder, run_id, "--plan").told["streams"]
    undo(folder, run_id)

    assert people(folder) == {
        "1": {"x": '"wrong"', "y": '"2"'},
        "2": {"x": '"b"', "y": '"1"'},
    }
    assert ["blank" in each["why"] for each in planned["stays"]] == [True]


def test_a_run_that_told_everybody_the_same_does_not_stand_between(folder):
    night(folder, BEFORE)
    run_id = night(folder, CHANGED)
    wrong = people(folder)
    command(folder, None, "run", "job.yaml", "--json", "--full")
    assert people(folder) == wrong
    told = undo(folder, run_id, "--plan").told

    assert told["set_back"] == 4


def test_whom_an_undo_deletes_every_stream_tells_everything_again(folder):
    scores = PEOPLE | {"name": "scores", "source": "scores.csv", "changes": {"key": "id"}}
    write_job(folder, PEOPLE, scores | {"attributes": {"score": "score"}, "vanished": "ignore"})
    export(folder, [{"id": "1", "score": "5"}], "scores.csv")
    night(folder, [{"id": "1", "plan": "a"}])
    export(folder, [{"id": "1", "score": "5"}, {"id": "9", "score": "6"}], "scores.csv")
    run_id = night(folder, [{"id": "1", "plan": "a"}, {"id": "9", "plan": "a"}])
    assert undo(folder, run_id).code == 0
    assert set(people(folder)) == {"1"}
    night(folder, [{"id": "1", "plan": "b"}, {"id": "9", "plan": "a"}])

    assert people(folder)["9"] == {"plan": '"a"', "score": '"6"'}


def test_the_next_run_sends_again_who_was_undone(folder):
    night(folder, BEFORE)
    rows = [*CHANGED, {"id": "new", "plan": "pro", "wrong": "x"}]
    run_id = night(folder, rows)
    wrong = people(folder)
    undo(folder, run_id)
    export(folder, [*rows, {"id": "later", "plan": "pro", "wrong": "x"}])
    again = command(folder, None, "run", "job.yaml", "--json")
    found = people(folder)
    del found["later"]

    assert again.told["rows"]["delivered"] == 6
    assert found == wrong


@pytest.mark.parametrize("send", ["operation", "changed_attributes"])
def test_after_an_undo_a_mended_export_is_sent_as_it_is(folder, send):
    changes = {**PEOPLE["changes"], "send": send}
    write_job(folder, {**PEOPLE, "changes": changes})
    night(folder, BEFORE)
    run_id = night(folder, CHANGED)
    undo(folder, run_id)
    night(folder, [{**CHANGED[0], "plan": "pro"}, *BEFORE[1:]])
    plans = {name: values["plan"] for name, values in people(folder).items()}

    assert plans == {"p0": '"pro"', "p1": '"basic"', "p2": '"basic"', "p3": '"basic"'}


def test_an_undo_can_be_undone(folder):
    night(folder, BEFORE)
    run_id = night(folder, CHANGED)
    wrong = people(folder)
    done = undo(folder, run_id)
    undo(folder, done.told["run_id"])

    assert people(folder) == wrong


def test_an_undo_that_is_done_does_nothing_again(folder):
    night(folder, BEFORE)
    run_id = night(folder, CHANGED)
    undo(folder, run_id)
    before = len(requests(folder / "workspace.db"))
    again = undo(folder, run_id)

    assert again.code == 0
    assert again.told["undo"]["undone"] == 4
    assert len(requests(folder / "workspace.db")) == before


def test_mail_that_the_run_stopped_stays_stopped(folder):
    night(folder, [{"id": "1", "unsubscribed": "false", "plan": "a"}, {"id": "2", "plan": "a"}])
    run_id = night(
        folder,
        [{"id": "1", "unsubscribed": "true", "plan": "b"}, {"id": "2", "unsubscribed": "true"}],
    )
    undo(folder, run_id)
    found = people(folder)

    assert [found[each]["unsubscribed"] for each in ("1", "2")] == ["true", "true"]
    assert found["1"]["plan"] == '"a"'


def test_mail_that_the_run_started_is_stopped_again(folder):
    night(folder, [{"id": "1", "unsubscribed": "true"}])
    run_id = night(folder, [{"id": "1", "unsubscribed": "false"}])
    undo(folder, run_id)

    assert people(folder)["1"]["unsubscribed"] == "true"


def test_identifiers_and_relationships_are_told_and_stay(folder):
    ties = [{"object": {"type": "1", "id": "company"}}]
    who = {"id": "id", "email": "email"}
    write_job(folder, {**PEOPLE, "person": who, "relationships": ties})
    row = {"id": "1", "email": "a@example.com", "plan": "a", "company": "c1"}
    night(folder, [row])
    run_id = night(folder, [{**row, "email": "b@example.com", "plan": "b", "company": "c2"}])
    told = undo(folder, run_id).told["undo"]
    found = person(folder / "workspace.db", "id", "1")

    assert found["email"] == "b@example.com"
    assert found["attributes"]["plan"] == "a"
    assert [tie["id"] for tie in found["relationships"]] == ["c1", "c2"]
    assert sum(each["entities"] for each in told["streams"][0]["stays"]) == 2


def test_events_and_streams_that_keep_nothing_are_told(folder):
    event = {"name": "order", "timestamp": "at", "key": "id"}
    orders = {"name": "orders", "source": "orders.csv", "person": {"id": "id"}, "event": event}
    plain = {"name": "plain", "source": "people.csv", "person": {"id": "id"}, "attributes": "*"}
    write_job(folder, PEOPLE, orders, plain | {"existing_only": True})
    export(folder, [{"id": "p0", "at": "1500000000"}], "orders.csv")
    night(folder, BEFORE)
    export(
        folder, [{"id": "p0", "at": "1500000000"}, {"id": "p1", "at": "1500000001"}], "orders.csv"
    )
    run_id = night(folder, CHANGED)
    done = undo(folder, run_id)

    assert done.told["undo"]["irreversible"]["orders"] == "events cannot be undone"
    assert "keep_previous" in done.told["undo"]["irreversible"]["plain"]
    assert len(events_of(folder / "workspace.db", "id", "p1")) == 1


def test_an_object_is_set_back_and_not_deleted(folder):
    company = {"type": {"value": "1"}, "id": "id"}
    write_job(folder, {k: v for k, v in PEOPLE.items() if k != "person"} | {"object": company})
    night(folder, [{"id": "c1", "size": "1"}])
    run_id = night(folder, [{"id": "c1", "size": "2", "wrong": "x"}, {"id": "c2", "size": "9"}])
    told = undo(folder, run_id).told["undo"]
    assert thing(folder / "workspace.db", "1", "c1")["attributes"] == {"size": "1"}
    assert thing(folder / "workspace.db", "1", "c2") is not None
    assert (told["set_back"], told["delete"], told["left"]) == (1, 0, 1)


def test_a_row_with_a_time_of_its_own_is_not_dropped_once_the_export_is_mended(folder):
    write_job(folder, {**PEOPLE, "timestamp": "at"})
    night(folder, [{"id": "1", "plan": "a", "at": "1500000000"}])
    run_id = night(folder, [{"id": "1", "plan": "wrong", "at": "1600000000"}])
    undo(folder, run_id)
    undone = people(folder)["1"]["plan"]
    night(folder, [{"id": "1", "plan": "right", "at": "1600000000"}])

    assert (undone, people(folder)["1"]["plan"]) == ('"a"', '"right"')


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_undo_that_is_interrupted_goes_on(folder, how):
    rows = [{"id": f"p{n}", "plan": "basic"} for n in range(300)]
    write_job(folder, PEOPLE)
    night(folder, rows)
    before = people(folder)
    new = [{"id": f"n{n}", "plan": "pro"} for n in range(40)]
    run_id = night(folder, [*({**row, "plan": "pro"} for row in rows), *new])
    slow = ("--set", "destination.operations_per_s=100")
    undoing = start(folder, None, "undo", "job.yaml", run_id, "--json", *slow)
    while not any(values["plan"] == '"basic"' for values in people(folder).values()):
        assert undoing.poll() is None, undoing.communicate()
        time.sleep(0.02)
    undoing.send_signal(how)
    broken = ended(undoing)
    assert people(folder) != before
    done = undo(folder, run_id)

    assert broken.code == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert done.code == 0, done.text
    assert "goes on" in done.text
    assert people(folder) == before
    assert done.told["rows"]["delivered"] == 340
    assert adds_up(done.told["rows"])


def test_a_run_between_two_parts_of_an_undo_is_not_undone(folder):
    rows = [{"id": f"p{n}", "plan": "basic"} for n in range(300)]
    night(folder, rows)
    run_id = night(folder, [{**row, "plan": "pro"} for row in rows])
    slow = ("--set", "destination.operations_per_s=100")
    undoing = start(folder, None, "undo", "job.yaml", run_id, "--json", *slow)
    while not any(values["plan"] == '"basic"' for values in people(folder).values()):
        time.sleep(0.02)
    undoing.send_signal(signal.SIGINT)
    ended(undoing)
    night(folder, [{**row, "plan": "max"} for row in rows])
    done = undo(folder, run_id)

    assert done.code == 0, done.text
    assert {values["plan"] for values in people(folder).values()} == {'"max"'}


def test_while_a_run_is_alive_nothing_is_undone(folder):
    night(folder, BEFORE)
    run_id = night(folder, CHANGED)
    export(folder, [{"id": f"p{n}", "plan": "x"} for n in range(300)])
    running = start(folder, None, "run", "job.yaml", "--set", "destination.operations_per_s=50")
    while not (folder / "state" / "job.checkpoint.lock").read_text():
        time.sleep(0.02)
    refused = undo(folder, run_id, "--plan")
    running.send_signal(signal.SIGINT)
    ended(running)

    assert refused.code == 2
    assert "in use" in refused.told["error"]["what"]


def test_of_an_unknown_run_the_last_that_can_be_undone_are_named(folder):
    first = night(folder, BEFORE)
    done = undo(folder, "../20200101T000000Z-abcdef", "--plan")

    assert done.code == 2
    assert first in done.told["error"]["fix"]


def test_a_job_that_keeps_nothing_says_how_to_keep_it(folder):
    write_job(folder, {**PEOPLE, "changes": {"key": "id"}})
    run_id = night(folder, BEFORE)
    done = undo(folder, run_id)

    assert done.code == 2
    assert "keep_previous" in done.told["error"]["fix"]


def test_what_was_sent_before_it_was_kept_cannot_be_set_back(folder):
    write_job(folder, {**PEOPLE, "changes": {"key": "id"}})
    night(folder, BEFORE)
    write_job(folder, PEOPLE)
    run_id = night(folder, CHANGED)
    told = undo(folder, run_id).told["undo"]

    assert reasons(told) == {"what was sent before is not kept": 4}


@pytest.mark.parametrize("between", [{"changes": {"key": "id"}}, {"changes": None}])
def test_who_was_told_something_while_nothing_was_kept_is_left_alone(folder, between):
    night(folder, BEFORE)
    run_id = night(folder, CHANGED)
    told = {name: value for name, value in {**PEOPLE, **between}.items() if value}
    if not between["changes"]:
        told = {name: told[name] for name in told if "vanished" not in name}
    write_job(folder, told)
    export(folder, [{**CHANGED[0], "plan": "max"}, *CHANGED[1:]])
    command(folder, None, "run", "job.yaml", "--fresh")
    write_job(folder, PEOPLE)
    left = undo(folder, run_id, "--plan").told["left"]

    assert left == (1 if between["changes"] else 4)


def test_a_mended_export_that_says_what_was_set_back_sends_nothing(folder):
    night(folder, BEFORE)
    run_id = night(folder, [{**row, "plan": "pro"} for row in BEFORE])
    undo(folder, run_id)
    export(folder, [*BEFORE, {"id": "p9", "plan": "basic", "score": "9"}])
    again = command(folder, None, "run", "job.yaml", "--json")

    assert again.told["rows"]["delivered"] == 1


def test_what_the_api_refuses_is_rejected_and_sent_again_by_the_next_run(folder):
    write_job(folder, PEOPLE, region="us")

    def refuse(operation):
        is_undo = operation["attributes"].get("_update", False)
        return "no" if is_undo and operation["identifiers"]["id"] == "p1" else None

    sandbox = Sandbox(folder / "workspace.db", "site", "key-nobody-may-see", refuse=refuse)
    with embedded(sandbox) as address:
        night(folder, BEFORE, address)
        run_id = night(folder, CHANGED, address)
        done = undo(folder, run_id, address=address)
        undone = {name: values["plan"] for name, values in people(folder).items()}
        export(folder, [*CHANGED, {"id": "p9", "plan": "pro"}])
        again = command(folder, address, "run", "job.yaml", "--json")

    assert done.code == 3
    assert undone == {"p0": '"basic"', "p1": '"pro"', "p2": '"basic"', "p3": '"basic"'}
    assert again.told["rows"]["delivered"] == 5


def test_a_run_that_was_broken_off_is_undone_and_goes_on_with_what_it_had_not_done(folder):
    rows = [{"id": f"p{n}", "plan": "basic"} for n in range(300)]
    night(folder, rows)
    export(folder, [{**row, "plan": "pro"} for row in rows])
    slow = ("--set", "destination.operations_per_s=100")
    running = start(folder, None, "run", "job.yaml", "--json", *slow)
    while not any(values["plan"] == '"pro"' for values in people(folder).values()):
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    broken = ended(running).told
    done = undo(folder, broken["run_id"])

    assert {values["plan"] for values in people(folder).values()} == {'"basic"'}
    assert done.told["rows"]["delivered"] == broken["rows"]["delivered"]
    assert "is not finished" in done.told["undo"]["warnings"][0]


@pytest.mark.parametrize(("answer", "code", "plan"), [(b"n\n", 1, "pro"), (b"y\n", 0, "basic")])
def test_on_a_terminal_it_asks_first(folder, answer, code, plan):
    write_job(folder, PEOPLE, region="us")
    with embedded(Sandbox(folder / "workspace.db", "site", "key-nobody-may-see")) as address:
        night(folder, BEFORE, address)
        run_id = night(folder, CHANGED, address)
        words = ("undo", "job.yaml", run_id)
        shown = on_a_terminal(folder, address, words=words, answer=answer)
    lists = list((folder / "state").glob("*+undo*.jsonl"))

    assert "Set 4 back and delete 0 (region: us)?" in shown.asked
    assert shown.code == code
    assert people(folder)["p0"]["plan"] == f'"{plan}"'
    assert bool(lists) == (code == 0)


def test_the_lists_are_for_their_owner_alone(folder):
    night(folder, BEFORE)
    run_id = night(folder, [*CHANGED, {"id": "new", "plan": "pro"}])
    undo(folder, run_id)
    lists = list((folder / "state").glob("*+undo*.jsonl"))

    assert len(lists) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in lists} == {0o600}
