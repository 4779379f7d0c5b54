"""Writes the sample data: what a small, fictional CRM leaves behind after ten years.

    python sample_data/generate.py [FOLDER]

The same files every time. README.md says what is wrong with which row, and a test keeps files,
script and README together. All people, companies and addresses are made up; the domains are the
ones reserved for examples [RFC 2606].
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FIRST_NAMES = (
    "Ada Björn Chloé Dagny Émile Frida Gökhan Håkon Inès Jürgen Łukasz Zoë 李明 Νίκος".split()
)
LAST_NAMES = "Andersson Böhm Castro Düring Ekström Fučík García Ødegård Null NA True Ünal".split()
TITLES = ["Buyer", "Head of Purchasing", "Lagerleiter", "CFO", "Œuvres & Co. liaison", ""]
CITIES = ["Köln", "Malmö", "Gdynia", "Zürich", "Orléans", "Århus"]
PATHS = ["/", "/pricing", "/docs/größen", "/blog/winter-sale", "/cart"]
PEOPLE = 480

Row = dict[str, Any]


def contact_id(n: int) -> str:
    """Six digits with leading zeros; every 25th came from another system, with 19 digits."""
    return str(9_007_199_254_740_993_000 + n) if n % 25 == 0 else f"{n:06d}"


def email(n: int) -> str:
    """An address of its own for each contact."""
    return f"contact.{n}@example.{('com', 'org', 'net')[n % 3]}"


def is_deleted(n: int) -> bool:
    """Whether the CRM had the contact marked as deleted."""
    return n % 40 == 7


def has_no_id(n: int) -> bool:
    """Whether the contact came from a web form, with nothing but an address."""
    return n % 80 == 31


def is_opted_out(n: int) -> bool:
    """Whether the contact must not be mailed; the list of these was kept apart as well."""
    return n % 20 == 3


ACTIVE = [n for n in range(1, PEOPLE + 1) if not is_deleted(n) and not has_no_id(n)]


def companies(random: Random) -> list[Row]:
    """40 good rows and 4 bad ones."""
    rows = [
        {
            "company_id": f"{n:05d}",
            "company_name": "NA" if n == 13 else f"Müller & Söhne No. {n} GmbH",
            "city": random.choice(CITIES),
            "annual_revenue": f"{random.randint(10_000, 90_000_000)}.{random.randint(10, 99)}",
            "founded": _day(random, 1950, 2015).strftime("%d/%m/%Y"),
            "notes": "",
        }
        for n in range(1, 41)
    ]
    rows[4]["notes"] = 'Pays in € only;\nsecond line, with a "quoted" word'
    bad = [
        {"company_id": ""},
        {"founded": "31/02/2009"},
        {"annual_revenue": "n/a"},
        {"notes": "Überlang " * 120},
    ]
    return _mixed(rows, [rows[20] | {"company_id": f"9{i:04d}"} | b for i, b in enumerate(bad)], 9)


def contacts(random: Random) -> list[Row]:
    """480 people, 12 of them once more as they changed, and 7 bad rows; one more is ragged."""
    rows = [_contact(random, n) for n in range(1, PEOPLE + 1)]
    changed = [
        rows[n - 1] | {"job_title": "Head of Everything 🚀", "updated_at": "05.02.2024 09:15"}
        for n in range(10, 130, 10)
    ]
    bad = [
        {"contact_id": "", "email": ""},
        {"contact_id": "  ", "email": " "},
        {"notes": "long " * 201},
        {"notes": "🌊" * 260},
        {"created_at": "30.02.2021 10:00"},
        {"created_at": "31.03.2019 02:30"},
        {"opted_out": "maybe"},
    ]
    made = [_contact(random, 900 + i) | change for i, change in enumerate(bad)]
    return _mixed(rows + changed, made, 60)


def _contact(random: Random, n: int) -> Row:
    created = _day(random, 2014, 2020)
    updated = _day(random, 2021, 2023)
    company = "" if n % 16 == 0 else f"{random.randint(1, 40):05d}"
    return {
        "contact_id": "" if has_no_id(n) else contact_id(n),
        "email": "" if n % 48 == 5 else email(n),
        "first_name": random.choice(FIRST_NAMES),
        "last_name": random.choice(LAST_NAMES),
        "phone": f"+49 30 0{n:06d}",
        "company_id": company,
        "job_title": random.choice(TITLES),
        "status": "deleted" if is_deleted(n) else random.choice(["lead", "customer"]),
        "created_at": created.strftime("%d.%m.%Y %H:%M"),
        "updated_at": updated.strftime("%d.%m.%Y %H:%M"),
        "opted_out": "yes" if is_opted_out(n) else random.choice(["", "no", "No", "N", "false"]),
        "discount_code": random.choice(["", "1e5", "007", "0x1F", "1_000", "TRUE"]),
        "internal_notes": "not for the new system",
        "notes": 'Said: "call me\nafter lunch", twice' if n % 96 == 1 else "",
    }


def unsubscribed() -> list[Row]:
    """24 contacts and one stranger, in another case than the CRM's, and a row without address."""
    opted_out = filter(is_opted_out, range(PEOPLE))
    rows = [{"email": email(n).title(), "reason": "newsletter"} for n in opted_out]
    rows += [{"email": "stranger@example.org", "reason": "complaint"}]
    return _mixed(rows, [{"email": "", "reason": "unknown"}], 9)


