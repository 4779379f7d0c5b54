"""Rows that carry a seal over their values: what was not written as it stands is not believed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import xxhash


def put(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows, or replace those of the same key; each gets its seal."""
    sealed = [(*row, _seal(row)) for row in rows]
    if sealed:
        marks = ", ".join("?" * len(sealed[0]))
        connection.executemany(f"REPLACE INTO {table} VALUES ({marks})", sealed)  # noqa: S608


def rows(connection: sqlite3.Connection, table: str, order: str = "rowid") -> Iterator[Any]:
    """The rows of a table without their seals; ValueError for one that is not as we wrote it.

    table, order: names from our own code.
    """
    query = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608 (see above)
    for *row, seal in connection.execute(query):
        if seal != _seal(row):
            raise ValueError(f"a row of {table} is not as it was written")
        yield tuple(row)


def _seal(row: Iterable[Any]) -> bytes:
    seal = xxhash.xxh3_64()
    for value in row:
        content = value if isinstance(value, bytes) else repr(value).encode()
        seal.update(f"{type(value).__name__} {len(content)} ".encode())
        seal.update(content)
    return seal.digest()
