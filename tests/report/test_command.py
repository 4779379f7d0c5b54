"""Each run leaves its report, whatever way it ends, and the command makes it again."""

from __future__ import annotations

import re
import signal
import stat
from pathlib import Path

import pytest

from tests.end_to_end.command import command, ended, run_job, start, write_job
from tests.end_to_end.people import PEOPLE, write_people
from tests.end_to_end.recorder import Answer, recording

VALUE = "value-nobody-may-see"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A job of 50 people, ten of them without an id."""
    write_people(tmp_path / "people.csv", 50, VALUE)
    with (tmp_path / "people.csv").open("a") as file:
        file.write(f",{VALUE}\n" * 10)
    write_job(tmp_path, PEOPLE)
    return tmp_path


def reports(folder: Path) -> list[Path]:
    return sorted((folder / "state").glob("*.html"))


def total(page: str) -> dict[str, int]:
    """The last line of the table of counts."""
    (line,) = re.findall(r"<tfoot><tr><th scope=\"row\">total</th>(.*?)</tr>", page, re.DOTALL)
    counts = [int(n.replace(",", "")) for n in re.findall(r">([\d,]+)</td>", line)]
    names = ("read", "delivered", "rejected", "filtered", "unprocessed", "operations")
    return dict(zip(names, counts, strict=True))


def test_a_run_leaves_a_report_that_only_its_owner_may_read_and_names_it(folder):
    with recording() as api:
        run = run_job(folder, api.address)

    (path,) = reports(folder)
    assert run.code == 3
    assert run.told["report"] == f"state/job.{run.told['run_id']}.html"
    assert folder / run.told["report"] == path
    assert f"Report: {run.told['report']}" in run.text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list((folder / "state").glob(".*"))


def test_its_counts_are_those_of_the_run(folder):
    with recording() as api:
        run = run_job(folder, api.address)

    counts = total(reports(folder)[0].read_text())
    assert counts == run.told["rows"] | {"operations": run.told["operations"]["delivered"]}


def test_it_holds_no_value_of_a_row_and_no_credential(folder):
    with recording() as api:
        run_job(folder, api.address)

    page = reports(folder)[0].read_text()
    assert [word for word in (VALUE, "key-nobody-may-see", "p49") if word in page] == []
    assert "no_identifier" in page


def test_the_command_makes_the_same_report_again(folder):
    with recording() as api:
        run_job(folder, api.address)
    (path,) = reports(folder)
    first = path.read_text()
    path.unlink()

    told = command(folder, None, "report", "job.yaml", "--json")
    elsewhere = command(folder, None, "report", "job.yaml", "--output", "page.html")

    assert (told.code, told.told["report"]) == (0, f"state/{path.name}")
    assert path.read_text() == first
    assert (folder / "page.html").read_text() == first
    assert elsewhere.text.endswith("Report: page.html\n")


def test_without_a_run_there_is_an_error_that_says_what_to_do(folder):
    told = command(folder, None, "report", "job.yaml", "--json")

    assert told.code == 2
    assert told.told["error"]["what"] == "there is no run to report on"
    assert "backfill run job.yaml" in told.told["error"]["fix"]


def test_an_interrupted_run_is_reported_and_its_resumption_rewrites_the_report(folder):
    slow = ("--set", "destination.operations_per_s=20")
    with recording(lambda posted: Answer(delay_s=0 if posted.number else 0.5)) as api:
        process = start(folder, api.address, "run", "job.yaml", "--json", *slow)
        while not api.posted:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        first = ended(process)
        interrupted = reports(folder)[0].read_text()
        second = run_job(folder, api.address)

    (path,) = reports(folder)
    assert (first.code, second.code) == (130, 3)
    assert ">Interrupted</p>" in interrupted
    assert total(interrupted)["delivered"] == first.told["rows"]["delivered"] < 50
    assert ">Completed, with rejects</p>" in path.read_text()
    assert total(path.read_text())["delivered"] == 50


def test_a_run_that_goes_on_tells_of_both_sittings(folder):
    with recording() as api:
        cut = run_job(folder, api.address, "--limit", "20")
        half = reports(folder)[0].read_text()
        whole = run_job(folder, api.address)

    (path,) = reports(folder)
    page = path.read_text()
    assert cut.told["report"] == whole.told["report"]
    assert ">Completed, cut by --limit</p>" in half
    assert "in 2 sittings" in page
    assert "in 2 sittings" not in half
    assert total(page)["delivered"] == 50


def test_a_run_that_was_stopped_says_why(folder):
    with recording(lambda posted: Answer(401)) as api:
        run = run_job(folder, api.address)

    page = reports(folder)[0].read_text()
    assert (run.code, run.told["state"]) == (1, "stopped")
    assert f'class="callout bad">{run.told["error"]["what"]}' in page


def test_a_run_that_had_completed_leaves_its_report_alone(folder):
    with recording() as api:
        run_job(folder, api.address)
        (path,) = reports(folder)
        before = path.stat().st_mtime_ns
        again = run_job(folder, api.address)

    assert (again.code, again.told["report"]) == (0, None)
    assert path.stat().st_mtime_ns == before


def test_a_report_that_cannot_be_written_changes_no_exit_code(folder):
    with recording() as api:
        run_job(folder, api.address, "--limit", "20")
        (path,) = reports(folder)
        path.unlink()
        path.mkdir()
        run = run_job(folder, api.address)

    assert (run.code, run.told["state"], run.told["error"]) == (3, "completed", None)
    assert run.told["report"] is None
    assert "warning: the report cannot be written" in run.text


def test_a_run_that_is_alive_is_reported_as_far_as_it_was_committed(folder):
    with recording(lambda posted: Answer(delay_s=30)) as api:
        process = start(folder, api.address, "run", "job.yaml", "--json")
        while not api.posted:
            assert process.poll() is None
        told = command(folder, None, "report", "job.yaml", "--json")
        page = (folder / told.told["report"]).read_text()
        process.kill()
        process.communicate()

    assert told.code == 0
    assert ">Running</p>" in page
