"""The first page: how much of everything there is, and what was asked last."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from backfill.sandbox.page.requests import rows
from backfill.sandbox.workspace.reading import totals

#: Requests shown.
_LATEST: Final = 10

#: Of so many of the latest requests the busiest second is looked for: about 10 ms.
_PACE_REQUESTS_MAX: Final = 50_000


def overview(database: sqlite3.Connection, _asked: Mapping[str, str]) -> dict[str, Any]:
    """Totals, objects by type, the busiest second and the latest requests."""
    types = database.execute("SELECT type, count(*) AS count FROM objects GROUP BY type")
    busiest = database.execute(
        "SELECT max(count) FROM (SELECT count(*) AS count FROM"
        " (SELECT at FROM requests ORDER BY number DESC LIMIT ?) GROUP BY CAST(at AS INTEGER))",
        (_PACE_REQUESTS_MAX,),
    ).fetchone()[0]
    return {
        "totals": totals(database),
        "types": [dict(row) for row in types],
        "busiest": busiest or 0,
        "requests": rows(database, None, _LATEST),
    }
