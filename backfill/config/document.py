"""The config file as plain values, with the line of every key.

YAML guesses types, and a wrong guess ends on people's profiles. So a plain (unquoted) value is
something else than text only where JSON would write it so: `true`, `false`, `null` (also `~` or
nothing) and numbers. `no`, `0123`, `1_000`, `0x1F`, `12:30` and `2024-01-31` are text, exactly as
written, where PyYAML's YAML 1.1 makes false, 83, 1000, 31, 750 and a date of them. Keys are text.

Refused, because each is dropped or changed in silence elsewhere: a key that stands twice, a number
that would be rounded, merge keys (`<<`, which YAML 1.2 dropped), tags other than `!!str`, and a
bare yes, no, on or off as a constant. Anchors and aliases work, within `VALUES_MAX`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from backfill.errors import ConfigError

#: Keys and list indices from the top of the document to a value.
Place = tuple[str | int, ...]

#: A config of 1,000 streams is 0.4 MB. Anything larger is a data file, named by mistake.
CONFIG_BYTES_MAX = 1_000_000

#: Values a config may hold once aliases are followed; nested aliases multiply without bound.
VALUES_MAX = 100_000

_TAG = "tag:yaml.org,2002:"
_AMBIGUOUS = frozenset({"yes", "no", "on", "off"})

#: Tag to how JSON writes it (null and booleans: as YAML 1.2's core schema) and what it becomes.
_PLAIN: dict[str, tuple[re.Pattern[str], Callable[[str], Any]]] = {
    _TAG + "null": (re.compile(r"(~|null|Null|NULL|)\Z"), lambda _: None),
    _TAG + "bool": (
        re.compile(r"(true|True|TRUE|false|False|FALSE)\Z"),
        lambda text: text.lower() == "true",
    ),
    # A longer one is taken for a float, and refused there if that rounds it.
    _TAG + "int": (re.compile(r"-?(0|[1-9][0-9]{0,18})\Z"), int),
    _TAG + "float": (re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z"), float),
}

#: What PyYAML quotes of the file: the names of anchors and tags. Indicators are kept.
_NAMES = re.compile(r" '!?\w[^']*'")


class Complaint(NamedTuple):
    """One thing to mend. what: a clause without any value of the config."""

    place: Place
    what: str
    fix: str


@dataclass(slots=True)
class Document:
    """A config's values, where each stands, and what is wrong with how they are written.

    places: for messages, "line 9"; a value that is not listed stands with its nearest parent.
    """

    label: str
    content: Any
    places: dict[Place, str] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """PyYAML's parser and composer with the types of this module."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {  # noqa: RUF012 - PyYAML's own
        None: [(tag, pattern) for tag, (pattern, _) in _PLAIN.items()]
    }


def read(path: Path) -> Document:
    """Read a config file.

    Raises ConfigError: not there, not readable, too large, not UTF-8, not YAML.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(CONFIG_BYTES_MAX + 1)
    except FileNotFoundError as error:
        fix = "check the path; configs/ has commented ones to start from"
        raise ConfigError("there is no such config file", str(path), fix) from error
    except OSError as error:
        what = f"the config cannot be read: {error.strerror}"
        raise ConfigError(what, str(path), "check the path and its permissions") from error
    if len(raw) > CONFIG_BYTES_MAX:
        what = f"the config is larger than {CONFIG_BYTES_MAX} bytes"
        raise ConfigError(what, str(path), "name the YAML file, not a data file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        fix = "save the file as UTF-8"
        raise ConfigError("the config is not UTF-8", f"{path}, line {line}", fix) from error
    return parse(text, str(path))


def parse(text: str, label: str, place: Place = ()) -> Document:
    """Turn YAML text into values.

    label: how messages name the text; place: where its value stands in the config.
    Raises ConfigError: not YAML, or too much of it.
    """
    document = Document(label, None)
    try:
        root = _Loader(text).get_single_node()
        if root is not None:
            document.content = _Builder(document).value(root, place, ())
    except yaml.MarkedYAMLError as error:  # its text quotes the line, which may hold a secret
        raise _syntax_error(error, label) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        fix = "remove the control character"
        raise ConfigError(
            "a character YAML does not allow", f"{label}, line {line}", fix
        ) from error
    except RecursionError as error:
        raise ConfigError("the config is nested too deeply", label, "flatten it") from error
    return document


def _syntax_error(error: yaml.MarkedYAMLError, label: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    where = f"{label}, line {mark.line + 1}, column {mark.column + 1}" if mark else label
    problem = _NAMES.sub("", error.problem or "")
    fix = "mind the indentation, and the quotes and brackets of the lines before"
    if error.context == "while scanning an alias":
        fix = 'write "*" in quotes'
    elif "\\t" in problem:
        fix = "indent with spaces, not tabs"
    elif "cannot start any token" in problem:
        fix = "put the value in quotes"
    return ConfigError(f"not YAML: {problem}", where, fix)


class _Builder:
    """Makes values of nodes, counting them: the counter is why it is not a function."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.left = VALUES_MAX

    def value(self, node: yaml.Node, place: Place, above: tuple[yaml.Node, ...]) -> Any:
        """The value of a node; above: the nodes it stands in."""
        self.left -= 1
        if self.left < 0 or any(node is parent for parent in above):
            what = f"aliases make more than {VALUES_MAX} values of the config"
            raise ConfigError(what, self._where(node), "write the values out instead of aliases")
        self.document.places.setdefault(place, _line(node))
        if isinstance(node, yaml.MappingNode):
            pairs = self._pairs(node, place)
            return {key: self.value(item, (*place, key), (*above, node)) for key, item in pairs}
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self.value(item, (*place, i), (*above, node)) for i, item in items]
        assert isinstance(node, yaml.ScalarNode), "YAML has three kinds of nodes"
        return self._scalar(node, place)

    def _pairs(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, yaml.Node]]:
        lines: dict[str, str] = {}
        for key_node, item in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                fix = 'write a plain key; "{" and "[" begin a mapping and a list'
                self._complain(place, "a key that is not text", fix)
                continue
            key = str(key_node.value)
            if key in lines:
                what = f"key '{key}' stands twice, on {lines[key]} and on {_line(key_node)}"
                self._complain((*place, key), what, "keep one of them")
            elif key == "<<" and key_node.style is None:
                fix = "write the keys out, or give the whole value an alias"
                self._complain((*place, key), "merge keys (<<) are not read", fix)
            else:
                self.document.places[(*place, key)] = _line(key_node)
                yield key, item
            lines.setdefault(key, _line(key_node))

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        text = str(node.value)
        if node.tag == _TAG + "str":
            if node.style is None and place[-1:] == ("value",) and text.lower() in _AMBIGUOUS:
                fix = "write true or false, or put the word in quotes"
                self._complain(place, "yes, no, on and off may mean a word or a truth value", fix)
            return text
        pattern, convert = _PLAIN.get(node.tag, (None, str))
        if pattern is None or not pattern.match(text):
            self._complain(place, "a tag other than !!str", "remove the tag")
            return text
        value = convert(text)
        if isinstance(value, float) and Decimal(repr(value)) != Decimal(text):
            self._complain(place, "a number that would be rounded", "put it in quotes")
        return value

    def _complain(self, place: Place, what: str, fix: str) -> None:
        self.document.complaints.append(Complaint(place, what, fix))

    def _where(self, node: yaml.Node) -> str:
        return f"{self.document.label}, {_line(node)}"


def _line(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"
