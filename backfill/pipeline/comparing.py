"""Exports held against what is known of earlier runs, before anything of them is sent."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xxhash

from backfill.changes import (
    Candidates,
    Comparing,
    Comparison,
    Detection,
    Key,
    Known,
    Memory,
    Texts,
    known,
    texts,
)
from backfill.changes.header import header_of
from backfill.checkpoint import locked, new_run_id
from backfill.config import Job
from backfill.errors import CheckpointError
from backfill.mapping import Stream
from backfill.operations.binding import KEY_ROW
from backfill.pipeline.blocks import Turn, sound_blocks
from backfill.pipeline.sources import OpenFile, OpenStream
from backfill.remarks import Says
from backfill.resumption import Loose

#: Raised when rows become other operations by the same mapping: then every row is encoded anew.
RULES = 1


@dataclass(frozen=True, slots=True)
class Scope:
    """What a comparison is for.

    is_full: whether nothing counts as acknowledged. limit: as of `Options`.
    """

    is_full: bool = False
    limit: int | None = None


def loose(streams: tuple[OpenStream, ...]) -> Loose:
    """Which of the streams may differ while a run is unfinished."""
    compared = frozenset(one.name for one in streams if one.stream.changes is not None)
    growing = frozenset(one.name for one in streams if one.stream.since is not None)
    if compared or growing:  # a job for every night: what is sent whole then is anew, too
        growing |= frozenset(one.name for one in streams if _is_sent_whole(one))
    return Loose(compared, growing)


def _is_sent_whole(stream: OpenStream) -> bool:
    """Whether its rows are the same to the API whatever file of its name they stand in."""
    event = stream.stream.event
    return stream.arrivals is None and (event is None or event.key != KEY_ROW)


def memories(
    job: Job,
    streams: tuple[OpenStream, ...],
    destination: str,
    scope: Scope,
    held: ExitStack,
    says: Says,
) -> dict[str, Memory]:
    """What is known of each stream that compares, this process's own until `held` ends.

    Raises CheckpointError where it belongs to another key or workspace, is in use, or damaged.
    """
    found = {}
    for one in streams:
        stream = one.stream
        if stream.changes is None:
            continue
        path = known_path(job, stream.name)
        held.enter_context(locked(path))
        files = _files_before(path)
        are_counted = job.part_of is None
        belongs = _belongs(stream, destination, max(files, len(one.files) if are_counted else 0))
        if aside := _put_aside(path, belongs, is_full=scope.is_full):
            says(f"{stream.name}: what was known by another key is kept as {aside}", "known_kept")
        names_first = stream.vanished != "ignore"
        opened = Known.open(path, belongs)
        found[stream.name] = Memory(
            opened, _texts(stream, path), names_first=names_first, files=files
        )
        held.callback(found[stream.name].close)
    _give_back()
    return found


def accept_files(one: OpenStream, destination: str) -> None:
    """From now on the files of this run are all that there are to be."""
    assert one.detector is not None
    one.detector.memory.known.belong(_belongs(one.stream, destination, len(one.files)))


def looked_at(job: Job, streams: tuple[OpenStream, ...], held: ExitStack) -> dict[str, Memory]:
    """The same for who only looks, whatever workspace it is of."""
    found = {}
    for stream in (one.stream for one in streams if one.stream.changes is not None):
        path = known_path(job, stream.name)
        header = header_of(path)
        if header is not None:
            _check(path, header.belongs, _belongs(stream, header.belongs["destination"]))
        kept = texts.path_of(path)
        found[stream.name] = Memory(
            Known.look(path),
            _texts(stream, path) if kept.exists() else None,
            files=_files_before(path),
        )
        held.callback(found[stream.name].close)
    return found


def compared(
    streams: tuple[OpenStream, ...],
    remembered: Mapping[str, Memory],
    scope: Scope,
    into: list[OpenStream],
) -> Iterator[None]:
    """Add each stream to `into`, less the rows that were acknowledged as they stand.

    Yields after each block, so that the caller can stop. Raises SourceError where a source cannot
    be read on.
    """
    for stream in streams:
        memory, told = remembered.get(stream.name), stream.stream.changes
        if memory is None or told is None:
            into.append(stream)
            continue
        is_acted_on = _is_acted_on(stream, streams)
        key, candidates = _key(stream.stream, is_acted_on=is_acted_on), Candidates()
        comparing = Comparing(memory.known, key, is_full=scope.is_full)
        for source in stream.files:
            sieve = comparing.begin(source.file, _seed(stream.stream, source, is_acted_on))
            for block in sound_blocks(Turn(replace(source, sieve=sieve), None, None)):
                comparing.add(block)
                candidates.add(block)
                yield
        _give_back()
        found = comparing.compared()
        _give_back()
        files = tuple(_sifted(one, found, candidates) for one in stream.files)
        into.append(replace(stream, files=files, detector=Detection(told, found, memory)))


def _is_acted_on(stream: OpenStream, streams: tuple[OpenStream, ...]) -> bool:
    """Whether something becomes of who is gone from it, or from one that may name the same."""
    return stream.stream.vanished != "ignore" or any(
        one.stream.vanished != "ignore" and stream.stream.may_name_those_of(one.stream)
        for one in streams
    )


def _key(stream: Stream, *, is_acted_on: bool) -> Key:
    assert stream.changes is not None
    kind = stream.object.type if stream.object else None
    types = frozenset([kind.column] if kind and kind.column else ())
    return Key(stream.changes.columns, stream.caseless_columns, types, is_acted_on)


def _sifted(source: OpenFile, found: Comparison, candidates: Candidates) -> OpenFile:
    """A file of which those rows are read that may have changed; from memory where they are few."""
    kept = candidates.of(source.file)
    blocks = None if kept is None else tuple(found.resifted(kept))
    return replace(source, sieve=found.sieve(source.file), kept=blocks)


def _give_back() -> None:
    """Give memory back that was freed in between: 100 MB after 10 million keys. glibc's alone."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def put_in_doubt(job: Job, streams: tuple[OpenStream, ...]) -> None:
    """Streams that do not compare send what is not remembered: nothing known of them counts then.

    Raises as `memories`.
    """
    for name in (one.name for one in streams if one.stream.changes is None):
        path = known_path(job, name)
        if (header := header_of(path)) is not None:
            with locked(path), closing(Memory(Known.open(path, header.belongs), None)) as memory:
                memory.doubt_all()


