"""Looking at files and writing down what they are: the one way in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from backfill import readers
from backfill.dialect import REJECT_COLUMNS
from backfill.discovery.configtext import LeftOut, config_text, stream_text
from backfill.discovery.draft import Draft
from backfill.discovery.files import label_of, named_files, passed_over, stem_of
from backfill.discovery.opening import Opened, opened
from backfill.discovery.proof import Proof, proved
from backfill.discovery.sampling import ROWS_MAX, Sample, sample
from backfill.discovery.streams import Looked, drafts_of
from backfill.errors import MappingError, SourceError, UsageError
from backfill.readers.naming import NO_DATA, format_of
from backfill.remote import AnyPath

#: Rows looked at in all, where many files are named.
_ROWS_OF_ALL_MAX = 400_000

#: A file whose name says no format is no table if so much of it cannot be read.
_BROKEN_SHARE_MAX = 0.2

#: Why what else is in a folder is left out.
_PASSED_OVER = "a folder stands for the CSV, JSON lines and Parquet files in it"


@dataclass(frozen=True)
class Surveyed:
    """What was found. text: the config. left_out: files that become no stream."""

    text: str
    streams: Sequence[tuple[Draft, Proof]]
    left_out: Sequence[LeftOut]


def survey(given: Sequence[str], config: Path, now_s: int) -> Surveyed:
    """Look at files and draft the config that sends them.

    given: files, folders and patterns. config: where it will stand; paths in it start there.
    Raises UsageError where a file cannot be used, or nothing is left to write.
    """
    paths = named_files(given)
    looked, left_out = _looked_at(paths, config)
    left_out += [LeftOut(label, _PASSED_OVER) for label in passed_over(given, config.parent)]
    drafts = drafts_of(looked, now_s)
    if not drafts:
        what = "; ".join(f"{one.label}: {one.why}" for one in left_out)
        raise UsageError(f"nothing to write a config for: {what}", "FILE...", "name files of rows")
    found = [(draft, _proof(draft, now_s)) for draft in drafts]
    if all(draft.is_out or proof.fault for draft, proof in found):
        raise UsageError(
            "what the rows of these files are cannot be told",
            ", ".join(label for draft, _ in found for label in _labels(draft)),
            "write the config by hand, from one of configs/: people, objects, events, ...",
        )
    return Surveyed(config_text(str(config), config.stem, found, left_out), found, left_out)


def _labels(draft: Draft) -> list[str]:
    return [file.file.label for file in draft.found.files]


def _proof(draft: Draft, now_s: int) -> Proof:
    if draft.is_out:
        return Proof()
    return proved("\n".join(stream_text(draft)), draft.found.sample, now_s)


def _looked_at(paths: Sequence[AnyPath], config: Path) -> tuple[list[Looked], list[LeftOut]]:
    looked, left_out, known = list[Looked](), list[LeftOut](), dict[tuple[int, str], str]()
    rows_max = min(ROWS_MAX, max(1000, _ROWS_OF_ALL_MAX // max(1, len(paths))))
    for path in paths:
        label = label_of(path, config.parent)
        with _as_usage(label):
            one, why = _look(path, label, rows_max)
            seen = readers.fingerprint(path)
        content = (seen.size, seen.digest)
        if not why and content in known:
            why = f"the same content as {known[content]}"
        known.setdefault(content, label)
        if one is None or why:
            left_out.append(LeftOut(label, why))
        else:
            looked.append(one)
    return looked, left_out


def _look(path: AnyPath, label: str, rows_max: int) -> tuple[Looked | None, str]:
    """A file, or why it is left out."""
    is_foreign = format_of(path) is None
    try:
        file = opened(path, label)
        if file.is_empty:
            return None, "the file is empty"
        file, found = _sampled(file, rows_max)
    except (UsageError, SourceError):
        if is_foreign and path.suffix.lower() in NO_DATA:
            return None, "no file of rows"
        raise
    broken = len(found.broken)
    if is_foreign and (
        path.suffix.lower() in NO_DATA or broken > _BROKEN_SHARE_MAX * (broken + len(found.rows))
    ):
        return None, "no file of rows"
    if not len(found.rows):
        return None, "no row that can be read" if broken else "a header and no rows"
    if set(REJECT_COLUMNS) <= set(found.table.column_names):
        file.notes.append(
            "these are rejects of an earlier run: mended, they want a config of their own, with"
            " another checkpoint and other rejects"
        )
    return Looked(stem_of(path), file, found), ""


def _sampled(file: Opened, rows_max: int) -> tuple[Opened, Sample]:
    """The rows of a file; where quotes open cells and never close them, quotes are no quotes."""
    try:
        return file, sample(file, rows_max)
    except SourceError:
        if file.file.format != "csv":
            raise
        bare = replace(file, source=file.source.model_copy(update={"quote": ""}))
        found = sample(bare, rows_max)
        if found.broken or not len(found.rows):
            raise
    bare.notes.append("quotes that open and never close: read as ordinary characters")
    return bare, found


@contextmanager
def _as_usage(label: str) -> Iterator[None]:
    """Errors of sources as those of a command that names them."""
    try:
        yield
    except (MappingError, SourceError) as error:
        raise UsageError(error.what, label, error.fix) from error
    except OSError as error:
        what = f"the file cannot be read: {error.strerror}"
        raise UsageError(what, label, "make it readable") from error
