"""Who is taken for gone, and who is not: nobody is deleted for a file that was not whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backfill.errors import ConfigError, DeliveryError, GuardError
from tests.end_to_end.command import command

from .nights import PEOPLE, Nights

COUNT = 40
DELETING = PEOPLE | {"vanished": "delete", "max_vanished": "50%"}
OBJECTS = {
    "name": "companies",
    "source": "people.csv",
    "object": {"type": {"column": "type"}, "id": "id"},
    "attributes": "*",
    "changes": {"key": ["type", "id"]},
    "vanished": "delete",
    "max_vanished": "50%",
}
TOO_LONG = "x" * 1_001


def rows(*left_out: int, count: int = COUNT, value: str = "v") -> list[str]:
    return [f"p{n},{value}{n}" for n in range(count) if n not in left_out]


def export(nights: Nights, lines: list[str], header: str = "id,value", name="people.csv") -> Path:
    path = nights.folder / name
    path.write_text("\n".join([header, *lines, ""]))
    return path


@pytest.fixture
def loaded(nights: Nights) -> Nights:
    """A workspace that forty people were loaded into."""
    nights.job(DELETING)
    export(nights, rows())
    nights.night()
    assert len(nights.people()) == COUNT
    return nights


def kept(nights: Nights, **options: object) -> list[dict]:
    """Run; nobody goes."""
    with nights.sending() as sent:
        nights.night(**options)
    assert {o["action"] for o in sent} <= {"identify"}
    assert {f"p{n}" for n in range(COUNT)} <= set(nights.people())
    return sent


def test_who_has_no_row_any_more_is_deleted_after_all_else(loaded):
    later = {"name": "later", "source": "later.csv", "person": {"id": "id"}, "attributes": "*"}
    loaded.job(DELETING, later | {"changes": {"key": "id"}})
    export(loaded, [*rows(3, 5), "new,1"])
    export(loaded, [f"q{n},1" for n in range(5)], name="later.csv")

    with loaded.sending() as sent:
        closing = loaded.night()

    names = [(o["action"], o["identifiers"]["id"]) for o in sent]
    assert names[-2:] == [("delete", "p3"), ("delete", "p5")] or sorted(names[-2:]) == [
        ("delete", "p3"),
        ("delete", "p5"),
    ]
    assert [action for action, _ in names[:-2]] == ["identify"] * 6
    assert not {"p3", "p5"} & set(loaded.people())
    assert list(closing.counts) == ["people", "later", "people+vanished"]
    assert not [text for text in loaded.heard if "missing_key" in text or "spelled" in text]


def test_who_was_deleted_is_deleted_once_and_is_new_when_back(loaded):
    export(loaded, rows(3))
    loaded.night()
    export(loaded, [*rows(3), "new,1"])
    with loaded.sending() as sent:
        loaded.night()
    assert [o["identifiers"]["id"] for o in sent] == ["new"]

    export(loaded, [*rows(), "new,1"])
    with loaded.sending() as sent:
        loaded.night()

    assert [(o["action"], o["identifiers"]["id"]) for o in sent] == [("identify", "p3")]
    assert loaded.people()["p3"] == {"value": "v3"}


def test_nobody_vanishes_with_a_limit(loaded):
    export(loaded, rows(3, value="w"))

    assert len(kept(loaded, limit=10)) <= 10


def test_nobody_vanishes_from_a_part_of_the_job(loaded):
    export(loaded, rows(3, value="w"))

    with loaded.sending() as sent:
        loaded.night(of=("people", None))

    assert len(sent) == COUNT - 1
    assert {o["action"] for o in sent} == {"identify"}


def test_nobody_vanishes_with_a_source_of_mended_rows_and_they_are_remembered(loaded):
    mended = export(loaded, ["p7,mended"], name="mended.csv")
    with loaded.sending() as sent:
        loaded.night(of=("people", mended))
    assert [o["attributes"]["value"] for o in sent] == ["mended"]

    export(loaded, [*rows(7), "p7,mended"])
    assert kept(loaded) == []


@pytest.mark.parametrize("header", ["id,value\n", "id,value", "id,value\n\n\n"])
def test_nobody_vanishes_from_a_source_without_rows(loaded, header):
    (loaded.folder / "people.csv").write_text(header)

    assert kept(loaded) == []
    assert any("vanished_ignored" in text for text in loaded.heard)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(",no key", id="blank key"),
        pytest.param("p3", id="one cell"),
        pytest.param("p3,1,2", id="three cells"),
        pytest.param("p3,\udcff", id="no text"),
        pytest.param('"   ",v', id="key of spaces"),
        pytest.param(f"{'p' * 151},v", id="key too long"),
    ],
)
def test_nobody_vanishes_where_a_row_cannot_be_told(loaded, broken):
    text = "\n".join(["id,value", *rows(3), broken, ""])
    (loaded.folder / "people.csv").write_bytes(text.encode(errors="surrogateescape"))

    assert kept(loaded) == []
    [told] = [text for text in loaded.heard if "vanished_ignored" in text]
    assert f"the first is row {COUNT} of people.csv" in told


@pytest.mark.parametrize("key", ['"  "', "{}", "[3]", "true", '""', "null"])
def test_nobody_vanishes_where_a_key_of_json_names_nobody(nights, key):
    nights.job(DELETING | {"source": "people.jsonl"})
    lines = [f'{{"id":"p{n}","value":"v"}}\n' for n in range(COUNT)]
    (nights.folder / "people.jsonl").write_text("".join(lines))
    nights.night()
    lines[3] = f'{{"id":{key},"value":"v"}}\n'
    (nights.folder / "people.jsonl").write_text("".join(lines))

    assert kept(nights) == []
    assert any("vanished_ignored" in text for text in nights.heard)


@pytest.mark.parametrize("broken", ["1,,v", ",p1,v", "x,p1,v", '1," ",v', "0,p1,v"])
def test_no_object_vanishes_where_a_part_of_a_key_names_nothing(nights, broken):
    nights.job(OBJECTS)
    export(nights, [f"1,p{n},v" for n in range(4)], header="type,id,value")
    nights.night()
    export(nights, ["1,p0,v", broken, "1,p2,v", "1,p3,v"], header="type,id,value")

    with nights.sending() as sent:
        nights.night()

    assert sent == []
    assert any("vanished_ignored" in text for text in nights.heard)


@pytest.mark.parametrize("written", [" p3", "p3 ", "\tp3"])
def test_who_is_written_with_white_space_around_does_not_vanish_in_any_night(loaded, written):
    sent = []
    for night in range(3):
        export(loaded, [*rows(3, 9), f"p9,{night}", f"{written},v3"])
        sent += kept(loaded)
        assert any("vanished_ignored" in text for text in loaded.heard)
    assert sorted(o["identifiers"]["id"] for o in sent) == sorted(["p9"] * 3 + [written])


def test_a_rejected_row_keeps_its_person(loaded):
    export(loaded, [*rows(3), f"p3,{TOO_LONG}"])

    assert kept(loaded) == []
    assert "p3" in loaded.people()


def test_a_row_that_the_api_refuses_keeps_its_person(loaded):
    loaded.refuses = lambda o: o["attributes"].get("value") == "bad"
    export(loaded, [*rows(3), "p3,bad"])
    kept(loaded)

    export(loaded, [*rows(3), "p3,bad"])
    kept(loaded)


def test_a_filtered_row_keeps_its_person(loaded):
    loaded.job(DELETING | {"where": "value != 'v3'"})

    assert kept(loaded) == []
    with loaded.sending() as sent:
        loaded.night()
    assert sent == []


def test_a_repeated_key_keeps_its_person_and_its_last_row_counts(loaded):
    export(loaded, ["p3,first", *rows(3), "p3,last", "p3,v3"])
    assert kept(loaded) == []

    export(loaded, ["p3,v3", *rows(3), "p3,last"])
    assert [o["attributes"]["value"] for o in kept(loaded)] == ["last"]


@pytest.mark.parametrize("is_full", [False, True])
def test_over_max_vanished_nothing_is_sent_and_nothing_is_forgotten(loaded, is_full):
    loaded.job(DELETING | {"max_vanished": 3})
    before, checkpoint = loaded.remembered(), (loaded.folder / "state/job.checkpoint").read_bytes()
    export(loaded, [*rows(1, 2, 3, 4), "new,1", "p9,changed"])

    with loaded.sending() as sent, pytest.raises(GuardError) as raised:
        loaded.night(full=is_full)

    assert sent == []
    assert "4 of 40" in raised.value.what
    assert "people.csv" in raised.value.where
    assert "--set streams.people.max_vanished=4" in raised.value.fix
    assert loaded.remembered() == before
    assert (loaded.folder / "state/job.checkpoint").read_bytes() == checkpoint

    export(loaded, [*rows(1, 2, 3), "new,1"])
    with loaded.sending() as sent:
        loaded.night()
    assert [o["action"] for o in sent] == ["identify", "delete", "delete", "delete"]


def test_over_max_vanished_nothing_is_sent_of_a_run_that_starts_anew_either(loaded):
    loaded.job(DELETING | {"max_vanished": 3})
    export(loaded, rows(1, 2, 3, 4))

    with loaded.sending() as sent, pytest.raises(GuardError):
        loaded.night(fresh=True)

    assert sent == []
    assert list(loaded.folder.glob("state/job.checkpoint.2*")) == []


def test_the_command_ends_with_1_over_max_vanished_and_what_it_says_helps(loaded):
    loaded.job(DELETING | {"max_vanished": "5%"})
    export(loaded, rows(1, 2, 3))

    with loaded.sending() as sent:
        stopped = loaded.run()
        allowed = loaded.run("--set", "streams.people.max_vanished=3")

    assert (stopped.code, allowed.code) == (1, 0), stopped.text + allowed.text
    assert "--set streams.people.max_vanished=3" in json.dumps(stopped.told)
    assert [o["action"] for o in sent] == ["delete"] * 3


def test_why_nobody_vanished_stands_in_the_report_as_well(loaded):
    path = export(loaded, rows(3))
    path.write_text(path.read_text() + ",no key\n")
    run = loaded.run()
    page = (loaded.folder / run.told["report"]).read_text()

    assert "nothing is done about them: the key of 1 row" in page


def test_a_plan_lists_who_would_vanish_and_leaves_them(loaded):
    export(loaded, rows(3, 5))
    told = command(loaded.folder, loaded.server.address, "plan", "job.yaml").text
    path = loaded.folder / "state/job.checkpoint.changes-people+vanished.planned.jsonl"

    assert "2 known keys have no row any more: each of them is deleted" in told
    assert str(path.relative_to(loaded.folder)) in told
    assert {json.loads(line)["id"] for line in path.read_text().splitlines()} == {"p3", "p5"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(loaded.people()) == COUNT


def test_two_vanished_of_forty_are_borne_by_5_percent_and_three_are_not(loaded):
    loaded.job(DELETING | {"max_vanished": "5%"})
    export(loaded, rows(1, 2, 3))
    with pytest.raises(GuardError):
        loaded.night()
    export(loaded, rows(1, 2))

    loaded.night()

    assert len(loaded.people()) == COUNT - 2


def test_max_vanished_of_0_bears_nobody(loaded):
    loaded.job(DELETING | {"max_vanished": 0})
    export(loaded, rows(1))

    with pytest.raises(GuardError):
        loaded.night()


def test_who_vanished_before_anybody_was_to_vanish_stops_no_night_and_stays(nights):
    nights.job(PEOPLE)
    export(nights, rows())
    nights.night()
    export(nights, rows(*range(10)))
    nights.night()
    nights.job(DELETING | {"max_vanished": 2})
    export(nights, [*rows(*range(10)), "new,1"])

    with nights.sending() as sent:
        nights.night()
    assert [o["identifiers"]["id"] for o in sent] == ["new"]
    assert any("vanished_unnamed" in text for text in nights.heard)

    nights.night(full=True)
    export(nights, [*rows(*range(12)), "new,1"])
    with nights.sending() as sent:
        nights.night()
    assert sorted((o["action"], o["identifiers"]["id"]) for o in sent) == [
        ("delete", "p10"),
        ("delete", "p11"),
    ]
    export(nights, rows(*range(13)))
    with pytest.raises(GuardError, match="2 of") as raised:
        nights.night("streams.people.max_vanished=1")
    assert "max_vanished=2" in raised.value.fix


def test_who_vanished_can_be_marked_and_is_never_made_anew(nights):
    nights.job(PEOPLE | {"vanished": {"set": {"is_customer": False}}, "max_vanished": "50%"})
    export(nights, rows(count=4))
    nights.night()
    export(nights, rows(1, count=4))

    with nights.sending() as sent:
        nights.night()

    assert [(o["identifiers"], o["attributes"]) for o in sent] == [
        ({"id": "p1"}, {"is_customer": False, "_update": True})
    ]
    assert nights.people()["p1"] == {"value": "v1", "is_customer": False}


def test_who_vanished_can_be_suppressed(nights):
    nights.job(PEOPLE | {"vanished": "suppress", "max_vanished": "50%"})
    export(nights, rows(count=4))
    nights.night()
    export(nights, rows(1, count=4))

    with nights.sending() as sent:
        nights.night()

    assert [o["action"] for o in sent] == ["suppress"]
    assert set(nights.people()) == {"p0", "p2", "p3"}


def test_objects_vanish_as_people_do(nights):
    companies = {
        "name": "companies",
        "source": "companies.csv",
        "object": {"type": {"value": "1"}, "id": "id"},
        "attributes": "*",
        "changes": {"key": "id"},
        "vanished": "delete",
        "max_vanished": "50%",
    }
    nights.job(companies)
    export(nights, rows(count=4), name="companies.csv")
    nights.night()
    export(nights, rows(1, count=4), name="companies.csv")

    with nights.sending() as sent:
        nights.night()

    assert [(o["action"], o["identifiers"]) for o in sent] == [
        ("delete", {"object_type_id": "1", "object_id": "p1"})
    ]


def test_a_row_of_another_letter_case_is_not_deleted_with_its_old_one(nights):
    by_email = DELETING | {"person": {"email": "email"}, "changes": {"key": "email"}}
    nights.job(by_email)
    export(nights, ["Ann@example.com,1", "bob@example.com,2"], header="email,value")
    nights.night()

    export(nights, ["ann@example.com,1", "bob@example.com,2"], header="email,value")
    nights.night()

    assert len(nights.people()) == 2


@pytest.mark.parametrize(
    ("person", "key"),
    [
        ({"id": "id"}, "email"),
        ({"id": "id"}, ["id", "value"]),
        ({"id": "id", "email": "email"}, "email"),
        ({"id": "id", "email": "email"}, ["id", "email"]),
        ({"id": {"value": "1"}}, "id"),
    ],
)
def test_a_key_that_could_vanish_while_its_person_stays_is_refused(nights, person, key):
    nights.job(DELETING | {"person": person, "changes": {"key": key}})
    export(nights, ["1,a@example.com,v"], header="id,email,value")

    with pytest.raises(ConfigError, match=r"changes\.key is exactly that"):
        nights.night()


def test_objects_by_the_server_s_own_id_cannot_vanish(nights):
    stream = {"name": "companies", "source": "people.csv", "object": {"cio_object_id": "id"}}
    stream |= {"attributes": "*", "changes": {"key": "id"}, "vanished": "delete"}
    nights.job(stream)
    export(nights, rows(count=4))

    with pytest.raises(ConfigError, match="vanished acts on whom no column names"):
        nights.night()


REGIONS = [
    DELETING | {"name": name, "source": f"{name}.csv", "max_vanished": "100%"}
    for name in ("eu", "us")
]


def moved(nights: Nights, eu: list[str], us: list[str]) -> list[tuple[str, str]]:
    """Run a night of two exports of people; what is deleted."""
    export(nights, eu, name="eu.csv")
    export(nights, us, name="us.csv")
    with nights.sending() as sent:
        nights.night()
    return sorted(o["identifiers"]["id"] for o in sent if o["action"] == "delete")


@pytest.mark.parametrize("other", ["delete", "ignore"])
def test_who_moves_to_another_stream_is_deleted_only_when_gone_from_both(nights, other):
    nights.job(REGIONS[0], REGIONS[1] | {"vanished": other})
    moved(nights, ["p1,v", "p4,v"], ["p2,v"])

    assert moved(nights, ["p1,v"], ["p2,v", "p4,v"]) == []
    assert any("vanished_elsewhere" in text for text in nights.heard)
    assert moved(nights, ["p1,w"], ["p2,v", "p4,v"]) == []
    assert set(nights.people()) == {"p1", "p2", "p4"}
    assert set(moved(nights, ["p1,w"], ["p2,v"])) == {"p4"}
    assert set(nights.people()) == {"p1", "p2"}


@pytest.mark.parametrize("us", [[], ["p2,v", " p4,v"], ["p2,v", " ,v"]])
def test_nobody_vanishes_while_another_stream_that_may_name_them_is_not_whole(nights, us):
    nights.job(*REGIONS)
    moved(nights, ["p1,v", "p4,v"], ["p2,v"])

    assert moved(nights, ["p1,v"], us) == []
    assert {"p1", "p2", "p4"} <= set(nights.people())


@pytest.mark.parametrize(
    "other",
    [
        {"changes": None, "vanished": "ignore"},
        {"person": {"email": "value"}, "changes": {"key": "value"}},
        {"changes": {"key": ["id", "value"]}, "vanished": "ignore"},
    ],
)
def test_streams_that_may_name_whom_another_deletes_are_compared_by_the_same_key(nights, other):
    shape = {key: value for key, value in (REGIONS[1] | other).items() if value is not None}
    nights.job(REGIONS[0], shape)

    with pytest.raises(ConfigError, match=r"stream eu could act on whom stream us names"):
        moved(nights, ["p1,v"], ["p2,v"])


def test_a_stream_that_brings_nobody_to_life_keeps_nobody(nights):
    scores = {"name": "us", "source": "us.csv", "person": {"id": "id"}, "attributes": "*"}
    nights.job(REGIONS[0], scores | {"existing_only": True})
    moved(nights, ["p1,v", "p4,v"], ["p4,v"])

    assert moved(nights, ["p1,v"], ["p4,v"]) == ["p4"]


def of_files(nights: Nights, **files: list[str]) -> list[str]:
    """Run a night of people in several files; what is deleted."""
    for path in nights.folder.glob("part-*.csv"):
        path.unlink()
    for name, lines in files.items():
        export(nights, lines, name=f"part-{name}.csv")
    with nights.sending() as sent:
        nights.night()
    return [o["identifiers"]["id"] for o in sent if o["action"] == "delete"]


@pytest.mark.parametrize(
    "left", [{"a": ["p1,v"]}, {"a": ["p1,v"], "b": []}, {"b": [], "c": ["p1,v"]}]
)
def test_nobody_vanishes_with_a_file_that_is_empty_or_missing(nights, left):
    nights.job(DELETING | {"source": "part-*.csv", "max_vanished": "100%"})
    of_files(nights, a=["p1,v"], b=["p2,v"])

    assert of_files(nights, **left) == []
    assert any("vanished_ignored" in text and "part-b.csv" in text for text in nights.heard)


def test_nobody_vanishes_while_a_file_is_missing_until_somebody_says_how_many(nights):
    nights.job(DELETING | {"source": "part-*.csv", "max_vanished": "100%"})
    of_files(nights, a=["p1,v"], b=["p2,v"])

    assert of_files(nights, a=["p1,w"]) == []
    assert of_files(nights, a=["p1,x"]) == []
    assert any("2 files were there before, 1 now" in text for text in nights.heard)
    assert any("--set streams.people.max_vanished=1" in text for text in nights.heard)
    nights.job(DELETING | {"source": "part-*.csv", "max_vanished": 0})
    with pytest.raises(GuardError):  # and nothing is taken for all
        of_files(nights, a=["p1,y"])
    nights.job(DELETING | {"source": "part-*.csv", "max_vanished": "100%"})
    assert of_files(nights, a=["p1,z"]) == []
    nights.job(DELETING | {"source": "part-*.csv", "max_vanished": 1})
    assert of_files(nights, a=["p1,y"]) == ["p2"]


def test_who_is_in_none_of_as_many_files_of_other_names_vanishes(nights):
    nights.job(DELETING | {"source": "part-*.csv", "max_vanished": "100%"})
    of_files(nights, a=["p1,v", "p3,v"], b=["p2,v"])

    assert of_files(nights, c=["p1,v"], d=["p2,v"]) == ["p3"]


@pytest.fixture
def leaving(loaded: Nights) -> Nights:
    """A run that broke before the first of two deletions was done."""
    export(loaded, rows(3, 5))
    loaded.drops = lambda _: True
    with pytest.raises(DeliveryError):
        loaded.night()
    loaded.drops = lambda _: False
    assert {"p3", "p5"} <= set(loaded.people())
    return loaded


def test_a_run_that_goes_on_with_a_limit_leaves_who_vanished_for_later(leaving):
    assert kept(leaving, limit=1) == []
    assert kept(leaving, limit=0) == []

    with leaving.sending() as sent:
        closing = leaving.night()

    assert sorted(o["identifiers"]["id"] for o in sent) == ["p3", "p5"]
    assert closing.counts["people+vanished"].delivered == 2
    assert not {"p3", "p5"} & set(leaving.people())


def test_a_run_that_began_with_a_limit_says_that_it_acts_on_nobody(loaded):
    export(loaded, rows(3, value="w"))
    kept(loaded, limit=10)

    assert len(kept(loaded)) == COUNT - 1 - 10
    assert any("vanished_ignored" in text and "--full" in text for text in loaded.heard)
    with loaded.sending() as sent:
        loaded.night(full=True)
    assert [o["identifiers"]["id"] for o in sent if o["action"] == "delete"] == ["p3"]


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(DELETING | {"vanished": "ignore"}, id="ignored"),
        pytest.param({k: v for k, v in PEOPLE.items() if k != "changes"}, id="not compared"),
    ],
)
def test_a_run_that_goes_on_acts_on_nobody_where_that_is_not_wanted_any_more(leaving, shape):
    leaving.job(shape)

    closing = leaving.night()

    assert closing.state == "completed"
    assert any("vanished_dropped" in text for text in leaving.heard)
    assert {"p3", "p5"} <= set(leaving.people())
    assert kept(leaving) == []
    assert not any("vanished" in text for text in leaving.heard)
    leaving.job(DELETING)
    assert kept(leaving) == []
    assert leaving.run("--set", "streams.people.vanished=ignore").code == 0
    assert {"p3", "p5"} <= set(leaving.people())
