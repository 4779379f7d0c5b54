"""A config as `init` writes it, loaded, and every row of its files through the real encoder."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from backfill import pipeline
from backfill.config import load
from backfill.discovery import survey
from backfill.mapping import Stream
from backfill.operations import encode

EXPORTS = Path(__file__).parent / "exports"

#: The time of every draft: 2024-06-01.
NOW_S = 1_717_200_000


@dataclass(frozen=True)
class Sent:
    """What became of the rows of one stream."""

    stream: Stream
    operations: list[dict[str, Any]]
    rejected: list[str]
    filtered: int


@dataclass(frozen=True)
class Drafted:
    """A config and what a run would make of its files. told: the survey's summary."""

    text: str
    sent: dict[str, Sent]
    confirms: list[str]

    @property
    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Operations, rejects and filtered rows of each stream, in the config's order."""
        return {
            name: (len(one.operations), len(one.rejected), one.filtered)
            for name, one in self.sent.items()
        }

    def people(self) -> dict[str, dict[str, Any]]:
        """The attributes each address ends with, when all is sent in order."""
        found: dict[str, dict[str, Any]] = {}
        for one in self.sent.values():
            if one.stream.operation != ("person", "identify"):
                continue
            for operation in one.operations:
                told = operation["identifiers"] | operation.get("attributes", {})
                found.setdefault(str(told.get("email", told.get("id"))), {}).update(told)
        return found

    def out(self) -> set[str]:
        """The addresses that end unsubscribed."""
        return {who for who, told in self.people().items() if told.get("unsubscribed") is True}


def drafted(folder: Path, *names: str) -> Drafted:
    """Draft `folder`/job.yaml for files of the folder, load it and encode all there is."""
    config = folder / "job.yaml"
    given = [str(folder / name) for name in names]
    found = survey(given, config, NOW_S)
    config.write_text(found.text, encoding="utf-8")
    sent = encoded(config)
    confirms = [what for draft, _ in found.streams for what in draft.confirms]
    return Drafted(found.text, sent, confirms)


def encoded(config: Path) -> dict[str, Sent]:
    """Every row of every stream of a config through the real readers and the real encoder."""
    sent = {}
    for stream in pipeline.open_streams(load(config)):
        operations, rejected, filtered = list[Any](), list[str](), Counter[str]()
        for file in stream.files:
            for block in file.reader.blocks():
                done = encode(block, stream.stream, stream.where, file.surroundings(NOW_S))
                operations += json.loads(b"[" + bytes(done.operations)[:-1] + b"]")
                rejected += done.rejected.rules
                filtered += Counter({part: len(rows) for part, rows in done.filtered.items()})
        sent[stream.name] = Sent(stream.stream, operations, rejected, filtered.total())
    return sent


def export(folder: Path, vendor: str) -> Drafted:
    """The exports of one vendor, drafted from a copy; once, in the first folder that is given."""
    if vendor not in _EXPORTED:
        shutil.copytree(EXPORTS / vendor, folder / "exports")
        found = drafted(folder, "exports")
        _EXPORTED[vendor] = replace(found, text=found.text.replace(str(folder), "FOLDER"))
    return _EXPORTED[vendor]


_EXPORTED: dict[str, Drafted] = {}


def rows(vendor: str, name: str, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of an export, as Python's own reader sees them."""
    path = next((EXPORTS / vendor).glob(name))
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def write(folder: Path, name: str, lines: Sequence[str], encoding: str = "utf-8") -> None:
    """A file of lines."""
    (folder / name).write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))


def people(folder: Path, column: str, *values: str) -> Drafted:
    """A file of people with one column more, a person for each of its values."""
    lines = [f"p{i}@example.com,Ada,Lovelace,{value}" for i, value in enumerate(values)]
    write(folder, "contacts.csv", [f"email,first_name,last_name,{column}", *lines])
    return drafted(folder, "contacts.csv")


def attributes(found: Drafted, stream: str = "contacts") -> dict[str, Any]:
    """The attributes section of a stream, as YAML has it."""
    streams = yaml.safe_load(found.text)["streams"]
    return next(one for one in streams if one["name"] == stream)["attributes"]
