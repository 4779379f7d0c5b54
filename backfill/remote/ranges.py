"""An object read from front to back, in ranges that are fetched ahead."""

from __future__ import annotations

import io
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import WriteableBuffer

#: Bytes of one request. At 30 ms to the first byte and 90 MB/s a connection, as stores in the same
#: region give, a quarter of the time is waiting at 8 MiB, over half at 2 MiB; the next range is
#: fetched meanwhile, so that two are held.
RANGE_BYTES = 8 << 20

#: Bytes of the first request behind an opening or a seek: often only a header is looked at.
FIRST_BYTES = 1 << 18


class RangedFile(io.RawIOBase):
    """An object as a file. What is read of it is all there is up to the size it is opened with.

    Memory: two ranges. size: in bytes, as it is opened. Raises OSError of pyarrow.
    """

    def __init__(
        self,
        native: pa.NativeFile,
        size: int,
        range_bytes: int = RANGE_BYTES,
        first_bytes: int = FIRST_BYTES,
    ) -> None:
        self._native, self.size = native, size
        self._range_bytes, self._first_bytes = range_bytes, first_bytes
        self._at = 0
        self._range, self._start = b"", 0
        self._wanted = first_bytes
        self._threads: ThreadPoolExecutor | None = None
        self._ahead: Future[bytes] | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go on elsewhere."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence, self.size))
        if not self._start <= self._at <= self._start + len(self._range):
            self._range, self._start = b"", self._at
            self._wanted, self._ahead = self._first_bytes, None
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer; less only at the end of the object."""
        view, filled = memoryview(buffer).cast("B"), 0
        while filled < len(view) and self._at < self.size:
            if self._at >= self._start + len(self._range):
                self._next_range()
                if not self._range:
                    break  # it is shorter by now
            begin = self._at - self._start
            piece = memoryview(self._range)[begin : begin + len(view) - filled]
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._at += len(piece)
        return filled

    def close(self) -> None:
        """Leave it; a range under way is not waited for."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None
        super().close()

    def _next_range(self) -> None:
        ahead, self._ahead = self._ahead, None
        self._start = self._at
        self._range = b""  # given back before another one comes
        self._range = ahead.result() if ahead else self._fetched(self._at, self._wanted)
        if self._wanted == self._range_bytes:  # not yet where only the beginning may be wanted
            self._fetch_ahead(self._start + len(self._range))
        self._wanted = self._range_bytes

    def _fetch_ahead(self, at: int) -> None:
        if at < self.size:
            self._threads = self._threads or ThreadPoolExecutor(1, "range")
            self._ahead = self._threads.submit(self._fetched, at, self._range_bytes)

    def _fetched(self, at: int, length: int) -> bytes:
        found: bytes = self._native.read_at(min(length, self.size - at), at)
        return found
