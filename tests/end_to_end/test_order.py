"""A change log of many versions a person, against a server that fails in every way."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise

import pytest

from .command import run_job, write_job
from .recorder import Answer, Posted, recording

PEOPLE, VERSIONS = 300, 10


class Unreliable:
    """Answers 429 and 503, loses answers, and is slow, at random."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def __call__(self, posted: Posted) -> Answer:
        delay_s, fate = self._draw.uniform(0.0, 0.03), self._draw.random()
        if fate < 0.06:
            return Answer(429, b"", delay_s)
        if fate < 0.12:
            return Answer(503, b"", delay_s)
        return Answer(delay_s=delay_s, is_lost=fate < 0.2)


@pytest.mark.timeout(300)
def test_the_versions_of_each_person_arrive_in_order_one_at_a_time(tmp_path):
    log = [(f"p{person}", version) for version in range(VERSIONS) for person in range(PEOPLE)]
    draw = random.Random(3)
    order = sorted(log, key=lambda row: row[1] + draw.uniform(0, 6))  # shuffled across people
    shuffled, following = [], defaultdict(int)
    for person, _ in order:
        shuffled.append((person, following[person]))
        following[person] += 1
    (tmp_path / "log.csv").write_text(
        "id,version\n" + "".join(f"{person},{version}\n" for person, version in shuffled)
    )
    stream = {"name": "log", "source": "log.csv", "person": {"id": "id"}}
    write_job(
        tmp_path,
        stream | {"attributes": {"version": {"column": "version", "type": "integer"}}},
        operations_per_s=4_000,
        concurrency=16,
    )

    with recording(Unreliable(5)) as server:
        run = run_job(tmp_path, server.address)

    took = [p for p in server.posted if p.answer.status == 200]
    accepted, busy = defaultdict(list), defaultdict(list)
    for posted in took:
        for operation in posted.operations:
            accepted[operation["identifiers"]["id"]].append(operation["attributes"]["version"])
    for posted in server.posted:
        people = [operation["identifiers"]["id"] for operation in posted.operations]
        assert len(set(people)) == len(people), "two operations of one person in a batch"
        for person in people:
            busy[person].append((posted.at_s, posted.answered_s))
    assert run.code == 0, run.text
    assert run.told["requests"]["retried"] > 5
    for person, versions in accepted.items():
        assert versions == sorted(versions), person
        assert set(versions) == set(range(VERSIONS)), person
    for spans in busy.values():
        assert all(a[1] <= b[0] for a, b in pairwise(spans)), "two in flight"
