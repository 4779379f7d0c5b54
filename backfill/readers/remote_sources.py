"""Which objects of a store a URI means, by the rules for files.

A folder is what ends in "/" or has objects below it. A glob is looked for from its fixed parts on:
of a pattern in the last part of the key only that folder is listed, else all below.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from backfill.errors import MappingError
from backfill.readers.naming import may_hold_rows, stands_for
from backfill.readers.source_errors import source_errors
from backfill.remote import RemotePath, remote_path


def is_open(text: str) -> bool:
    """Whether objects may come to it: whether it is a folder or a glob."""
    place = remote_path(text, "source")
    with source_errors(str(place)):
        return not place.is_file()


def found(
    text: str, form: str | None, where: str, *, may_be_empty: bool = False
) -> tuple[RemotePath | None, Sequence[RemotePath]]:
    """The root of a URI, as of SourceFile, and its objects in their order.

    may_be_empty: of a folder and a glob; where the last object is gone, so is the folder.
    Raises MappingError where there is none, SourceError where the store does not tell.
    """
    place = remote_path(text, where)
    with source_errors(str(place)):
        kind = place.kind()
        if kind == "file":
            return None, [place]
        is_glob = kind == "nothing" and glob.has_magic(place.key)
        root = place.with_key("/".join(_fixed(place.key))) if is_glob else place
        objects = set(_matches(root, place, text, form) if is_glob else _folder(place, form))
        if objects or (may_be_empty and (is_glob or text.endswith("/")) and place.has_bucket()):
            return root, sorted(objects, key=str)
        is_there = place.has_bucket()
    if not is_there:
        raise MappingError(f"there is no bucket '{place.bucket}'", where, "mend the URI")
    raise MappingError(f"no file found at '{text}'", where, "mend the URI")


def passed_over(text: str) -> Iterator[tuple[RemotePath, bool]]:
    """As of `sources.passed_over`, of one URI."""
    place = remote_path(text, "source")
    with source_errors(str(place)):
        for path, kind in place.below(is_deep=False) if place.kind() == "folder" else ():
            if may_hold_rows(path, is_file=kind == "file"):
                yield path, kind == "folder"


def _fixed(key: str) -> list[str]:
    """The parts of a key in front of the first that is a pattern."""
    parts = key.split("/")
    return parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))]


def _folder(folder: RemotePath, form: str | None) -> Iterator[RemotePath]:
    for path, kind in folder.below(is_deep=False):
        if kind == "file" and stands_for(path, form):
            yield path


def _matches(
    root: RemotePath, place: RemotePath, text: str, form: str | None
) -> Iterator[RemotePath]:
    """The objects that a glob finds, and those of the folders that it finds."""
    pattern = place.key.split("/")
    is_deep = pattern[-1] == "**" or len(pattern) > len(_fixed(place.key)) + 1
    for path, kind in root.below(is_deep=is_deep):
        parts = path.key.split("/")
        if kind == "file":
            is_named = not text.endswith("/") and _is_match(parts, pattern)
            is_inside = is_deep and _is_match(parts[:-1], pattern) and stands_for(path, form)
            if is_named or is_inside:
                yield path
        elif not is_deep and _is_match(parts, pattern):
            yield from _folder(path, form)


def _is_match(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a key is what a pattern means, part by part, as glob has it for paths.

    `**` stands for any number of parts; no wildcard for a part that begins with a ".".
    """
    if not pattern:
        return not parts
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        is_hidden = bool(parts) and parts[0].startswith(".")
        return _is_match(parts, rest) or (
            bool(parts) and not is_hidden and _is_match(parts[1:], pattern)
        )
    if not parts or (parts[0].startswith(".") and not first.startswith(".")):
        return False
    return fnmatchcase(parts[0], first) and _is_match(parts[1:], rest)
