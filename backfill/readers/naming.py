"""What the names of files say: their format, and whether a folder stands for them."""

from __future__ import annotations

from backfill.remote import AnyPath

#: By the ending of the name; the text ones may be followed by one of COMPRESSIONS.
FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
COMPRESSIONS = (".gz", ".zst")

#: Endings of what lies beside data and holds none.
NO_DATA = frozenset((
    ".md", ".py", ".sh", ".yaml", ".yml", ".html", ".log", ".toml", ".sql", ".lock",
    ".md5", ".sha1", ".sha256", ".crc", ".ok", ".done",
))  # fmt: skip


def format_of(path: AnyPath) -> str | None:
    """The format the file's name says: csv, jsonl, parquet or None."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    is_compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    if is_compressed:
        suffixes.pop()
    form = FORMATS.get(suffixes[-1]) if suffixes else None
    return None if is_compressed and form == "parquet" else form


def stands_for(path: AnyPath, form: str | None) -> bool:
    """Whether a folder stands for a file in it; form: as configured."""
    told = format_of(path)
    return not _is_hidden(path) and told is not None and form in (None, told)


def may_hold_rows(path: AnyPath, *, is_file: bool) -> bool:
    """Whether rows may be expected in what a folder holds and does not stand for.

    That is also a folder, and a link that leads nowhere. A configured format leaves out files of
    the other formats: that is meant.
    """
    is_told = format_of(path) is not None or path.suffix.lower() in NO_DATA
    return not _is_hidden(path) and not (is_file and is_told)


def _is_hidden(path: AnyPath) -> bool:
    return path.name.startswith((".", "_"))
