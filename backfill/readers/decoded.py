"""A text file as a stream of UTF-8 bytes, whatever its compression and encoding."""

from __future__ import annotations

import codecs
import io
import os
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa
from isal import igzip

from backfill.dialect import MARKING, encode
from backfill.errors import SourceError
from backfill.readers.source_errors import changed, cut_short, source_errors
from backfill.remote import AnyPath, RangedFile, RemotePath

#: Bytes read at once where they are decompressed, transcoded or thrown away. Measured on the CSV
#: of 148 MB as cp1252: 0.58, 0.56, 0.57 and 0.87 µs a row at 64 KiB, 256 KiB, 1 MiB and 4 MiB.
_PIECE_BYTES = 1 << 20


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class DecodedFile:
    """A file of rows as UTF-8, read once from front to back.

    Bytes that are no text in the file's encoding come out as bytes that are not valid UTF-8, so
    that whoever validates the UTF-8 finds them: those of a UTF-8 file as they are, those of
    another encoding as marks (see `backfill.dialect`) in three bytes each.

    path:     .gz and .zst are decompressed.
    label:    how errors name the file.
    encoding: a codec's own name, as `dialect.encoding_name` gives it.
    bytes_max: of an uncompressed file that is being written, how much of it there is to read.
    Raises SourceError where the file is missing, damaged, cut short, or changes its size.
    """

    def __init__(
        self, path: AnyPath, label: str, encoding: str, bytes_max: int | None = None
    ) -> None:
        self._path, self.label, self._bytes_max = path, label, bytes_max
        with source_errors(label):
            self._raw: io.FileIO | RangedFile = path.open("rb", buffering=0)
            if isinstance(self._raw, RangedFile):
                self._size_bytes = self._raw.size = self._bounded(self._raw.size)
            else:
                self._size_bytes = self._size_now()
            self._bytes: _Bytes = _decompressed(self._raw, path.suffix.lower())
        self._is_plain = self._bytes is self._raw and encoding == "utf-8"
        self._decoder = (
            None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)(MARKING)
        )
        self._left = b""
        self._is_at_end = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bytes is not self._raw:
            self._bytes.close()
        self._raw.close()

    @property
    def is_plain(self) -> bool:
        """Whether it is read as it stands, so that reading can begin anywhere at once."""
        return self._is_plain

    @property
    def share(self) -> float:
        """How much of the file was read, of its own bytes: 0 to 1."""
        return self._raw.tell() / max(self._size_bytes, 1)

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end of the file only."""
        pieces, missing = [self._left] if self._left else [], size - len(self._left)
        while missing > 0 and not self._is_at_end:
            piece = self._decoded_piece(missing)
            pieces.append(piece)
            missing -= len(piece)
        found = b"".join(pieces)
        self._left = found[size:]
        return found[:size]

    def skip(self, size: int) -> None:
        """Go on `size` bytes from the start of the file; call it before any `read`."""
        if self._is_plain and size <= self._size_bytes:
            self._raw.seek(size)
            return
        while size > 0:
            piece = self.read(min(size, _PIECE_BYTES))
            if not piece:
                raise changed(self.label)
            size -= len(piece)

    def _decoded_piece(self, wanted: int) -> bytes:
        size = wanted if self._is_plain else min(max(wanted, 16), _PIECE_BYTES)
        if self._bytes_max is not None:
            size = min(size, self._bytes_max - self._raw.tell())
        with source_errors(self.label):
            piece = self._bytes.read(size)
            self._is_at_end = not piece
            if self._is_at_end:
                self._check_size()
        if self._decoder is None:
            return piece
        try:
            text = self._decoder.decode(piece, final=self._is_at_end)
        except UnicodeError as error:  # what no byte of it explains: UTF-16 and UTF-32 without mark
            raise SourceError(
                "the file does not begin with a byte order mark",
                self.label,
                "say which order its bytes have: encoding: utf-16-le or utf-16-be",
            ) from error
        return text.encode("utf-8", "surrogatepass")

    def _check_size(self) -> None:
        is_compressed = self._bytes is not self._raw
        if is_compressed and not self._size_bytes:
            raise cut_short(self.label)
        is_read_whole = is_compressed or self._raw.tell() == self._size_bytes
        if self._size_now() != self._size_bytes or not is_read_whole:
            raise changed(self.label)

    def _size_now(self) -> int:
        if isinstance(self._path, RemotePath):
            return self._bounded(self._path.stat().st_size)
        return self._bounded(os.fstat(self._raw.fileno()).st_size)

    def _bounded(self, size: int) -> int:
        return size if self._bytes_max is None else min(size, self._bytes_max)


def as_in_file(record: bytes, encoding: str) -> bytes:
    """What came out of `DecodedFile` as it stands in the file."""
    if encoding == "utf-8":
        return record
    return encode(record.decode("utf-8", "surrogatepass"), encoding)


def _decompressed(raw: io.FileIO | RangedFile, suffix: str) -> _Bytes:
    if suffix == ".gz":
        return igzip.IGzipFile(fileobj=raw, mode="rb")  # type: ignore[no-untyped-call]
    if suffix == ".zst":
        # pyarrow's, not zstandard's reader: that one ends without an error where a file is cut.
        return pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd")  # type: ignore[no-any-return]
    return raw
