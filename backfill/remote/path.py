"""An object in a store, in the words of pathlib."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from backfill.remote.ranges import RANGE_BYTES, RangedFile
from backfill.remote.stores import Kind, State, kind_of, listed, opened, state

if TYPE_CHECKING:
    import pyarrow as pa

#: Pieces of one object that are asked for at the same time.
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class RemotePath:
    """An object, or the beginning that the keys of several have in common.

    Picklable: who reads it connects by its own environment. key: without a "/" at its end.
    What asks the store raises OSError, whose text is for `store_failure` alone.
    """

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return PurePosixPath(self.key).name

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return PurePosixPath(self.key).suffix

    @property
    def suffixes(self) -> list[str]:
        """All endings of the name."""
        return PurePosixPath(self.key).suffixes

    def with_key(self, key: str) -> RemotePath:
        """Another key in the same bucket."""
        return replace(self, key=key)

    def resolve(self) -> RemotePath:
        """Itself: a store has no links."""
        return self

    def absolute(self) -> RemotePath:
        """Itself."""
        return self

    def kind(self) -> Kind:
        """Whether there is an object, or others below it; up to two requests."""
        return kind_of(self.scheme, self.bucket, self.key)

    def is_file(self) -> bool:
        """Whether it is an object."""
        return self.kind() == "file"

    def has_bucket(self) -> bool:
        """Whether its bucket is there."""
        return kind_of(self.scheme, self.bucket, "") != "nothing"

    def below(self, *, is_deep: bool) -> list[tuple[RemotePath, Kind]]:
        """What lies below it, a request for every thousand; is_deep: also in its folders."""
        found = listed(self.scheme, self.bucket, self.key, is_deep)
        return [(self.with_key(key), kind) for key, kind in found]

    def stat(self) -> State:
        """What it is now; one request."""
        return state(self.scheme, self.bucket, self.key)

    def open(self, mode: str = "rb", buffering: int = -1) -> RangedFile:
        """The object as a file; one request. buffering: there is always some."""
        assert (mode, buffering) in (("rb", -1), ("rb", 0))
        file, known = opened(self.scheme, self.bucket, self.key)
        return RangedFile(file, known.st_size)

    @contextmanager
    def native(self) -> Iterator[pa.NativeFile]:
        """The object as pyarrow reads it: a request to open it, and one for every read."""
        with opened(self.scheme, self.bucket, self.key)[0] as file:
            yield file

    def sampled(
        self, places: Callable[[int], Sequence[tuple[int, int]]]
    ) -> tuple[State, list[bytes]]:
        """What it is, and pieces of it.

        places: offset and length of each piece in ascending order, given the size in bytes.
        Of a small object all is read by one request, else each piece by one.
        """
        opening, known = opened(self.scheme, self.bucket, self.key)
        with opening as file:
            wanted = places(known.st_size)
            start, stop = wanted[0][0], sum(wanted[-1])
            if stop - start <= RANGE_BYTES:
                whole = file.read_at(stop - start, start) if stop > start else b""
                return known, [whole[at - start : at - start + n] for at, n in wanted]
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                return known, list(threads.map(lambda place: _piece(file, *place), wanted))


def _piece(file: Any, at: int, length: int) -> bytes:
    found: bytes = file.read_at(length, at)
    return found
