"""A stream that is being written: what the builders of each kind put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backfill.discovery.kinds import Verdict
from backfill.discovery.opening import Opened
from backfill.discovery.profile import Profile, Table
from backfill.discovery.roles import Roles
from backfill.discovery.sampling import Sample
from backfill.discovery.vocabulary import Export, Part, StreamKind
from backfill.discovery.yamltext import Line, shown


@dataclass(frozen=True)
class Found:
    """Files with the same columns (or the rows of them that `part` takes) and what they are.

    name:  what its streams are called after.
    stem:  of the first file's name. where: the condition of the part, "" where there is none.
    order: of day and month, where the file tells it. notes: on how the files are written.
    """

    name: str
    stem: str
    files: tuple[Opened, ...]
    sample: Sample
    table: Table
    roles: Roles
    verdict: Verdict
    export: Export | None = None
    part: Part | None = None
    order: str = ""
    notes: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The condition of the part."""
        return self.part.where if self.part else ""

    @property
    def zone(self) -> str:
        """Whose times those without a zone are, if the vendor says so."""
        return self.export.zone if self.export else ""

    @property
    def guess(self) -> str:
        """The order of day and month where a time must be read and nothing tells it."""
        is_european = any(file.source.delimiter == ";" for file in self.files)
        return "day first" if is_european else "month first"


@dataclass
class Draft:
    """One stream: its lines below `name` and `source`, and what is said of it.

    says:   comments above it. open: what somebody has to decide, with the columns it is about.
    is_out: it is there as a comment only. consent: names of columns that say who is out.
    """

    kind: StreamKind
    name: str
    found: Found
    says: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    open: dict[str, list[str]] = field(default_factory=dict)
    is_out: bool = False
    consent: frozenset[str] = frozenset()

    def line(self, text: str, note: str = "") -> None:
        """One more line."""
        self.lines.append(Line(text, note))

    def confirm(self, what: str, column: str = "") -> None:
        """One more thing to decide, of a column or of the stream; "" is none."""
        if what:
            columns = self.open.setdefault(what, [])
            columns += [column] if column and column not in columns else []

    @property
    def confirms(self) -> list[str]:
        """What somebody has to decide, for people: names of columns and counts only."""
        return [
            f"{', '.join(map(shown, columns))}: {what}" if columns else what
            for what, columns in self.open.items()
        ]


@dataclass(frozen=True)
class Context:
    """What streams know of each other, and the time.

    objects: the number of each type of object of the job, by what one of them is called.
    ids:     the ids of the objects of each type that were looked at.
    now_s:   unix seconds.
    """

    objects: Mapping[str, int]
    ids: Mapping[str, frozenset[str]]
    now_s: int


def used_names(profiles: Iterable[Profile | None]) -> frozenset[str]:
    """The names of those columns that are there."""
    return frozenset(profile.name for profile in profiles if profile is not None)


def percent(part: int, whole: int) -> str:
    """A share, for people."""
    return f"{part:,} of {whole:,}"
