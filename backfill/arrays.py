"""Arrow's arrays of numpy's and of lists, and back.

`pa.array`, `pa.scalar` and `to_numpy` would import pandas wherever it is installed: 0.3 s and
45 MB.  [observed: pyarrow 26]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def flags(values: npt.NDArray[np.bool_]) -> pa.BooleanArray:
    """bool[n], none null."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def integers(
    values: npt.NDArray[np.int64], is_null: npt.NDArray[np.bool_] | None = None
) -> pa.Int64Array:
    """int64[n]; is_null: which of them are null, None: none is."""
    is_known = None if is_null is None else _bits(~is_null)
    numbers = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.int64(), len(values), [is_known, numbers])


def texts(values: list[str]) -> pa.LargeStringArray:
    """Texts, none null."""
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return pa.LargeStringArray.from_buffers(
        len(values), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    )


def slices(content: bytes | memoryview, bounds: npt.NDArray[np.int64]) -> pa.LargeBinaryArray:
    """Content in slices; bounds: int64[n + 1], where each begins and the last one ends. A view."""
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(content)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(bounds) - 1, buffers)


def contiguous(array: pa.Array) -> tuple[memoryview, npt.NDArray[np.int64]]:
    """Large texts or slices, none null, one behind the other; int64[n]: where each ends. A view."""
    offsets, data = array.buffers()[1:]
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return memoryview(data)[int(bounds[0]) : int(bounds[-1])], bounds[1:] - bounds[0]


def numpy_of(integers: pa.Array) -> npt.NDArray[np.signedinteger]:
    """The values of whole numbers, none of them null; a view."""
    stored = np.frombuffer(integers.buffers()[1], np.dtype(str(integers.type)))
    return stored[integers.offset : integers.offset + len(integers)]


def _bits(values: npt.NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))
