"""Names that may not mean whom they should: nobody, or one person twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from backfill.operations import identities
from backfill.phrases import counted
from backfill.planning.looking import SAMPLES_MAX, Finding, Sample, Seen, Tally, sample
from backfill.planning.naming import JUNK
from backfill.planning.pairs import Pairs, Store
from backfill.records import Bools, SourceFile

_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"


class Nobodies:
    """Identifiers that stand for nobody, have spaces around them, or are no email address."""

    def __init__(self) -> None:
        self._junk: dict[tuple[str, str], Tally] = defaultdict(Tally)
        self._spaced: dict[tuple[str, str], Tally] = defaultdict(Tally)
        self._no_email: dict[tuple[str, str], Tally] = defaultdict(Tally)

    def look(self, seen: Seen) -> None:
        """Note the rows that go."""
        for one in seen.named:
            at, bare = (seen.stream.name, one.path), one.name.str.strip_chars()
            if (wanted := _of(bare.str.to_lowercase().is_in(JUNK), seen)).any():
                self._junk[at].add(seen, wanted, one.source)
            if (wanted := _of(bare != one.name, seen)).any():
                self._spaced[at].add(seen, wanted, one.source)
            if one.kind == "email" and (wanted := _of(~bare.str.contains(_EMAIL), seen)).any():
                self._no_email[at].add(seen, wanted, one.source)

    def found(self, _files: Sequence[SourceFile]) -> Iterator[Finding]:
        """A finding a field."""
        for (stream, path), tally in self._junk.items():
            text = (
                f"{path} stands for nobody in {counted(tally.rows, 'row')} (null, test, 0, ...):"
                " all of them become one; leave them out with `where`"
            )
            yield tally.finding("junk_identifier", text, stream)
        for (stream, path), tally in self._spaced.items():
            text = (
                f"{path} has spaces around it in {counted(tally.rows, 'row')}, which are sent:"
                " with and without them are two"
            )
            yield tally.finding("spaces_around_identifier", text, stream)
        for (stream, path), tally in self._no_email.items():
            text = f"{path} is no email address in {counted(tally.rows, 'row')}"
            yield tally.finding("not_an_email", text, stream)


class Spellings:
    """One entity under several spellings: names that differ in case or in spaces only."""

    def __init__(self, store: Store) -> None:
        self._pairs = store.pairs()

    def look(self, seen: Seen) -> None:
        """Note whom the rows are about, and the objects they are tied to."""
        for one in seen.named:
            if not (one.kind == "object" or (one.is_own and not seen.stream.is_event)):
                continue
            is_there, exact = one.exact
            wanted = is_there & seen.goes
            self._pairs.add(one.loose[1][wanted], exact[wanted], seen.places[wanted])

    def found(self, files: Sequence[SourceFile]) -> Iterator[Finding]:
        """One finding for all streams."""
        count, _, samples = _of_several(self._pairs, files)
        if count:
            yield Finding(
                "spelled_in_several_ways",
                f"{counted(count, 'identifier')} spelled in several ways, with other case or"
                " spaces: to the API each is somebody of its own",
                rows=count,
                samples=samples,
            )


class Emails:
    """One email address under several ids."""

    def __init__(self, store: Store) -> None:
        self._pairs = store.pairs()

    def look(self, seen: Seen) -> None:
        """Note the rows that have both."""
        stream = seen.stream
        if stream.operation != ("person", "identify") or not stream.person:
            return
        of_id = stream.person.get("id")
        of_email = stream.person.get("email") or seen.attributes.get("email")
        if of_id is None or of_email is None:
            return
        ids = identities.key("id", identities.named(seen.draft.column(of_id)))
        email = identities.named(seen.draft.column(of_email)).str.strip_chars()
        emails = identities.key("email", email)
        wanted = (ids.is_not_null() & emails.is_not_null()).to_numpy() & seen.goes
        values, keys = (each.fill_null(0).to_numpy()[wanted] for each in (ids, emails))
        self._pairs.add(keys, values, seen.places[wanted])

    def found(self, files: Sequence[SourceFile]) -> Iterator[Finding]:
        """A finding for all of them."""
        count, rows, samples = _of_several(self._pairs, files)
        if count:
            yield Finding(
                "email_under_several_ids",
                f"{counted(count, 'email')} under more than one id, in {counted(rows, 'row')}:"
                " where email is an identifier of the workspace, only the first gets it; merge"
                " them, or leave it out",
                rows=rows,
                samples=samples,
            )


def _of_several(pairs: Pairs, files: Sequence[SourceFile]) -> tuple[int, int, tuple[Sample, ...]]:
    """Keys that have several values, the rows of all of them, and one row of each value."""
    count, rows, places = 0, 0, list[int]()
    for group in pairs.groups():
        several = group.several()
        count += int(np.count_nonzero(group.is_key & several))
        rows += int(np.count_nonzero(several))
        if len(places) < SAMPLES_MAX:
            places += group.places[group.is_value & several][:SAMPLES_MAX].tolist()
    pairs.close()
    return count, rows, tuple(sample(place, files) for place in sorted(places[:SAMPLES_MAX]))


def _of(flags: pl.Series, seen: Seen) -> Bools:
    wanted: Bools = flags.fill_null(False).to_numpy()
    return wanted & seen.goes
