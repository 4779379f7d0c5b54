"""A stream cut into shards: what one worker reads from end to end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from backfill.pipeline.blocks import Turn
from backfill.pipeline.sources import OpenFile, OpenStream
from backfill.readers import Fingerprint
from backfill.records import BlockStart, SourceFile

#: About how many bytes a shard takes of a file that is cut: 0.3 s of work, many times what it takes
#: to open a file and to find a place in it. Rows of Parquet, whose compressed bytes tell little.
SHARD_BYTES, SHARD_ROWS = 32 << 20, 1 << 18

#: The least; how many each worker is to get, so that all end together.
SHARD_BYTES_MIN, SHARDS_EACH = 1 << 20, 4


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of one file.

    file:  as the driver knows it; its path holds on every node.
    start: where it begins; None: at the beginning of the file.
    stop:  where it ends; None: at the end of the file.
    origins: as of Surroundings.
    """

    file: SourceFile
    fingerprint: Fingerprint
    origins: Mapping[str, str]
    start: BlockStart | None = None
    stop: BlockStart | None = None

    @property
    def first(self) -> int:
        """Its first row."""
        return self.start.row if self.start else 0


@dataclass(frozen=True, slots=True)
class Shard:
    """What one worker reads from end to end.

    number: from 1. cuts: in the order in which they are read, none of them of the same file.
    share:  which of how many shares of the entities it is about; None: all.
    rows:   how many rows the cuts have; None: that is not known before they are read.
    size:   bytes of its files that it reads.
    """

    number: int
    cuts: tuple[Cut, ...]
    share: tuple[int, int] | None = None
    rows: int | None = None
    size: int = 0


class Sizes(NamedTuple):
    """How a stream is cut.

    share: bytes that each shard would have, were they all alike. Text that is not much more is not
           cut: to find where its records begin, all of it is read. shard: bytes of one, about.
    """

    share: int
    shard: int


def sizes(stream: OpenStream, workers: int) -> Sizes:
    """How a stream is cut for so many workers."""
    share = sum(file.fingerprint.size for file in stream.files) // (SHARDS_EACH * workers)
    share = max(SHARD_BYTES_MIN, share)
    return Sizes(share, min(share, SHARD_BYTES))


def shards(files: list[Turn], cut: Sizes) -> Iterator[Shard]:
    """The shards of what is not done of a stream, in the order of its rows. Blocking.

    files: of the stream, as `turns` tells them. Raises SourceError where one cannot be read.
    """
    number = 0
    for file in files:
        if file.rows is not None:
            continue
        for shard in _of_file(file.source, file.start, cut):
            number += 1
            yield replace(shard, number=number)


def rows_before(files: list[Turn]) -> int:
    """Rows that no shard of the files will hold, for nothing is left to do of them."""
    starts = [file.start.row if file.start else 0 for file in files]
    return sum(
        start if file.rows is None else file.rows for file, start in zip(files, starts, strict=True)
    )


def by_share(found: list[Shard], shares: int) -> list[Shard]:
    """The same rows as so many shards, each of the entities that are its share.

    How many rows each has is reckoned.
    """
    one = whole(found)
    rows = [None if one.rows is None else (one.rows + i) // shares for i in range(shares)]
    return [Shard(i + 1, one.cuts, (i, shares), rows[i], one.size // shares) for i in range(shares)]


def whole(found: list[Shard]) -> Shard:
    """The same rows as one shard."""
    rows = [shard.rows for shard in found if shard.rows is not None]
    known = sum(rows) if len(rows) == len(found) else None
    return Shard(1, _files(found), None, known, sum(shard.size for shard in found))


def _files(found: list[Shard]) -> tuple[Cut, ...]:
    """One cut of each file, of all that the shards take of it; a shard has one cut."""
    files: dict[int, Cut] = {}
    for shard in found:
        (cut,) = shard.cuts
        files.setdefault(cut.file.index, replace(cut, stop=None))
    return tuple(files.values())


def _of_file(file: OpenFile, start: BlockStart | None, wanted: Sizes) -> Iterator[Shard]:
    """The shards of a file from `start` on."""
    bytes_all, begun = file.fingerprint.size, 0
    there = replace(file.file, path=file.file.path.absolute())  # wherever a worker runs
    cut = Cut(there, file.fingerprint, file.origins, start)
    is_cut = file.file.format == "parquet" or bytes_all > wanted.share + wanted.share // 2
    points = file.reader.points(start) if is_cut else None
    if points is None:
        yield Shard(0, (cut,), size=bytes_all)
        return
    end = cut.first
    for point, read_share in points:
        end, read = point.row, int(read_share * bytes_all)
        is_full = read - begun >= wanted.shard or end - cut.first >= SHARD_ROWS
        if is_full and bytes_all - read >= (read - begun) // 2:
            yield Shard(0, (replace(cut, stop=point),), None, end - cut.first, read - begun)
            cut, begun = replace(cut, start=point), read
    yield Shard(0, (cut,), None, end - cut.first, bytes_all - begun)
