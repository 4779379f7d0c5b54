"""Runs made by hand, as their checkpoints would tell them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backfill.config import Job, load
from backfill.identity import FileIdentity, JobIdentity, StreamIdentity
from backfill.ledger import Counts, Request
from backfill.logbook import REQUEST, History, Sitting
from backfill.resumption import Saved

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=alert(1)>"

CONFIG = """
destination: {region: eu, requests_per_s: 50, operations_per_s: 20000}
streams:
  - name: people
    source: people.csv
    where: "city = 'value-of-a-where' AND age > 17"
    person: {id: id, email: email}
    attributes: {plan: {value: value-of-a-constant}, name: full_name}
  - name: orders
    source: orders.csv
    person: {id: id}
    event: {name: ordered, timestamp: at, key: order_id}
"""


def job(folder: Path, text: str = CONFIG) -> Job:
    (folder / "crm.yaml").write_text(text)
    return load(folder / "crm.yaml")


def identity(label: str = "people.csv") -> JobIdentity:
    files = (FileIdentity(label, 1_000, "digest"),)
    streams = tuple(StreamIdentity(name, b"", files) for name in ("people", "orders"))
    return JobIdentity("https://track-eu.customer.io:443 site digest-of-the-site", streams)


def saved(state="stopped", label: str = "people.csv", **more) -> Saved:
    counts = {
        "people": Counts(100, 90, 6, 1, 3, operations_delivered=90, operations_rejected=1),
        "orders": Counts(20, 20, operations_delivered=20),
    }
    rules = {("people", "no_identifier"): 4, ("people", "value_too_long"): 2}
    told = {"counts": counts, "rules": rules} | more
    return Saved("20261128T114901Z-abc123", state, identity(label), **told)


def history(requests: Sequence[Request] = (), remarks=(), sittings=()) -> History:
    """As a checkpoint of `identity` would give it back."""
    names = ["people", "orders"]
    rows = [(r.started_at_s, r.elapsed_s, names.index(r.stream), *r[2:6]) for r in requests]
    failures = Counter(r.failure for r in requests if r.failure)
    return History(np.array(rows, REQUEST), tuple(failures.most_common()), remarks, sittings)


def log(count: int = 30, remarks: tuple[str, ...] = ()) -> History:
    """Requests of two sittings, an hour apart; some were tried again."""
    made = []
    for n in range(count):
        at_s = 1000.0 + n / 10 + (3600 if n >= count // 2 else 0)
        status, why = (429, "429: too many requests") if n % 7 == 3 else (200, "")
        stream = "people" if n < 2 * count // 3 else "orders"
        made.append(Request(at_s, stream, 4, 900 * (n + 1), status, 1 + (n % 7 == 4), 0.2, why))
    return history(made, remarks, (Sitting(999.5, 1003.0), Sitting(4599.0, 4610.0)))
