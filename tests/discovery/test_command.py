"""`backfill init` as a user runs it."""

from pathlib import Path

import pytest
from end_to_end.command import command

from discovery.drafted import EXPORTS, write

PEOPLE = ["email,first_name,last_name", "a@example.com,Ada,Lovelace"]


def test_it_writes_a_config_that_a_run_takes_unedited(tmp_path):
    ended = command(tmp_path, None, "init", str(EXPORTS / "intercom"))
    place = ("--set", "destination.region=null", "--set", "destination.sandbox=state/workspace.db")
    ran = command(tmp_path, None, "run", "backfill.yaml", "--yes", "--json", *place)

    assert ended.code == 0, ended.text
    assert ran.code == 0, ran.text
    assert ran.told["rows"]["rejected"] == 0


def test_it_tells_each_stream_and_the_next_step(tmp_path):
    write(tmp_path, "people.csv", PEOPLE)

    ended = command(tmp_path, None, "init", "people.csv", "--output", "crm.yaml")

    assert "people: people\n  people.csv, 1 row looked at; certain: has columns" in ended.text
    assert "Next: read it, then backfill plan crm.yaml" in ended.text


def test_as_json_it_is_one_object(tmp_path):
    write(tmp_path, "people.csv", PEOPLE)

    told = command(tmp_path, None, "init", "people.csv", "--json").told

    assert (told["state"], told["config"], told["error"]) == ("written", "backfill.yaml", None)
    assert told["streams"][0]["kind"] == "people"


def test_a_config_that_is_there_is_never_replaced(tmp_path):
    write(tmp_path, "people.csv", PEOPLE)
    (tmp_path / "backfill.yaml").write_text("mine", encoding="utf-8")

    ended = command(tmp_path, None, "init", "people.csv", "--json")

    assert ended.code == 2
    assert "--output" in ended.told["error"]["fix"]
    assert (tmp_path / "backfill.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [(("nowhere.csv",), "there is no such file"), ((), "Missing argument")],
)
def test_what_cannot_be_done_ends_with_2_and_writes_nothing(arguments, what, tmp_path):
    ended = command(tmp_path, None, "init", *arguments, "--json")

    assert ended.code == 2
    assert what in ended.told["error"]["what"]
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    write(tmp_path, "people.csv", PEOPLE)

    ended = command(tmp_path, None, "init", "people.csv", "--output", "nowhere/crm.yaml", "--json")

    assert ended.code == 2
    assert ended.told["error"]["where"] == str(Path("nowhere/crm.yaml"))


def test_paths_start_from_the_config_wherever_it_stands(tmp_path):
    (tmp_path / "configs").mkdir()
    write(tmp_path, "people.csv", PEOPLE)

    command(tmp_path, None, "init", "people.csv", "--output", "configs/crm.yaml")

    text = (tmp_path / "configs" / "crm.yaml").read_text(encoding="utf-8")
    assert "source: ../people.csv" in text
