"""What the questions of docs/queries.md are tried on: the page, taken apart, and mirrors of two sources.

One source is the firm of firm.md, small enough to be checked by eye: the samples of the page are its answers.
The other one has a large random company beside the firm, and edges.md: its answers are computed from the
records, without SQL. Both are mirrored on Friday and again on Monday, when some things have happened.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import psycopg
import pytest
from sqlalchemy import URL

from syncer.app import App
from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations import sync as operation
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company, Erasure
from syncer.simulator.company.factories import RELATIONS
from syncer.simulator.company.records import Members
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.store.db.database import Database
from syncer.store.reading.query import query

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "queries.md"

#: What a program on its own clock would call Friday noon and Monday noon.
FRIDAY = datetime(2026, 6, 12, 12, tzinfo=UTC)
MONDAY = FRIDAY + timedelta(days=3)
FIRM = "personio:8d1hpPsbjxUkoCoa1veLZGe5"

#: How much faster than it thinks the program waits.
FASTER = 100

Rows: TypeAlias = list[tuple[Any, ...]]
Answers: TypeAlias = Mapping[str, Callable[..., Rows]]
_LINKS = {
    (each.carrier, each.field)
    for outer in RELATIONS.relations
    for each in (outer, *outer.inside)
    if each.how == "link"
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


# The page


@dataclass(frozen=True)
class Question:
    """A heading that ends in a question mark, with what stands below it.

    sql: statement by database. sample: the header and the rows of the table, cells as they are written.
    """

    title: str
    section: str
    prose: str
    sql: Mapping[str, str]
    parameters: Mapping[str, str]
    sample: tuple[tuple[str, ...], ...]


def _questions(page: str) -> dict[str, Question]:
    found = {}
    for section in re.split(r"^## ", page, flags=re.M)[1:]:
        for part in re.split(r"^### ", section, flags=re.M)[1:]:
            title, _, body = part.partition("\n")
            sql: dict[str, str] = {}
            for dialect, statement in re.findall(r"^```sql ?(\w*)\n(.*?)^```$", body, flags=re.M | re.S):
                for each in (dialect,) if dialect else ("sqlite", "postgresql"):
                    assert each not in sql, f"{title}: two statements for {each}"
                    sql[each] = statement
            sample = re.search(r"^Sample(?:, with (.*))?:$", body, flags=re.M)
            assert sample, f"{title}: no sample"
            found[title] = Question(
                title,
                section.partition("\n")[0],
                body.partition("```")[0].strip(),
                sql,
                dict(re.findall(r"`(\w+)=([^`]*)`", sample[1] or "")),
                tuple(_table(body[sample.end() :])),
            )
    return found


def _table(text: str) -> Iterator[tuple[str, ...]]:
    """The cells of the first table, header first."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    for line in lines:
        if not re.fullmatch(r"[|\s:-]+", line) or not line.count("-"):
            yield tuple(cell.strip() for cell in line.strip()[1:-1].split("|"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-samples", action="store_true", help="Write the samples of docs/queries.md.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``question``: those that the module has answers to, or all."""
    if "question" in metafunc.fixturenames:
        page = _questions(PAGE.read_text(encoding="utf-8"))
        wanted = getattr(metafunc.module, "ANSWERS", page)
        known = [page[title] for title in wanted if title in page]
        metafunc.parametrize("question", known, ids=[each.title for each in known])


@pytest.fixture(scope="session")
def questions() -> dict[str, Question]:
    """The page's questions by title."""
    return _questions(PAGE.read_text(encoding="utf-8"))


# The sources


class Source:
    """What Kombo serves on Monday, to compute answers from.

    happened: (what, model, id) of everything that made a record be served anew since Friday, where what is
    new, changed or gone.
    """

    def __init__(self, environment: Environment, happened: set[tuple[str, str, str]]) -> None:
        self.companies = environment.companies
        self.happened = happened
        self._rows: dict[str, list[Members]] = {}

    def all(self, model: str) -> list[Members]:
        """The records of a list in all integrations, deleted ones too."""
        if model not in self._rows:
            self._rows[model] = [
                {**row, "integration_id": id}
                for id, company in self.companies.items()
                for row in company.rows(model, include_deleted=catalogue()[model].features.include_deleted)
            ]
        return self._rows[model]

    def live(self, model: str) -> list[Members]:
        return [row for row in self.all(model) if row.get("remote_deleted_at") is None]

    def by_id(self, model: str) -> dict[Any, Members]:
        """The live records of a list."""
        return {row["id"]: row for row in self.live(model)}

    def employed(self, on: str) -> list[Members]:
        """The employees whose dates say that they are there on that day."""
        return [
            each
            for each in self.live("hris_employees")
            if (begin := day(each.get("start_date"))) is not None
            and begin <= on <= (day(each.get("termination_date")) or on)
        ]


def day(value: str | None) -> str | None:
    """The calendar day of a moment or date of the API."""
    return None if value is None else value[:10]


def _unlimited(clock: SimClock) -> Environment:
    return Environment(clock, limit=RateLimit(lambda: 0.0, limit=1_000_000))


def _environment(*, with_large: bool) -> tuple[Environment, SimClock]:
    clock = SimClock.frozen(FRIDAY)
    environment = _unlimited(clock)
    firm = Company(FIRM, clock, records=0)
    firm.domain = "nordlicht.example"
    _empty(firm)
    _plant(firm, (HERE / "firm.md").read_text(encoding="utf-8"))
    environment.add(firm)
    if with_large:
        _plant(firm, (HERE / "edges.md").read_text(encoding="utf-8"))
        # Nothing is anonymised between the two days: the mirror would know more than the source.
        large = Company(
            "hibob:JLs9o9Tkbb2AtUt6SNBdX2X8",
            clock,
            seed=7,
            records=1_500,
            erasure=Erasure(after=timedelta(days=90)),
        )
        _bury(large)
        environment.add(large)
    return environment, clock


def _empty(company: Company) -> None:
    children = [child.table for model in catalogue().values() for child in model.children]
    for model in (*catalogue(), *children):
        for id in tuple(company.known(model)):
            company.vanish(model, id)


def _plant(company: Company, text: str) -> None:
    """Adds the records of a page like firm.md."""
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        model = part.split("\n", 1)[0]
        header, *rows = _table(part)
        for cells in rows:
            members = dict(zip(header, cells, strict=True))
            key, deleted = members.pop("key"), members.pop("deleted", "")
            values = {name: _value(company, model, name, cell) for name, cell in members.items()}
            links = {name: values.pop(name) or {} for name in members if (model, name) in _LINKS}
            # Long enough ago: what changed around Friday noon is sent once more by an overlap.
            id = company.add(model, values, remote_id=key, links=links, at=FRIDAY - timedelta(days=30))
            if deleted:
                company.delete(model, id, at=FRIDAY - timedelta(days=2))


def _bury(company: Company) -> None:
    """Deletes so many records that most answers go wrong where deleted rows, or ids of such, count."""
    for name, model in catalogue().items():
        if model.has_remote_deleted_at:
            for id in company.ids(name)[::6]:
                company.delete(name, id, at=FRIDAY - timedelta(days=2))


def _value(company: Company, model: str, name: str, cell: str) -> Any:
    """The value of a cell; of a link the pairs by the other record's id."""
    if not cell:
        return None
    if cell[0] in "{[":
        return _referred(company, json.loads(cell))
    if cell[0] == "@":
        ids = [_referred(company, each) for each in cell.split()]
        return {id: {} for id in ids} if (model, name) in _LINKS else ids[0]
    if cell in ("true", "false"):
        return cell == "true"
    return json.loads(cell) if _NUMBER.fullmatch(cell) else cell


def _referred(company: Company, value: Any) -> Any:
    """The value with every ``@key`` in it made the id of that record."""
    if isinstance(value, str):
        return company.id_for(value[1:]) if value.startswith("@") else value
    if isinstance(value, list):
        return [_referred(company, each) for each in value]
    if isinstance(value, dict):
        return {_referred(company, name): _referred(company, each) for name, each in value.items()}
    return value


def _weekend(environment: Environment) -> None:
    """What happens at the firm until Monday noon."""
    firm = environment.companies[FIRM]
    id = firm.id_for
    firm.update("hris_groups", id("sales"), name="Revenue")
    firm.update("ats_application_stages", id("talk"), name="Technical interview")
    firm.update("ats_tags", id("remote"), name="Works remotely")
    firm.update("ats_users", id("rita"), last_name="Winter")
    firm.update("ats_roles", id("manager"), remote_label="Manager of the job")
    firm.update("hris_employees", id("dan"), job_title="Senior engineer")
    firm.update("hris_legal_entities", id("uk"), name="Nordlicht Limited")
    firm.delete("hris_employees", id("lea"))
    firm.delete("ats_candidates", id("c-gone"))
    firm.add(
        "hris_employees",
        {"first_name": "Nora", "last_name": "Quist", "start_date": "2026-08-01", "manager_id": id("ada")},
        remote_id="nora",
    )
    # From now on the tool does not give timesheets any more.
    environment.integrations[FIRM].disabled.add("hris_timesheets")


# The mirrors


@dataclass
class Mirror:
    """A mirrored environment in one of the databases."""

    dialect: str
    database: Database
    source: Source
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


@pytest.fixture
def check(mirror: Mirror) -> Callable[[Question, Answers], None]:
    """``check(question, answers)`` compares what the database says with what the records say."""

    def check(question: Question, answers: Answers) -> None:
        _, rows = mirror.ask(question)
        expected = answers[question.title](mirror.source, **question.parameters)
        assert_alike(rows, expected)

    return check


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


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def firm(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Mirror]:
    """The firm alone, mirrored on both databases."""
    yield from _mirrored(request.param, new_database(request.param), with_large=False)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def mirror(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Mirror]:
    """The firm and the large company, mirrored on both databases."""
    yield from _mirrored(request.param, new_database(request.param), with_large=True)


def _mirrored(dialect: str, url: str, *, with_large: bool) -> Iterator[Mirror]:
    environment, clock = _environment(with_large=with_large)
    asyncio.run(_sync(environment, url))
    friday, seen = _listed(environment), clock.now_ms()
    clock.advance(MONDAY - FRIDAY)
    _weekend(environment)
    asyncio.run(_sync(environment, url, [name for name in catalogue() if not name.startswith("lms_")]))
    happened = set(_differences(environment, friday, _listed(environment), seen))
    database = Database(url)
    yield Mirror(dialect, database, Source(environment, happened))
    database.close()


async def _sync(environment: Environment, url: str, models: Iterable[str] = ()) -> None:
    """One pass that must go well, at the moment that the environment's clock shows."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / FASTER)

    tables: dict[str, Any] = {
        "kombo": {"api_key": environment.api_key, "base_url": "http://kombo.test/v1"},
        "database": {"url": url},
        "integrations": [{"id": each} for each in environment.integrations],
    }
    async with App(
        Settings(**tables),
        transport=httpx.ASGITransport(app=simulator_app(environment)),
        sleep=sleep,
        clock_offset=environment.clock.now() - datetime.now(UTC),
    ) as app:
        results = await operation.sync(app, Mode.SYNC, models=list(models))
    assert {each.outcome for each in results} <= {Outcome.COMPLETE, Outcome.UNAVAILABLE}


class Sync:
    """``sync(environment, url, models)`` mirrors; with what a test needs to have something to mirror."""

    friday = FRIDAY
    environment = staticmethod(_unlimited)
    __call__ = staticmethod(_sync)


@pytest.fixture(scope="session")
def sync() -> Sync:
    return Sync()


def _listed(environment: Environment) -> dict[tuple[str, str], Members]:
    return {
        (model, row["id"]): row
        for company in environment.companies.values()
        for model in catalogue()
        for row in company.rows(model)
    }


def _differences(
    environment: Environment,
    before: Mapping[tuple[str, str], Members],
    now: Mapping[tuple[str, str], Members],
    seen: int,
) -> Iterator[tuple[str, str, str]]:
    """What Kombo serves anew: it differs, and one of its two clocks says so."""
    for (model, id), row in now.items():
        records = [company.tables.get(model, id) for company in environment.companies.values()]
        if not any(record is not None and record.matched_at > seen for record in records):
            continue
        if (model, id) not in before:
            yield "new", model, id
        elif row != (old := before[model, id]):
            gone = old.get("remote_deleted_at") is None and row.get("remote_deleted_at") is not None
            yield ("gone" if gone else "changed"), model, id


@pytest.fixture(scope="session")
def new_database(
    postgres_server_url: URL,
    _postgres_template: str,
    _postgres_admin: psycopg.Connection,
    _sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], str]]:
    """``new_database(dialect)`` gives the URL of a migrated database that lives as long as the tests do."""
    made: list[str] = []

    def new(dialect: str) -> str:
        if dialect == "sqlite":
            file = tmp_path_factory.mktemp("queries") / "mirror.db"
            shutil.copy(_sqlite_template, file)
            return f"sqlite:///{file}"
        made.append(f"syncer_queries_{uuid.uuid4().hex}")
        _postgres_admin.execute(f'CREATE DATABASE "{made[-1]}" TEMPLATE "{_postgres_template}"'.encode())
        return postgres_server_url.set(database=made[-1]).render_as_string(hide_password=False)

    yield new
    for name in made:
        _postgres_admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
