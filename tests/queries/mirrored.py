"""Mirrors that the questions are asked of, and how an answer is compared.

Each is mirrored on Friday and again on Monday, when some things have happened.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.streams.state import Outcome
from syncer.simulator.server.environment import Environment
from syncer.store.db.database import Database
from syncer.store.reading.query import query
from tests.queries.page import Question
from tests.queries.sources import (
    FRIDAY,
    MONDAY,
    MondaySource,
    list_all,
    make_environment,
    pass_weekend,
    served_anew,
)
from tests.support.mirror import Mirror
from tests.support.world import World

Rows: TypeAlias = list[tuple[Any, ...]]
Answers: TypeAlias = Mapping[str, Callable[..., Rows]]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass
class QueriedMirror:
    """A mirrored environment in one of the databases."""

    dialect: str
    database: Database
    source: MondaySource
    _told: dict[str, tuple[tuple[str, ...], Rows]] = field(default_factory=dict)

    def ask(self, question: Question) -> tuple[tuple[str, ...], Rows]:
        """The columns and rows of its answer."""
        if question.title not in self._told:
            self._told[question.title] = self.run(question.sql[self.dialect], question.parameters)
        return self._told[question.title]

    def run(self, sql: str, parameters: Mapping[str, str] = {}) -> tuple[tuple[str, ...], Rows]:
        """Columns and rows, read-only, with values that look alike from every database."""
        with query(self.database, sql.strip(), parameters) as answer:
            return answer.columns, [tuple(map(plain, row)) for row in answer.rows]


def plain(value: Any) -> Any:
    """Numbers as float, days and moments as ISO text in UTC, truth as 0 or 1."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        value = datetime.fromisoformat(value)
    match value:
        case bool() | int() | float() | Decimal():
            return float(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case _:
            return value


def assert_alike(rows: Rows, expected: Rows) -> None:
    """The same rows in any order; rounded numbers may be off by what rounding takes."""

    def key(row: tuple[Any, ...]) -> list[str]:
        return [f"{value:.0f}" if isinstance(value, float) else str(value) for value in row]

    assert expected, "an answer of nothing shows nothing"
    found, wanted = sorted(rows, key=key), sorted((tuple(map(plain, row)) for row in expected), key=key)
    assert len(found) == len(wanted)
    for row, other in zip(found, wanted, strict=True):
        assert row == tuple(
            pytest.approx(each, abs=0.0501) if isinstance(each, float) else each for each in other
        )


@contextmanager
def mirrored(urls: Mapping[str, str], *, with_large: bool) -> Iterator[dict[str, QueriedMirror]]:
    """Mirror one source into each of these databases, on Friday and on Monday; the mirrors by dialect.

    urls: of migrated databases, by dialect.
    """
    environment, clock = make_environment(with_large=with_large)
    for url in urls.values():
        asyncio.run(sync(environment, url))
    friday, seen = list_all(environment), clock.now_ms()
    clock.advance(MONDAY - FRIDAY)
    pass_weekend(environment)
    for url in urls.values():
        asyncio.run(sync(environment, url, [name for name in catalogue() if not name.startswith("lms_")]))
    happened = set(served_anew(environment, friday, list_all(environment), seen))
    source = MondaySource(environment, happened, friday)
    with ExitStack() as opened:
        databases = {dialect: opened.enter_context(closing(Database(url))) for dialect, url in urls.items()}
        yield {name: QueriedMirror(name, database, source) for name, database in databases.items()}


async def sync(environment: Environment, url: str, models: Iterable[str] = ()) -> None:
    """Do one pass that must go well, at the moment that the environment's clock shows."""
    ahead = environment.clock.now() - datetime.now(UTC)
    kept = {"history": {"models": ["hris_employees", "hris_employments"]}}
    results = await World(environment, Mirror(url), kept, clock_offset=ahead).run(models=models)
    assert {each.outcome for each in results} <= {Outcome.COMPLETE, Outcome.UNAVAILABLE}
