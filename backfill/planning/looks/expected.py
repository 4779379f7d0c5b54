"""What a run would stop at, or say, because the sources are not as expected."""

from __future__ import annotations

import asyncio

from backfill.config import Job
from backfill.pipeline import OpenStream
from backfill.pipeline.expecting import Expectations
from backfill.planning.looking import Finding
from backfill.planning.plan import Standing
from backfill.resumption import Start


async def not_as_expected(
    job: Job, streams: tuple[OpenStream, ...], known: Standing | None
) -> list[Finding]:
    """All that is not, stream by stream; of a run that goes on nothing is asked.

    Raises what `Expectations.look` raises.
    """
    if known is not None and known.start is Start.RESUME:
        return []
    expected = Expectations(job, streams)
    looking = expected.look()
    while await asyncio.to_thread(next, looking, _OVER) is not _OVER:
        pass
    return [
        *(
            Finding("not_as_expected", each.text, one.stream.name)
            for one in expected.unexpected()
            for each in one.found
        ),
        *(Finding("new_columns", text, stream) for stream, text in expected.new_columns()),
    ]


_OVER = object()
