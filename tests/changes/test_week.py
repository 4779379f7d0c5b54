"""Seven nights of a person who knows nothing of the engine: a dict, and what differs from it."""

from __future__ import annotations

import csv
import logging
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import ended, environ, start

from .nights import Nights, Operation, beginning

#: BACKFILL_NIGHTS_PEOPLE=200000 makes it the size of a real export.
PEOPLE = int(os.environ.get("BACKFILL_NIGHTS_PEOPLE", "2000"))

STREAM = {
    "name": "people",
    "source": "people.csv",
    "person": {"id": "id"},
    "attributes": "*",
    "changes": {"key": "id"},
    "blank": "unset",
    "vanished": "delete",
    "max_vanished": "5%",
}
TOO_LONG, BAD = "x" * 1_001, "the API does not take this"
COLUMNS = ("id", "name", "plan", "seats")

Person = dict[str, str]


@dataclass
class Source:
    """The system that exports: who is there now."""

    draw: random.Random = field(default_factory=lambda: random.Random(5))
    people: dict[str, Person] = field(default_factory=dict)
    made: int = 0

    def insert(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            person = {"id": f"p{self.made}", "name": f'Jos\u00e9, "{self.made}"\nB.'}
            self.people[person["id"]] = person | {"plan": "free", "seats": str(self.made)}

    def some(self, count: int) -> list[Person]:
        return self.draw.sample(list(self.people.values()), count)

    def change(self, count: int, column: str, value: str) -> list[Person]:
        chosen = self.some(count)
        for person in chosen:
            person[column] = value
        return chosen

    def delete(self, count: int) -> None:
        for person in self.some(count):
            del self.people[person["id"]]

    def mend(self, people: list[Person]) -> None:
        for person in people:
            if person["id"] in self.people:
                self.people[person["id"]]["name"] = "mended"

    def export(self, path: Path) -> None:
        """In another order each night, with some rows there twice: the last one counts."""
        rows = list(self.people.values())
        self.draw.shuffle(rows)
        stale = [row | {"plan": "stale"} for row in rows[: len(rows) // 100]]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows([*stale, *rows])


@dataclass
class Mirror:
    """What the workspace is to be: worked out from the exports alone."""

    told: dict[str, Operation] = field(default_factory=dict)

    def difference(self, people: dict[str, Person]) -> tuple[list[Operation], set[str]]:
        """The operations that the next night is to send, and who among them is refused."""
        sent, refused = [], set()
        for person in people.values():
            operation = _operation(person)
            if TOO_LONG in person.values() or self.told.get(person["id"]) == operation:
                continue
            sent.append(operation)
            if BAD in person.values():
                refused.add(person["id"])
            else:
                self.told[person["id"]] = operation
        for name in self.told.keys() - people.keys():
            sent.append({"type": "person", "identifiers": {"id": name}, "action": "delete"})
            del self.told[name]
        return sent, refused

    @property
    def people(self) -> dict[str, dict[str, Any]]:
        """Everybody, with what an empty cell removed left out."""
        return {
            name: {key: value for key, value in told["attributes"].items() if value is not None}
            for name, told in self.told.items()
        }


def _operation(person: Person) -> Operation:
    attributes = {name: value or None for name, value in person.items() if name != "id"}
    named = {"type": "person", "identifiers": {"id": person["id"]}, "action": "identify"}
    return named | {"attributes": attributes}


def _by_name(operations: list[Operation]) -> list[tuple[str, str, list[tuple[str, str | None]]]]:
    return sorted(
        (o["identifiers"]["id"], o["action"], sorted(o.get("attributes", {}).items()))
        for o in operations
    )


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    with beginning(tmp_path_factory.mktemp("week")) as found, pytest.MonkeyPatch.context() as patch:
        for name, value in environ(found.server.address).items():
            patch.setenv(name, value)
        found.refuses = lambda o: BAD in o.get("attributes", {}).values()
        found.job(STREAM, operations_per_s=max(20_000, PEOPLE // 4), concurrency=2)
        yield found


def _kill_amid(week: Nights, batches: int) -> None:
    """Kill a process that has sent so many batches, and has more to send."""
    begun = len(week.server.posted)
    process = start(week.folder, week.server.address, "run", "job.yaml", "--json")
    while len(week.server.posted) < begun + batches:
        assert process.poll() is None, ended(process).text
        time.sleep(0.002)
    process.kill()
    process.communicate()
    time.sleep(0.3)  # what the dead process had written arrives


@pytest.mark.timeout(1200)
def test_after_each_of_seven_nights_the_workspace_is_the_export(week):
    source, mirror, share = Source(), Mirror(), PEOPLE // 100
    path = week.folder / "people.csv"

    def night(*, crash: bool = False) -> set[str]:
        """One night, held against the true difference; returns who was sent."""
        source.export(path)
        expected, refused = mirror.difference(source.people)
        began_s = time.monotonic()
        with week.sending() as sent:
            if crash:
                _kill_amid(week, 3)
            counts = week.night().counts.values()
        took_s = time.monotonic() - began_s

        if crash:
            assert {str(o) for o in _by_name(sent)} == {str(o) for o in _by_name(expected)}
            assert len(sent) < 2 * len(expected)
        else:
            assert _by_name(sent) == _by_name(expected)
        assert week.people() == mirror.people
        broken = [p for p in source.people.values() if TOO_LONG in p.values()]
        assert sum(count.rejected for count in counts) == len(broken) + len(refused)
        logging.getLogger("nights").info(
            "%.1f s, %s sent, %s people", took_s, len(sent), len(source.people)
        )
        return {operation["identifiers"]["id"] for operation in sent}

    source.insert(PEOPLE)  # 1: everybody
    night()

    source.insert(share)  # 2: inserts, changes, deletions, rejects by us and by the API
    source.delete(share)
    before = [dict(person) for person in source.some(8)]
    source.change(5 * share, "plan", "paid")
    for person in before:
        name = TOO_LONG if person in before[:4] else BAD
        source.people[person["id"]]["name"] = name
    night()

    source.insert(share)  # 3: some are back to what they were before; a crash in the middle
    source.change(20 * share, "seats", "3")
    source.people |= {person["id"]: dict(person) for person in (before[0], before[4])}
    source.delete(share)
    assert not {before[0]["id"], before[4]["id"]} & night(crash=True)

    source.mend([before[1], before[5]])  # 4: others are mended
    source.change(share, "plan", "")
    night()

    source.delete(share)  # 5: a file that was cut off
    source.export(path)
    path.write_bytes(_cut(path.read_bytes()))
    remembered = week.remembered()
    with week.sending() as sent:
        stopped = week.run()
    assert (stopped.code, sent) == (1, []), stopped.text
    assert "max_vanished" in stopped.told["error"]["what"]
    assert week.people() == mirror.people
    assert week.remembered() == remembered

    source.mend(before[2:4] + before[6:])  # 6: all is well again
    source.insert(share)
    night()

    night()  # 7: nothing happened


def _cut(whole: bytes) -> bytes:
    """Two thirds of an export, up to the end of a row."""
    rows = whole.split(b"\r\n")
    return b"\r\n".join([*rows[: len(rows) * 2 // 3], b""])
