"""What an event carries besides its person and attributes: name, id and time.

Rules: every event has a time it happened at (a blank or unreadable one rejects the row) and an
id that is the same in every run, so that the API drops repeats.
"""

from __future__ import annotations

import polars as pl

from backfill import event_ids, trackapi
from backfill.coerce import Policy
from backfill.columns import escaped, json_string
from backfill.dialect import FILE_COLUMN, RAW_COLUMN, REJECT_COLUMNS, ROW_COLUMN
from backfill.mapping import Event, Field
from backfill.operations import binding, identities
from backfill.operations.draft import Draft, Text
from backfill.operations.members import joined

_MUST_BE_THERE = Policy("omit", "reject")


def happened(draft: Draft) -> list[Text]:
    """The pieces of an event's name, id and time."""
    event = draft.stream.event
    assert event is not None
    seconds = _time(draft, event)
    name = identities.named(draft.column(event.name))
    draft.refuse(name.is_null(), "no_event_name", "event.name is blank")
    most = trackapi.EVENT_NAME_BYTES_MAX
    draft.limit(name, most, "event_name_too_long", "event.name")
    # The time of the run is no part of what makes an event: the row would be new in every run.
    moments = seconds * 0 if event.is_now else seconds
    ids = event_ids.ulids(
        moments.fill_null(0).to_numpy(),
        draft.stream.id_scope or draft.stream.name,
        _key(draft, event),
    )
    pieces: list[Text] = [',"name":"', draft.hold(escaped(name))]
    held = draft.hold(ids)
    draft.event_ids = held.meta.output_name()
    pieces += ['","id":"', held]
    return [*pieces, '","timestamp":', draft.hold(seconds.cast(pl.String))]


def _time(draft: Draft, event: Event) -> pl.Series:
    if event.is_now:
        seconds = pl.repeat(draft.surroundings.now_s, draft.height, dtype=pl.Int64, eager=True)
    else:
        assert event.timestamp is not None
        field = event.timestamp.model_copy(update={"type": "timestamp"})
        json = draft.converted(field, "event.timestamp", _MUST_BE_THERE)
        seconds = json.text.cast(pl.Int64)
        blank = draft.column(event.timestamp).is_blank
        draft.refuse(blank, "no_event_time", "event.timestamp is blank")
        draft.refuse(
            (seconds < 0).fill_null(False), "before_1970", "event.timestamp is before 1970"
        )
    draft.event_times = seconds
    if draft.stream.campaigns == "refuse":
        young = (seconds > draft.surroundings.now_s - trackapi.CAMPAIGN_WINDOW_S).fill_null(False)
        draft.refuse(young, "young_event", "younger than 72 hours: it could start campaigns")
    return seconds.set((seconds < 0).fill_null(True), None)


def _key(draft: Draft, event: Event) -> list[pl.Series]:
    """The text that tells the row's event from others."""
    if event.key == binding.KEY_ROW:
        return _place(draft)
    if event.key == binding.KEY_CONTENT:
        return [_content(draft)]
    parts = [_text(draft, name) for name in binding.key_columns(draft.stream)]
    nothing = parts[0].is_null()
    for part in parts[1:]:
        nothing = nothing & part.is_null()
    draft.refuse(nothing, "no_event_key", "every column of event.key is blank")
    return parts


def _place(draft: Draft) -> list[pl.Series]:
    """The file's digest and the row's number; of a mended row, those it was refused at."""
    around = draft.surroundings
    digest = pl.repeat(around.content_digest, draft.height, eager=True)
    row = pl.Series(draft.rows + 1).cast(pl.String)
    if not around.origins or not {FILE_COLUMN, ROW_COLUMN} <= draft.columns.keys():
        return [digest, row]
    file = draft.column(Field(column=FILE_COLUMN)).text
    origin = file.replace_strict(around.origins, default=None, return_dtype=pl.String)
    refused_at = draft.column(Field(column=ROW_COLUMN)).text
    is_known = origin.is_not_null() & refused_at.is_not_null()
    return [origin.zip_with(is_known, digest), refused_at.zip_with(is_known, row)]


def _text(draft: Draft, name: str) -> pl.Series:
    """A column as the text that tells rows apart; null where blank."""
    column = draft.column(Field(column=name))
    formless = column.text.is_null() & ~column.is_blank
    draft.refuse(formless, "no_text_form", f"event.key needs '{name}', which has no form as text")
    return column.text


def _content(draft: Draft) -> pl.Series:
    """The row's values that are not blank, by column name, as the text of a JSON object.

    A rejects file that was mended has the ids of the rows it was made of.
    """
    members = []
    for name in sorted(set(draft.columns) - {*REJECT_COLUMNS, RAW_COLUMN}):
        text = pl.lit(escaped(_text(draft, name)))
        members.append(pl.concat_str(pl.lit(f'{json_string(name)}:"'), text, pl.lit('"')))
    if not members:  # JSON records without a member
        return pl.repeat("", draft.height, eager=True)
    return pl.select(joined(members).alias("")).to_series()
