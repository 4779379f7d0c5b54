"""`backfill rejects` after mended rows were sent: what is open is told, once."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.end_to_end.command import command, run_job, write_job
from tests.end_to_end.recorder import recording

from .jobs import ask, text, write_rows

LONG = "x" * 1_001
PEOPLE = {"name": "people", "person": {"id": "id"}, "attributes": "*"}
REJECTS = "state/job.rejects/people.csv"
FORMATS = pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])


def write(folder: Path, form: str = "csv", **keys) -> None:
    """Eight people, of which the first five are refused: their note is too long."""
    rows = [{"id": f"p{n}", "note": LONG if n < 5 else "short"} for n in range(8)]
    write_rows(folder / f"people.{form}", rows)
    write_job(folder, {**PEOPLE, "source": f"people.{form}", **keys})


def mend(folder: Path, source: str, mended: str, count: int, rows: int | None = None) -> None:
    """Copy the first rows of a file of rejects, of which the first `count` are mended."""
    head, *lines = (folder / source).read_text().splitlines(keepends=True)
    short = [line.replace(LONG, "short") if n < count else line for n, line in enumerate(lines)]
    (folder / mended).write_text(head + "".join(short[:rows]))


def send(folder: Path, address: str, source: str):
    return run_job(folder, address, "--only", "people", "--source", source)


def sums(told) -> tuple[int, ...]:
    return tuple(told[key] for key in ("rows", "sent_again", "refused_again", "open"))


def by_run(told) -> dict[str, tuple[int, ...]]:
    keys = ("rows", "sent_again", "open")
    return {
        re.sub(r"-[0-9a-f]{6}$", "", each["run"]): tuple(each[key] for key in keys)
        for each in told["streams"]
    }


def part(folder: Path, name: str) -> str:
    """The rejects of a mended run, whatever digest its name has."""
    (found,) = (folder / "state/job.rejects").glob(f"only-people-{name}-*/people.csv")
    return str(found.relative_to(folder))


def test_rows_that_were_sent_again_are_open_no_more_and_counted_once(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        mend(tmp_path, REJECTS, "mended.csv", 3, rows=4)
        send(tmp_path, server.address, "mended.csv")

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert sums(asked.told) == (5, 4, 1, 2)
    assert by_run(asked.told) == {"": (5, 4, 1), "only-people-mended.csv": (1, 0, 1)}
    assert sum(group["rows"] for group in asked.told["groups"]) == 2
    assert "Rejected: 5 rows; 4 sent again since, 1 refused again; 2 open." in asked.text


@FORMATS
def test_a_file_that_was_sent_as_it_is_leaves_only_what_was_refused_again(tmp_path, form):
    write(tmp_path, form)
    with recording() as server:
        run_job(tmp_path, server.address)
        send(tmp_path, server.address, f"state/job.rejects/people.{form}")

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert sums(asked.told) == (5, 5, 5, 5)


def test_rows_that_were_mended_twice_are_open_no_more(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        mend(tmp_path, REJECTS, "z.csv", 3)
        send(tmp_path, server.address, "z.csv")
        mend(tmp_path, part(tmp_path, "z.csv"), "a.csv", 1)
        send(tmp_path, server.address, "a.csv")

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert sums(asked.told) == (5, 5, 1, 1)
    assert by_run(asked.told)["only-people-z.csv"] == (2, 2, 0)


def test_a_row_that_carries_its_first_place_through_two_runs_is_matched(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        mend(tmp_path, REJECTS, "z.csv", 3)
        send(tmp_path, server.address, "z.csv")
        mend(tmp_path, REJECTS, "a.csv", 5)
        send(tmp_path, server.address, "a.csv")

    assert by_run(ask(tmp_path, "rejects", "job.yaml").told)["only-people-z.csv"] == (2, 2, 0)


def test_rows_that_a_mended_run_did_not_come_to_are_open(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        mend(tmp_path, REJECTS, "mended.csv", 5)
        run_job(
            tmp_path, server.address, "--only", "people", "--source", "mended.csv", "--limit", "2"
        )

    assert sums(ask(tmp_path, "rejects", "job.yaml").told) == (5, 2, 0, 3)


def test_what_a_part_refused_is_told_once_when_the_next_night_refuses_it_as_well(tmp_path):
    write(tmp_path, changes={"key": "id"})
    with recording() as server:
        run_job(tmp_path, server.address)
        run_job(tmp_path, server.address, "--only", "people")
        write_rows(tmp_path / "people.csv", [{"id": f"p{n}", "note": LONG} for n in range(4)])
        run_job(tmp_path, server.address)

    asked = ask(tmp_path, "rejects", "job.yaml")
    assert sums(asked.told) == (4, 0, 0, 4)
    assert "Mind" not in asked.text


def test_the_stream_sent_anew_as_a_whole_leaves_what_was_refused_then(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        exclude = {**PEOPLE, "source": "people.csv", "exclude": ["note"]}
        write_job(tmp_path, exclude)
        run_job(tmp_path, server.address, "--only", "people")

    assert sums(ask(tmp_path, "rejects", "job.yaml").told) == (5, 5, 0, 0)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.unlink, "its source mended.csv: "),
        (lambda path: path.write_text(path.read_text() + "\n"), "mended.csv changed since"),
    ],
)
def test_a_source_that_is_gone_or_changed_is_told_and_its_rows_are_open(tmp_path, spoil, said):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        mend(tmp_path, REJECTS, "mended.csv", 5)
        send(tmp_path, server.address, "mended.csv")
    spoil(tmp_path / "mended.csv")

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert sums(asked.told) == (5, 0, 0, 5)
    assert said in asked.text
    assert "what it sent again is counted as open" in asked.told["streams"][1]["remark"]


def test_a_mended_file_without_the_columns_is_told_once(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        write_rows(tmp_path / "mended.csv", [{"id": f"p{n}", "note": "short"} for n in range(5)])
        send(tmp_path, server.address, "mended.csv")

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert sums(asked.told) == (5, 0, 0, 5)
    assert asked.text.count("5 rows of its source mended.csv came without _file and _row") == 1


def commands(said: str) -> list[list[str]]:
    """The commands shown, without the comments behind them."""
    shown = re.findall(r"^  ((?:cp|backfill run) .*)$", said, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in shown]


def test_what_no_change_mends_is_copied_first(tmp_path):
    write(tmp_path, attributes={"note": "note"})
    with recording() as server:
        run_job(tmp_path, server.address)

    assert commands(text(tmp_path, "rejects", "job.yaml")) == [
        ["cp", REJECTS, "mended-people.csv"],
        ["backfill", "run", "job.yaml", "--only", "people", "--source", "mended-people.csv"],
    ]


def test_the_commands_shown_after_a_mended_run_send_its_rows_too(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        send(tmp_path, server.address, REJECTS)
        said = text(tmp_path, "rejects", "job.yaml")
        (cp, source, copied), (_, _, *run) = commands(said)
        (tmp_path / copied).write_bytes((tmp_path / source).read_bytes().replace(b"x", b""))
        again = run_job(tmp_path, server.address, *run[1:])

    assert cp == "cp"
    assert source == part(tmp_path, "people.csv")
    assert again.told["rows"]["delivered"] == 5
    assert sums(ask(tmp_path, "rejects", "job.yaml").told) == (5, 5, 0, 0)


def test_a_copy_takes_no_name_that_is_there_and_leaves_out_what_was_sent(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        mend(tmp_path, REJECTS, "mended-people.csv", 1, rows=1)
        send(tmp_path, server.address, "mended-people.csv")

    said = text(tmp_path, "rejects", "job.yaml")

    assert commands(said)[0] == ["cp", REJECTS, "mended-people-2.csv"]
    assert "take out the 1 row sent since" in said


def test_an_unfinished_run_is_to_end_first(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address, "--limit", "6")

    said = text(tmp_path, "rejects", "job.yaml")

    assert "Mind: the run is not finished. End it first (backfill run job.yaml)" in said


def test_without_any_run_there_is_nothing_to_tell(tmp_path):
    write(tmp_path)

    asked = ask(tmp_path, "rejects", "job.yaml")

    assert asked.code == 2
    assert asked.told["error"]["what"] == "there is no run at state/job.checkpoint"
    assert "--set" in asked.told["error"]["fix"]


def test_shapes_are_explained_once_and_blanks_are_named(tmp_path):
    rows = [{"id": "", "note": "n"}, {"id": "p1", "note": LONG}]
    write_rows(tmp_path / "people.csv", rows)
    write_job(tmp_path, {**PEOPLE, "source": "people.csv"})
    with recording() as server:
        run_job(tmp_path, server.address)

    said = text(tmp_path, "rejects", "job.yaml")

    assert said.count("Values are shown by their shape: letters as a or A, digits as 9.") == 1
    assert "id is blank" in said
    assert "note has the shape 'aaa" in said
    assert "Open: 2 groups, 0 rows by the API." in said


def test_a_changed_mapping_is_refused_with_the_way_to_send_mended_rows(tmp_path):
    write(tmp_path)
    with recording() as server:
        run_job(tmp_path, server.address)
        write_job(tmp_path, {**PEOPLE, "source": "people.csv", "exclude": ["note"]})
        refused = command(tmp_path, server.address, "run", "job.yaml")

    assert refused.code == 2
    assert "run --only STREAM --source REJECTS sends mended rows" in refused.text
