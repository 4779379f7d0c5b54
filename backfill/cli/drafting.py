"""`init`: exports in, a commented config out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backfill.cli.options import json_option
from backfill.cli.output import Output
from backfill.errors import UsageError
from backfill.phrases import counted

if TYPE_CHECKING:
    from backfill.discovery import Surveyed


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--output",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    default="backfill.yaml",
    show_default=True,
    help="The config to write; one that is there is never replaced.",
)
@json_option
@click.pass_obj
def init(output: Output, files: Sequence[str], config: Path) -> None:
    """Look at exports and write a commented config for them. Sends nothing.

    FILE is a file, a folder or a pattern: CSV, JSON lines or Parquet, also compressed. Only the
    beginning of a large file and places further in are read.
    """
    from backfill import discovery

    _refuse_taken(config)
    found = discovery.survey(files, config, int(time.time()))
    _write(config, found.text)
    output.lines(_summary(found, config))
    output.result(_as_json(found, config))


def _refuse_taken(config: Path) -> None:
    if config.exists() or config.is_symlink():
        fix = "name another with --output, or move that one away"
        raise UsageError("there is a config already", str(config), fix)


def _write(config: Path, text: str) -> None:
    """Write a config that is not there; what cannot be written whole is not left behind."""
    try:
        with config.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _refuse_taken(config)
    except OSError as error:
        what = f"the config cannot be written: {error.strerror}"
        raise UsageError(what, str(config), "name another place with --output") from error


def _summary(found: Surveyed, config: Path) -> list[str]:
    lines = []
    for draft, proof in found.streams:
        files = [file.file.label for file in draft.found.files]
        named = files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
        rows = f"{counted(draft.found.table.row_count, 'row')} looked at"
        kind = draft.kind.replace("_", " ")
        is_out = draft.is_out or proof.fault
        lines.append(f"{draft.name}: {kind}{', commented out' if is_out else ''}")
        lines.append(f"  {named}, {rows}; {draft.found.verdict.sure}: {draft.found.verdict.why}")
        lines += [f"  confirm: {what}" for what in draft.confirms]
        if proof.refused:
            lines.append(f"  would be refused, of the rows looked at: {'; '.join(proof.rules)}")
    lines += [f"left out: {one.label}: {one.why}" for one in found.left_out]
    count = sum(len(draft.confirms) for draft, _ in found.streams)
    return [
        *lines,
        f"Written: {config}, with {counted(count, 'point')} to confirm",
        f"Next: read it, then backfill plan {config}",
    ]


def _as_json(found: Surveyed, config: Path) -> dict[str, Any]:
    return {
        "state": "written",
        "config": str(config),
        "streams": [
            {
                "name": draft.name,
                "files": [file.file.label for file in draft.found.files],
                "kind": draft.kind,
                "sure": draft.found.verdict.sure,
                "why": draft.found.verdict.why,
                "rows_looked_at": draft.found.table.row_count,
                "is_whole": draft.found.sample.is_whole,
                "is_commented_out": draft.is_out or bool(proof.fault),
                "would_be_refused": proof.refused,
                "confirm": draft.confirms,
            }
            for draft, proof in found.streams
        ],
        "left_out": [{"file": one.label, "why": one.why} for one in found.left_out],
        "next": f"backfill plan {config}",
        "error": None,
    }
