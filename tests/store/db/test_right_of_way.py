"""Right of way: the works of threads let answers go first, though not for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Connection

from syncer.store.db import right_of_way
from syncer.store.db.database import Database
from syncer.store.db.right_of_way import RightOfWay


def test_threads_wait_until_no_answer_is_under_way() -> None:
    way, order = RightOfWay(patience=threading.TIMEOUT_MAX), list[str]()

    def work() -> None:
        way.give()
        order.append("works")

    thread = threading.Thread(target=work)
    with way.taken():
        with way.taken():
            thread.start()
        # Long enough for a thread that one of two answers keeps no more.
        thread.join(0.05)
        order.append("answers")
    thread.join()
    assert order == ["answers", "works"]


def test_answers_that_never_end_do_not_keep_threads_from_working() -> None:
    way = RightOfWay(patience=0.01)
    with way.taken():
        way.give()


@pytest.mark.parametrize("kind", ["write", "write_promptly", "ask"])
async def test_what_pages_do_waits_for_an_answer_and_what_answers_do_does_not(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(right_of_way, "PATIENCE", threading.TIMEOUT_MAX)
    database, order = Database(migrated_url), list[str]()

    def page(_: Connection) -> None:
        order.append("page")

    def answer(_: Connection) -> None:
        order.append("answer")

    try:
        with database.answering():
            waiting = asyncio.create_task(getattr(database, kind)(page))
            # Long enough for a page that nothing keeps.
            await asyncio.wait({waiting}, timeout=0.05)
            await database.write_urgently(answer)
        await waiting
    finally:
        database.close()
    assert order == ["answer", "page"]
