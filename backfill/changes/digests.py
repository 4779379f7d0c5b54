"""Digests of keys and operations: the same in every run, on every machine, in every version.

    key        blake2b, 12 bytes, of the compact JSON array [text, text, null, …] in UTF-8, an
               email that names a person in lower case
    operation  blake2b, 16 bytes, of its JSON as it is sent in full, without the comma behind it

Both carry the version of this form in blake2b's `person`, and are pinned by a golden test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from backfill.batches import Slice
from backfill.changes.entries import RECORD, Records
from backfill.columns import Column, json_arrays
from backfill.operations.identities import is_object_type, named
from backfill.records import Bools
from backfill.trackapi import IDENTIFIER_BYTES_MAX

_KEY, _OPERATION = b"backfill key 1", b"backfill op 1"
_KEY_BYTES, _OPERATION_BYTES = 12, 16
_PARTS = np.dtype([("hi", "<u8"), ("lo", "<u4")])


class Key(NamedTuple):
    """The columns of a key; one that no row has is blank in all of them.

    caseless: those of them whose letter case tells nothing apart.
    types:    those that hold the type of an object.
    is_acted_on: whether something becomes of who vanished.
    """

    columns: tuple[str, ...]
    caseless: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    is_acted_on: bool = False


def of_keys(columns: Mapping[str, Column], key: Key, height: int) -> Records:
    """The records of the keys of some rows, with nothing but the key in them."""
    blake2b, records = hashlib.blake2b, np.zeros(height, RECORD)
    digests = [
        blake2b(row, digest_size=_KEY_BYTES, person=_KEY).digest()
        for row in json_arrays([_compared(columns, name, key, height) for name in key.columns])
    ]
    parts = np.frombuffer(b"".join(digests), _PARTS)
    records["hi"], records["lo"] = parts["hi"], parts["lo"] & ~np.uint32(0xFF)
    return records


def are_blank(columns: Mapping[str, Column], key: Key, height: int) -> Bools:
    """bool[height]: which rows have no text in any column of their key."""
    blank = np.ones(height, np.bool_)
    for name in key.columns:
        blank &= _text(columns, name, height).is_null().to_numpy()
    return blank


def are_unreadable(columns: Mapping[str, Column], key: Key, height: int) -> Bools:
    """bool[height]: which rows name nobody by the rules of what is sent.

    They may be about anybody: blank, no identifier, too long, or no object's type.
    """
    found = np.zeros(height, np.bool_)
    for name in key.columns:
        if (column := columns.get(name)) is None:
            return np.ones(height, np.bool_)
        text = named(column)
        is_bad = text.is_null() | column.is_no_name | (text.str.len_bytes() > IDENTIFIER_BYTES_MAX)
        if name in key.types:
            is_bad |= ~is_object_type(text)
        found |= is_bad.fill_null(True).to_numpy()
    return found


def are_padded(columns: Mapping[str, Column], key: Key, height: int) -> Bools:
    """bool[height]: in which rows a key begins or ends with white space, as nobody means it."""
    found = np.zeros(height, np.bool_)
    for name in key.columns:
        text = _text(columns, name, height)
        found |= (text.str.strip_chars() != text).fill_null(False).to_numpy()
    return found


def put_operations(records: Records, operations: Iterable[Slice]) -> None:
    """Put the digest of each operation, without the comma behind it, into its record."""
    pairs = np.frombuffer(b"".join(map(of_operation, operations)), "<u8").reshape(-1, 2)
    records["d0"], records["d1"] = pairs[:, 0], pairs[:, 1]


def of_operation(text: Slice) -> bytes:
    """The digest of an operation."""
    return hashlib.blake2b(text, digest_size=_OPERATION_BYTES, person=_OPERATION).digest()


def operations_of(records: Records) -> list[bytes]:
    """The digests of operations that records hold."""
    whole = np.stack([records["d0"], records["d1"]], axis=1).astype("<u8").tobytes()
    return [whole[i : i + _OPERATION_BYTES] for i in range(0, len(whole), _OPERATION_BYTES)]


def _compared(columns: Mapping[str, Column], name: str, key: Key, height: int) -> pl.Series:
    text = _text(columns, name, height)
    return text.str.to_lowercase() if name in key.caseless else text


def _text(columns: Mapping[str, Column], name: str, height: int) -> pl.Series:
    column = columns.get(name)
    return pl.Series([None] * height, dtype=pl.String) if column is None else column.text
