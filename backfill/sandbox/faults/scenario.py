"""A scenario file: how the sandbox behaves and what goes wrong in it, from YAML, checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Final, get_args

import msgspec
import yaml

from backfill import trackapi
from backfill.errors import UsageError
from backfill.sandbox.faults.kinds import AnyFault, Choice
from backfill.sandbox.settings import Behaviour

#: Keys and list indices from the top of the file to a value.
Place = tuple[str | int, ...]

_FAULTS: Final = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyFault)}

#: Where a complaint of msgspec is: $.faults[0].share.
_AT: Final = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """seed: of what the faults leave to chance."""

    seed: int = 0
    behaviour: Behaviour = Behaviour()
    faults: tuple[AnyFault, ...] = ()


def read(path: Path) -> Scenario:
    """Read a scenario. Raises UsageError: it cannot be read, or something in it is not known."""
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        _survey(node, (), str(path), lines)
        told = yaml.SafeLoader("").construct_document(node) if node else {}
        return msgspec.convert(told, Scenario)
    except OSError as error:
        what = f"the scenario cannot be read: {error.strerror}"
        raise UsageError(what, str(path), "check the path and its permissions") from error
    except (UnicodeDecodeError, yaml.reader.ReaderError) as error:
        raise UsageError("the scenario is not UTF-8 text", str(path), "save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = _where(path, mark.line + 1 if mark else 1)
        fix = "mind the indentation, and the quotes and brackets of the lines before"
        raise UsageError(f"not YAML: {error.problem}", where, fix) from error
    except RecursionError as error:
        raise UsageError("the scenario is nested without end", str(path), "flatten it") from error
    except msgspec.ValidationError as error:
        raise _mistaken(str(error), str(path), lines) from error
    except ValueError as error:  # what YAML reads as a date, and is none
        raise UsageError(f"a value is none: {error}", str(path), "put it in quotes") from error


def _survey(node: yaml.Node | None, place: Place, path: str, lines: dict[Place, int]) -> None:
    """Note the line of every value, and refuse keys that are not known or stand twice."""
    if node is None:
        return
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            _survey(item, (*place, i), path, lines)
    elif isinstance(node, yaml.MappingNode):
        known = _known(place, node)
        for name, item in node.value:
            key, where = str(name.value), _where(path, name.start_mark.line + 1)
            if (*place, key) in lines:
                raise UsageError(f"`{key}` stands twice", where, "keep one of them")
            if known and key not in known:
                near = get_close_matches(key, known, n=1)
                fix = f"write `{near[0]}`" if near else f"use one of: {', '.join(known)}"
                raise UsageError(f"`{key}` is not known here", where, fix)
            _survey(item, (*place, key), path, lines)


def _known(place: Place, node: yaml.MappingNode) -> Sequence[str]:
    """The keys that may stand at a place; none if any may."""
    match place:
        case ():
            return Scenario.__struct_fields__
        case ("behaviour",):
            return [field.name for field in fields(Behaviour)]
        case ("faults", int()):
            named = (item.value for name, item in node.value if name.value == "fault")
            kind = _FAULTS.get(str(next(named, None)))
            return ["fault", *kind.__struct_fields__] if kind else ()
        case ("faults", int(), "only"):
            return Choice.__struct_fields__
    return ()


def _mistaken(told: str, path: str, lines: dict[Place, int]) -> UsageError:
    """What msgspec found wrong, with the line it is on."""
    found = _AT.search(told)
    steps = _STEP.findall(found.group(1)) if found else []
    place: Place = tuple(int(index) if index else name for name, index in steps)
    label = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    while place not in lines and place:
        place = place[:-1]
    what = f"{label.lstrip('.') or 'the scenario'}: {_AT.sub('', told)}"
    fix = "see configs/scenario.yaml for what can stand here"
    if label.endswith(".fault"):
        fix = f"use one of: {', '.join(_FAULTS)}"
    if label.endswith("only.type"):
        fix = f"use one of: {', '.join(trackapi.ACTIONS)}"
    return UsageError(what, _where(path, lines.get(place, 1)), fix)


def _where(path: Path | str, line: int) -> str:
    return f"{path}, line {line}"
