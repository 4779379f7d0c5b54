"""Arrow's other ways of holding a value, turned into the plain ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from backfill.arrays import integers, numpy_of


def is_plain(kind: pa.DataType) -> bool:
    """Whether the type, nested ones included, is already what `plain` makes."""
    is_other = (
        isinstance(kind, pa.BaseExtensionType)
        or types.is_dictionary(kind)
        or types.is_string_view(kind)
        or types.is_binary_view(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )
    return not is_other and all(is_plain(kind.field(i).type) for i in range(kind.num_fields))


def can_be_plain(kind: pa.DataType) -> bool:
    """Whether `plain` takes the type: all but maps of types that are not plain."""
    if types.is_map(kind):
        return is_plain(kind)
    return all(can_be_plain(kind.field(i).type) for i in range(kind.num_fields))


def plain(column: pa.Array) -> pa.Array:
    """The same values without dictionaries, views and extension types; lists and structs stay."""
    kind = column.type
    if is_plain(kind):
        return column
    if isinstance(kind, pa.BaseExtensionType):
        return plain(column.storage)
    if types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if types.is_string_view(kind):
        return column.cast(pa.string())
    if types.is_binary_view(kind):
        return column.cast(pa.binary())
    if types.is_struct(kind):
        members = [plain(member) for member in column.flatten()]
        names = [kind.field(i).name for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(members, names, mask=column.is_null())
    return _plain_list(column)


def _plain_list(column: pa.Array) -> pa.Array:
    # Not by cast: from a list view it makes offsets that are too few.  [observed: pyarrow 26.0.1]
    lengths = numpy_of(pc.list_value_length(column).fill_null(0))
    offsets = integers(np.append(0, np.cumsum(lengths, dtype=np.int64)))
    return pa.LargeListArray.from_arrays(offsets, plain(column.flatten()), mask=column.is_null())