def known_path(job: Job, stream: str) -> Path:
    """Where what is known of a stream stands: a part of a job shares it with the whole."""
    return known.path_of((job.part_of or job).checkpoint, stream)


def check_known(job: Job, stream: Stream, destination: str) -> None:
    """Raise CheckpointError where what is known of a stream is of another workspace or key."""
    path = known_path(job, stream.name)
    if header := header_of(path):
        _check(path, header.belongs, _belongs(stream, destination))


def _belongs(stream: Stream, destination: str, files: int = 0) -> dict[str, Any]:
    """files: how many the export is to have before anybody counts as gone."""
    assert stream.changes is not None
    columns = list(stream.changes.columns)
    return {"stream": stream.name, "key": columns, "destination": destination, "files": files}


def _files_before(path: Path) -> int:
    header = header_of(path)
    return int(header.belongs.get("files", 0)) if header else 0


def _put_aside(path: Path, belongs: Mapping[str, Any], *, is_full: bool) -> Path | None:
    """Check that the file may go on; where all is sent, one of another key makes room."""
    if (header := header_of(path)) is None:
        return None
    is_other_key = header.belongs["key"] != belongs["key"]
    if is_full and is_other_key:
        _check(path, header.belongs, {**belongs, "key": header.belongs["key"]})
        kept = path.with_name(f"{path.name}.{new_run_id()}")
        path.rename(kept)
        texts.path_of(path).unlink(missing_ok=True)
        return kept
    _check(path, header.belongs, belongs)
    return None


def _check(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    if before["destination"] != now["destination"]:
        raise CheckpointError(
            "what is known of earlier runs is of another workspace:"
            f" {before['destination']}, and not {now['destination']}",
            str(path),
            "use the workspace it is of, or name another checkpoint in the config",
        )
    if before["key"] != now["key"]:
        raise CheckpointError(
            f"what is known of earlier runs goes by changes.key {', '.join(before['key'])}, and"
            f" not by {', '.join(now['key'])}",
            str(path),
            "put the key back, or send everything once by the new one with --full",
        )


def _texts(stream: Stream, path: Path) -> Texts | None:
    told = stream.changes
    if told is None or not (told.keeps_operations or stream.vanished != "ignore"):
        return None
    others = tuple(stream.person or ())[1:] if stream.vanished != "ignore" else ()
    return Texts(texts.path_of(path), others, keeps_previous=told.keep_previous)


def _seed(stream: Stream, source: OpenFile, is_acted_on: bool) -> int:
    """Of all that decides what a row of a file becomes, but the row itself.

    is_acted_on: as of `Key`: then keys are looked at more closely.
    """
    reader = source.reader
    meaning = (RULES, stream.meaning(), reader.form.value, reader.columns, is_acted_on)
    return xxhash.xxh3_64_intdigest(repr(meaning).encode(errors="surrogateescape"))
