"""A CSV file as Arrow record batches, every column as the text it is."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from pyarrow import csv


def blocks(path: Path) -> csv.CSVStreamingReader:
    """The record batches, one after the other."""
    with path.open() as file:
        names = file.readline().rstrip("\n").split(",")
    types = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    return csv.open_csv(path, convert_options=types)
