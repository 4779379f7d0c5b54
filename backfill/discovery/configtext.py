"""The config as text: destination, and the streams under headings, each with its comments."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from backfill.discovery.draft import Draft
from backfill.discovery.opening import Opened
from backfill.discovery.proof import Proof
from backfill.discovery.vocabulary import StreamKind
from backfill.discovery.yamltext import (
    WIDTH,
    Line,
    comment,
    flow,
    listing,
    scalar,
    shown,
    written,
)

#: The heading under which streams of a kind stand.
_TITLES: dict[StreamKind, str] = {
    "erased": "Who must never come back",
    "opted_out": "Who has opted out: before anything that may reach people",
    "objects": "Companies and other objects: before the people who are tied to them",
    "people": "People",
    "events": "Events",
    "devices": "Devices",
    "relationships": "Relationships",
    "merges": "Merges: last, when both sides are there",
    "unknown": "Not understood",
}

_HEAD = """\
# Written by `backfill init`, which looked at the files and sent nothing. Read it from the top:
# CONFIRM and DECIDE mark what the files alone do not tell. Counts are of the rows looked at; what
# is said of a column may not hold further in.
#
# Before the first run
#   1. export CUSTOMERIO_SITE_ID=... CUSTOMERIO_API_KEY=...   (never in this file)
#   2. backfill check {config}     do files, columns and key fit?
#   3. backfill plan {config}      every row read, nothing sent: what would be refused?
#   4. a rehearsal:  backfill run {config} --limit 100 --set destination.region=null \\
#        --set destination.sandbox=state/rehearsal.db --set checkpoint=state/rehearsal.checkpoint \\
#        --set rejects=state/rehearsal.rejects
#   5. in the workspace, look for campaigns that start from a segment or an attribute: attributes
#      that are moved can put people into segments, and so start them.
#
# In CSV every cell is text: ids with leading zeros or 19 digits arrive as they are written, and
# only what has a `type` is converted. Names of attributes are the columns' in snake_case.
# Each stream starts when the API has accepted all of the one before.

destination:
  # `auto` asks the API where the key's workspace is, so that no row goes to the wrong region. Write
  # us or eu, and a key of a workspace elsewhere is refused.
  region: auto
  requests_per_s: 100         # the API allows 1000 for the workspace, your live traffic included
  operations_per_s: 20000     # it is not documented whether requests or operations are counted
checkpoint: {checkpoint}    # what is done; keep it until the migration is signed off
rejects: {rejects}          # refused rows, with the reason
# max_rejects: 5%           # more, and the data or the mapping is plainly wrong: the run stops

streams:
"""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that becomes no stream, and why."""

    label: str
    why: str


def config_text(
    config: str, name: str, proved: Sequence[tuple[Draft, Proof]], left_out: Sequence[LeftOut]
) -> str:
    """The whole config.

    config: the file's path, for commands to copy; name: its name without the ending.
    """
    places = {key: scalar(f"state/{name}.{key}") for key in ("checkpoint", "rejects")}
    lines = _HEAD.format(config=shlex.quote(config), **places).splitlines()
    titles = list(dict.fromkeys(_TITLES[draft.kind] for draft, _ in proved))
    for number, title in enumerate(titles, 1):
        lines.append(f"  # ---- {number}. {title} ".ljust(WIDTH, "-"))
        for draft, proof in proved:
            if _TITLES[draft.kind] == title:
                lines += [*stream_lines(draft, proof), ""]
    if left_out:
        lines.append("# Left out:")
        lines += [line for one in left_out for line in comment(f"  {one.label}: {one.why}", 0)]
    return "\n".join(lines).rstrip() + "\n"


def stream_lines(draft: Draft, proof: Proof | None = None) -> list[str]:
    """One stream with the comments above it."""
    lines = comment(_taken_for(draft), 2)
    for said in draft.says:
        lines += comment(said, 2)
    confirms = [*draft.confirms, *_refusals(proof)]
    if proof and proof.fault:
        confirms.append(f"the stream does not hold: {proof.fault}")
    if confirms:
        lines.append("  # CONFIRM")
        for what in confirms:
            first, *rest = comment(what, 4)
            lines += [f"  #  - {first[6:]}", *(f"  #    {line[6:]}" for line in rest)]
    body = stream_text(draft)
    is_out = draft.is_out or bool(proof and proof.fault)
    return lines + [f"  # {line[2:]}" if is_out else line for line in body]


def stream_text(draft: Draft) -> list[str]:
    """The lines of one stream, an entry of `streams:`."""
    return [
        f"  - name: {scalar(draft.name)}",
        *written(_source(draft.found.files), 4),
        *written(draft.lines, 4),
    ]


def _refusals(proof: Proof | None) -> list[str]:
    if proof is None or not proof.refused:
        return []
    return [f"would be refused, of the rows looked at: {'; '.join(proof.rules)}"]


def _taken_for(draft: Draft) -> str:
    found = draft.found
    labels = [shown(file.file.label) for file in found.files]
    named = labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"
    kind = draft.kind.replace("_", " ") if draft.kind != "objects" else "objects (companies, ...)"
    count = f"{found.table.row_count:,} rows looked at"
    rest = "all there are" if found.sample.is_whole else "of more"
    verdict = f"{named}: {kind}, {found.verdict.sure}: {found.verdict.why}"
    return f"{verdict}. {count}, {rest}."


def _source(files: Sequence[Opened]) -> list[Line]:
    said = {
        key: value
        for key in ("format", "delimiter", "encoding", "columns")
        if (value := getattr(files[0].source, key)) not in (None, "utf-8")
    }
    if not files[0].source.quote:
        said["quote"] = ""
    options = {k: listing(v) if isinstance(v, list) else scalar(v) for k, v in said.items()}
    paths = [file.file.label for file in files]
    path = scalar(paths[0]) if len(paths) == 1 else listing(paths)
    if not options and len(paths) == 1:
        return [Line(f"source: {path}")]
    if len(paths) == 1:
        return [Line(f"source: {flow({'path': path, **options})}")]
    lines = [Line("source:")]
    if options:
        lines.append(Line("  path:"))
        lines += [Line(f"    - {scalar(one)}") for one in paths]
        return lines + [Line(f"  {key}: {value}") for key, value in options.items()]
    return lines + [Line(f"  - {scalar(one)}") for one in paths]
