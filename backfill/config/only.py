"""A part of a job: one stream, and another file for it, as rows that were mended."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

from backfill.config.job import Job
from backfill.errors import UsageError
from backfill.remote import is_uri

#: How the name of a part begins, as its checkpoint and its folder of rejects have it.
PART = "only-"

#: Of a mended file, to tell how it was saved: more than any that is mended by hand.
_LOOKED_AT_BYTES = 64 << 20

#: What stands beside a checkpoint and is none, and one that --fresh put aside.
_BESIDE = re.compile(
    r"(\.lock|-wal|-shm|-journal|\.history|\.plan\.json|\.learnt\.json"
    r"|\.[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}(\.html)?)$"
)


def only(job: Job, name: str, source: Path | None = None) -> Job:
    """The job that sends one stream of another, of `source` where one is given.

    Its checkpoint stands beside the job's as NAME.only-STREAM or NAME.only-STREAM-FILE-DIGEST, its
    rejects below the job's: neither takes the place of what is there, and a file that was edited is
    another one. The stream keeps its name, and so its events their ids.
    Raises UsageError for a stream that the job does not have, or a source that is not there or
    cannot be read.
    """
    streams = {stream.name: stream for stream in job.streams}
    if name not in streams:
        close = difflib.get_close_matches(name, streams, n=1)
        fix = f"did you mean '{close[0]}'?" if close else f"use one of: {', '.join(streams)}"
        raise UsageError(f"no stream '{name}' in {job.path}", "--only", fix)
    stream, part = streams[name], f"{PART}{name}"
    if source is not None:
        if is_uri(str(source).replace(":/", "://")):  # pathlib makes one slash of two
            fix = "copy it here, and name the copy"
            raise UsageError("mended rows are read from this machine", "--source", fix)
        if not source.is_file():
            raise UsageError("there is no such file", f"--source {source}", "check the path")
        told = {"path": os.path.relpath(source.resolve(), job.base.resolve())}
        try:
            part += f"-{source.name}-{_digest(source)}"
            if _is_utf8_after_all(source, stream.source.encoding):
                told["encoding"] = "utf-8"
        except OSError as error:
            what = f"the file cannot be read: {error.strerror}"
            raise UsageError(what, f"--source {source}", "make it readable") from error
        of_file = {"source": stream.source.model_copy(update=told), "expect": None}
        stream = stream.model_copy(update=of_file)
    return replace(
        job,
        checkpoint=job.checkpoint.with_name(f"{job.checkpoint.name}.{part}"),
        rejects=job.rejects / part,
        streams=(stream,),
        part_of=job,
    )


def _is_utf8_after_all(path: Path, encoding: str) -> bool:
    """Whether a file of a stream in some other encoding was saved as UTF-8, as spreadsheets do.

    Text beyond ASCII that is valid UTF-8 by chance hardly exists; read as cp1252, it would reach
    people as other letters.
    """
    if encoding.lower().replace("_", "-").startswith(("utf-16", "utf16", "utf-32", "utf32")):
        return False
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT_BYTES)
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else only the last character is cut
            return False
        text = head[: error.start].decode("utf-8")
    return not text.isascii()


def _digest(path: Path) -> str:
    """Six characters that tell the contents of files apart."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:6]


def parts(job: Job) -> list[Path]:
    """The checkpoints of a job's parts, as far as there are any; OSError of their folder."""
    lead, folder = f"{job.checkpoint.name}.{PART}", job.checkpoint.parent
    found = (
        [path for path in folder.iterdir() if path.name.startswith(lead)] if folder.is_dir() else []
    )
    return sorted(path for path in found if not _BESIDE.search(path.name))
