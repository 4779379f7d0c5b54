"""Words that one end of a link does not understand: said, and never waited for without end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from backfill.distribute import hiring
from backfill.distribute.hiring import Hiring
from backfill.distribute.links import understood
from backfill.distribute.local import LocalEngine
from backfill.distribute.member import Member
from backfill.errors import BackfillError


def test_a_worker_that_cannot_understand_says_so_to_the_driver_and_to_nobody_else(capfd):
    async def answer() -> list[Any]:
        engine = LocalEngine()
        hand = await engine.start("worker 1")
        try:
            hand.tell(b"no words of ours")
            return understood(await hand.hear())
        finally:
            engine.close()

    (failed,) = asyncio.run(answer())

    assert "a mistake in backfill itself" in failed.error.what
    assert capfd.readouterr().err == ""


class Mumbling:
    """An engine whose workers say what nobody understands."""

    described = ""

    async def start(self, name: str) -> Mumbling:
        return self

    async def watch(self) -> None:
        await asyncio.Event().wait()

    def tell(self, words: bytes) -> None:
        pass

    async def hear(self) -> bytes:
        return b"no words of ours"

    def end(self) -> None:
        pass

    def close(self) -> None:
        pass


class Employer:
    def __init__(self) -> None:
        self.errors: list[BackfillError] = []
        self.gone: list[str] = []

    def setup(self, member: Member) -> str:
        return member.name

    def left(self, member: Member) -> None:
        self.gone.append(member.name)

    def failed(self, error: BackfillError) -> None:
        self.errors.append(error)


def test_a_worker_that_nobody_understands_is_let_go_and_ends_the_run():
    async def hired() -> Employer:
        employer = Employer()
        hiring = Hiring(Mumbling(), 2, None, lambda *_: None, employer)
        hiring.begin()
        await asyncio.sleep(0.1)
        await hiring.close()
        return employer

    employer = asyncio.run(hired())

    assert employer.gone == ["worker 1", "worker 2"]
    assert all("a mistake in backfill itself" in error.what for error in employer.errors)
    assert len(employer.errors) == 2


@pytest.mark.parametrize(("late_s", "is_lost"), [(0.2, False), (60.0, True)])
def test_a_worker_is_asked_once_more_before_it_is_given_up(monkeypatch, late_s, is_lost):
    """It may be the driver that stood still, with what was said unread."""
    monkeypatch.setattr(hiring, "START_S_MAX", 0.02)
    monkeypatch.setattr(hiring, "ANSWER_S", 1.0)

    class Late(Mumbling):
        async def hear(self) -> bytes:
            await asyncio.sleep(late_s)
            return await super().hear()

    async def said() -> list[str]:
        words: list[str] = []
        hired = Hiring(Late(), 1, None, lambda *told: words.append(told[0]), Employer())
        hired.begin()
        await asyncio.sleep(1.5)
        await hired.close()
        return words

    assert any("silent" in word for word in asyncio.run(said())) == is_lost
