"""The columns of a block, seen as blank or not, as text, and as JSON in their source form."""

from backfill.columns.column import Column, columns_of
from backfill.columns.jsontext import (
    Json,
    compact,
    escaped,
    is_readable,
    json_arrays,
    json_string,
    nowhere,
    overflows,
    raw_json,
)

__all__ = [
    "Column",
    "Json",
    "columns_of",
    "compact",
    "escaped",
    "is_readable",
    "json_arrays",
    "json_string",
    "nowhere",
    "overflows",
    "raw_json",
]