def orders(random: Random) -> pa.Table:
    """1,992 good events and 8 bad ones."""
    rows = [_order(random, i) for i in range(1_992)]
    bad: list[Row] = [
        *[{"contact_id": None}] * 3,
        *[{"ordered_at": None}] * 2,
        {"ordered_at": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)},
        {"discount": float("nan")},
        {"comment": "gift card text " * 2_700},
    ]
    rows = _mixed(rows, [_order(random, 5_000 + i) | change for i, change in enumerate(bad)], 240)
    item = pa.struct([("sku", pa.string()), ("quantity", pa.int16()), ("note", pa.string())])
    schema = pa.schema(
        [
            ("order_id", pa.int64()),
            ("contact_id", pa.string()),
            ("ordered_at", pa.timestamp("ms", tz="UTC")),
            ("total", pa.decimal128(10, 2)),
            ("currency", pa.string()),
            ("discount", pa.float64()),
            ("is_gift", pa.bool_()),
            ("items", pa.list_(item)),
            ("comment", pa.string()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def _order(random: Random, i: int) -> Row:
    items = [
        {"sku": f"00{random.randint(10, 99)}", "quantity": random.randint(1, 9), "note": None}
        for _ in range(random.randint(0, 3))
    ]
    return {
        "order_id": 1_152_921_504_606_847_000 + i,
        "contact_id": contact_id(random.choice(ACTIVE)),
        "ordered_at": _day(random, 2019, 2023).replace(tzinfo=UTC),
        "total": Decimal(random.randint(100, 99_999_999)) / 100,
        "currency": random.choice(["EUR", "SEK", "PLN"]),
        "discount": random.choice([None, 0.1, 0.125]),
        "is_gift": random.random() < 0.1,
        "items": items,
        "comment": None,
    }


def page_views(random: Random) -> list[Row]:
    """297 good lines and 3 bad ones."""
    rows = [_page_view(random, i) for i in range(297)]
    bad = [{"viewed_at": when} for when in ("2023-05-01T10:20:30", "", 1_682_929_230_000)]
    return _mixed(rows, [_page_view(random, 900 + i) | b for i, b in enumerate(bad)], 90)


def _page_view(random: Random, i: int) -> Row:
    n = random.choice(ACTIVE)
    when = _day(random, 2022, 2023).replace(tzinfo=UTC)
    row = {
        "view_id": f"pv-{i:05d}",
        "contact_id": int(contact_id(n)) if n % 25 == 0 else contact_id(n),
        "path": random.choice(PATHS),
        "viewed_at": int(when.timestamp()) if i % 3 == 0 else when.isoformat(),
        "score": random.choice([1, 2.50, "high", None, True, ["a", "b"]]),
        "utm": {"source": random.choice(["mail", "ads"]), "term": None, "tags": ["ü", "🌊"]},
    }
    return row | {"experiment": "late key"} if i > 200 else row


def devices(random: Random) -> list[str]:
    """117 good lines, and 3 bad ones: a platform, a token, and a line cut short."""
    rows = [_device(random, i) for i in range(117)]
    bad = [{"os": "windows"}, {"token": ""}]
    rows = _mixed(rows, [_device(random, 900 + i) | b for i, b in enumerate(bad)], 30)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return [*lines[:99], lines[99][:60], *lines[99:]]


def _device(random: Random, i: int) -> Row:
    return {
        "contact_id": contact_id(random.choice(ACTIVE)),
        "token": f"{random.getrandbits(128):032x}",
        "os": random.choice(["ios", "android"]),
        "seen_at": int(_day(random, 2022, 2023).replace(tzinfo=UTC).timestamp()),
        "app_version": f"{i % 4}.10",
    }


def merges() -> list[Row]:
    """5 duplicates and a row that does not say which contact to fold."""
    rows = [{"kept_id": contact_id(n), "merged_id": contact_id(n + 1)} for n in range(411, 421, 2)]
    return [*rows, {"kept_id": contact_id(421), "merged_id": ""}]


def write(folder: Path) -> None:
    """Write all files into the folder; those of the same name are replaced."""
    random = Random(1871)
    table = _csv(contacts(random)).splitlines(keepends=True)
    # A cell too many, as hand-edited exports have them. Not inside a quoted cell.
    table.insert(400, table[399].replace("\r\n", ",surplus\r\n"))
    erased = [{"email": f"erased.{n}@example.net"} for n in range(1, 6)]
    texts = {
        "gdpr_erased.csv": _csv(erased),
        "unsubscribed.csv": _csv(unsubscribed()),
        "contacts.csv": "".join(table),
        "page_views.jsonl": _lines(json.dumps(row) for row in page_views(random)),
        "devices.jsonl": _lines(devices(random)),
        "merges.csv": _csv(merges()),
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())
    (folder / "companies.csv").write_bytes(_csv(companies(random), ";").encode("cp1252"))
    pq.write_table(orders(random), folder / "orders.parquet", row_group_size=500)


def _csv(rows: Sequence[Row], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _day(random: Random, first: int, last: int) -> datetime:
    """A time of a working day, far from the hours that clocks skip or repeat."""
    days = random.randrange((last - first + 1) * 365)
    return datetime(first, 1, 1, 8) + timedelta(days, minutes=random.randrange(600))


def _mixed(rows: Sequence[Row], bad: Sequence[Row], every: int) -> list[Row]:
    """The rows with a bad one after each `every` of them."""
    mixed = list(rows)
    for i, row in enumerate(bad):
        mixed.insert((i + 1) * every + i, row)
    return mixed


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
