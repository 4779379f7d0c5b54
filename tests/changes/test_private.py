"""People's data stay where they must be, and are their owner's alone."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing

import pytest

from tests.end_to_end.command import command

from .nights import PEOPLE, Nights


def export(nights: Nights, *rows: str) -> None:
    (nights.folder / "people.csv").write_text("\n".join(["id,value,plan", *rows, ""]))


SECRET = "Zarathustra"


@pytest.mark.parametrize("send", ["operation", "changed_attributes"])
def test_no_key_and_no_value_reaches_what_is_known_or_said(nights, send, caplog):
    caplog.set_level(logging.DEBUG)
    nights.job(
        PEOPLE
        | {"vanished": "delete", "max_vanished": "90%", "changes": {"key": "id", "send": send}}
    )
    export(nights, f"{SECRET}1,{SECRET}2,x", f"{SECRET}3,{SECRET}4,x")
    told = [command(nights.folder, nights.server.address, "run", "job.yaml").text]
    export(nights, f"{SECRET}1,{SECRET}5,x")
    told.append(command(nights.folder, nights.server.address, "run", "job.yaml").text)

    assert SECRET not in "".join(told) + caplog.text
    assert SECRET.encode() not in nights.known().read_bytes()
    assert SECRET.encode() not in (nights.folder / "state/job.checkpoint").read_bytes()
    for path in (nights.folder / "state").rglob("*"):
        if path.is_file() and SECRET.encode() in path.read_bytes():
            assert path.stat().st_mode & 0o777 == 0o600, path
    for path in (nights.folder / "state").glob("*changes-*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_of_who_was_deleted_nothing_is_kept_but_whom_it_was(nights):
    changes = {"key": "id", "keep_previous": True}
    nights.job(PEOPLE | {"vanished": "delete", "max_vanished": "90%", "changes": changes})
    for value in (f"{SECRET}1", f"{SECRET}2"):
        export(nights, f"a,{value},x", f"b,{value},{'y' * 900}")
        nights.night()
    export(nights, f"a,{SECRET}2,x")
    nights.night()
    [path] = (nights.folder / "state").glob("*.texts")
    with closing(sqlite3.connect(path)) as texts:
        kept = texts.execute("SELECT text, previous FROM texts ORDER BY text IS NULL").fetchall()

    assert SECRET in kept[0][0].decode()
    assert kept[1:] == [(None, b'{"identifiers":{"id":"b"}}')]
    assert b"yyyy" not in path.read_bytes()


def test_files_are_their_owner_s_whatever_the_umask_and_while_a_run_goes_on(nights):
    nights.job(PEOPLE | {"vanished": "delete", "max_vanished": "90%"})
    export(nights, "a,1,x", "b,2,x")
    modes: set[int] = set()

    def look(_: object) -> bool:
        modes.update(
            path.stat().st_mode & 0o777
            for path in (nights.folder / "state").glob("*changes-*")
            if path.is_file()
        )
        return False

    nights.loses = look
    umask = os.umask(0)
    try:
        nights.night()
        export(nights, "a,2,x")
        nights.night()
    finally:
        os.umask(umask)

    assert modes == {0o600}
