"""How to go on with refused rows: the commands that send them again, and what to mind."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from backfill.config import Job
from backfill.inquiry.refused import Refused
from backfill.phrases import counted
from backfill.rejects.standing import SPOOL


@dataclass(frozen=True, slots=True)
class Way:
    """How the open rows of one stream of one run are sent again.

    commands: in their order; of each file one, or two where it is copied first.
    """

    of: Refused
    commands: list[str]


def ways(job: Job, every: list[Refused]) -> list[Way]:
    """How to go on with what is open, in the order of `every`."""
    names = set[str]()
    return [_way(job, each, names) for each in every if each.open]


def _way(job: Job, each: Refused, names: set[str]) -> Way:
    # A part is never sent from its own file: under its name stands the checkpoint of another file.
    is_copied = bool(each.run.name or each.sent_again) or not all(
        group.is_mended_by_config(each.stream, each.read) for group in each.groups
    )
    commands = []
    for path in each.files:
        if path.suffix == SPOOL:  # only the end of the run makes a source of it
            continue
        source = _copy(each.stream.name, path.suffix, names) if is_copied else str(path)
        if is_copied:
            commands.append(shlex.join(["cp", str(path), source]))
        part = shlex.join(["--only", each.stream.name, "--source", source])
        commands.append(f"backfill run {job.typed} {part}")
    return Way(each, commands)


def _copy(stream: str, suffix: str, names: set[str]) -> str:
    """A name that no file has: what was sent from one is told by it."""
    for number in count(1):
        name = f"mended-{stream}{f'-{number}' if number > 1 else ''}{suffix}"
        if name not in names and not Path(name).exists():
            names.add(name)
            return name
    raise AssertionError("counting does not end")


def lines(job: Job, every: list[Refused], ways: list[Way]) -> Iterator[str]:
    """What people are told at the end."""
    first = next((each.run for each in every if not each.run.name), None)
    is_finished = first is None or first.saved is None or first.saved.is_finished
    whole = f"backfill run {job.typed}"
    if not is_finished:
        yield f"Mind: the run is not finished. End it first ({whole}), with the config as it is."
    if not any(way.commands for way in ways):
        return
    yield "Next: paste a change into its stream (an attribute beside the others), or mend the rows"
    yield "in a copy of their file; its columns _file and _row stay: they tell which rows it mends."
    yield "Then send just those rows:"
    for way in ways:
        yield from _way_lines(way)
    plain = [way.of for way in ways if way.of.stream.changes is None]
    if any(group.is_mended_by_config(of.stream, of.read) for of in plain for group in of.groups):
        yield "With a changed config only --only STREAM --source FILE goes on: the whole job would"
        yield f"be another one, and {whole} refuses it."


def _way_lines(way: Way) -> Iterator[str]:
    sent = way.of.sent_again
    less = f", and take out the {counted(sent, 'row')} sent since" if sent else ""
    for command in way.commands:
        is_copy = command.startswith("cp ")
        yield f"  {command}{f'  # mend it{less}, then' if is_copy else ''}"
