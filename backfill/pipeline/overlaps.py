"""Attributes that two streams set, one of which is not sent again where the other was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from backfill.errors import ConfigError
from backfill.mapping import CONSENT, Field, Stream, is_consent
from backfill.operations import binding
from backfill.remarks import Remark

#: How many attributes a warning names.
_NAMED_MAX = 5


class Width(NamedTuple):
    """A stream and the columns of its files; None where those are not known yet (JSONL)."""

    stream: Stream
    columns: Sequence[str] | None

    def attributes(self) -> dict[str, Field]:
        """Those it is known to set, by name."""
        return binding.attributes(self.stream, self.columns or (), are_known=False)

    def may_hold(self, name: str) -> bool:
        """Whether a "*" whose columns are not known may stand for it as well."""
        stream = self.stream
        return self.is_open and name not in stream.exclude

    @property
    def is_open(self) -> bool:
        """Whether only its rows tell which attributes it sets."""
        return self.columns is None and self.stream.takes_every_column


def refuse_undone_consent(widths: Sequence[Width], config: Path) -> None:
    """Raise ConfigError where one stream undoes what another says of consent, and it stays so."""
    for first, second in _pairs(widths):
        if names := [name for name in _shared(first, second) if is_consent(name)]:
            raise ConfigError(
                f"streams {first.stream.name} and {second.stream.name} both set {names[0]}, and"
                f" {second.stream.name} sends only what is new: what {first.stream.name} sends"
                " later stays, and may undo consent",
                f"{config}, streams {first.stream.name} and {second.stream.name}, {names[0]}",
                f"leave {names[0]} to one of them: take it out of `attributes` of the other, or"
                " `exclude` its column there",
            )


def refuse_consent_said_once(widths: Sequence[Width], config: Path) -> None:
    """Raise ConfigError where who comes back to life does not hear again that they opted out.

    Of attributes that are named the config is refused before any file is opened.
    """
    for width in widths:
        stream = width.stream
        key = stream.sent_once_by
        others = [one.stream.name for one in widths if one.stream.may_name_those_of(stream)]
        if not (stream.existing_only and key and others):
            continue
        names = [name for name in width.attributes() if is_consent(name)]
        names += [name for name in CONSENT if width.may_hold(name)]
        if names:
            raise ConfigError(
                f"with `{key}` {names[0]} is sent once, also where nobody is there yet to take it,"
                f" and stream {others[0]} may bring whom {stream.name} names back to life",
                f"{config}, stream {stream.name}, {key}",
                f"leave out `{key}` of {stream.name}: it is then sent whole every time; or"
                f" `exclude` {names[0]} there",
            )


def overlaps(widths: Sequence[Width]) -> Iterator[Remark]:
    """A warning for each two streams that set an attribute, or may."""
    for first, second in _pairs(widths):
        names = _shared(first, second)
        possible = [name for name in first.attributes() if second.may_hold(name)]
        possible += [name for name in second.attributes() if first.may_hold(name)]
        if names:
            what = f"both set {_listed(names)}"
        elif possible:
            what = f"may both set {_listed(possible)}"
        elif first.is_open and second.is_open:
            what = 'both take "*", and so whatever attribute both files hold'
        else:
            continue
        text = (
            f"{first.stream.name} and {second.stream.name} {what}: {second.stream.name} sends only"
            f" what is new, so a value that {first.stream.name} sends later stays; leave each"
            " attribute to one of them"
        )
        yield Remark(text, "attribute_of_several_streams", "warning")


def is_same_kind(one: Stream, other: Stream) -> bool:
    """Whether both may be of the same entities."""
    if one.operation[0] != other.operation[0]:
        return False
    types = [stream.object.type if stream.object else None for stream in (one, other)]
    values = {str(field.value) for field in types if field and field.is_constant}
    return len(values) < 2


def _pairs(widths: Sequence[Width]) -> Iterator[tuple[Width, Width]]:
    """Streams in the order of the config, where the second is not sent again after the first.

    One that is sent whole has the last word every night, whatever the first one does.
    """
    for first, second in combinations(widths, 2):
        one, other = first.stream, second.stream
        if one.operation[1] != "identify" or other.operation[1] != "identify":
            continue
        is_partly_sent = other.changes is not None or other.since is not None
        compares = one.changes is not None or other.changes is not None
        if is_same_kind(one, other) and is_partly_sent and compares:
            yield first, second


def _shared(first: Width, second: Width) -> list[str]:
    ours, theirs = first.attributes(), second.attributes()
    return [name for name in ours if _is_undone(name, ours, theirs)]


def _is_undone(name: str, ours: Mapping[str, Field], theirs: Mapping[str, Field]) -> bool:
    if (other := theirs.get(name)) is not None:
        mine = ours[name]
        is_one_value = mine.is_constant and other.is_constant and mine.value == other.value
        return not is_one_value
    return is_consent(name) and any(_is_part(name, one) or _is_part(one, name) for one in theirs)


def _is_part(name: str, whole: str) -> bool:
    return name.startswith(f"{whole}.")


def _listed(names: Iterable[str]) -> str:
    each = list(dict.fromkeys(names))
    more = len(each) - _NAMED_MAX
    return ", ".join(each[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
