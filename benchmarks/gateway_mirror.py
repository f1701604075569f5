"""Large mirror for the gateway: employees and what they carry copies of, multiplied by SQL."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Table, Text, text, update

from syncer.app import App
from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.gateway.copy_places import copied_tables
from syncer.domain.records.row import Row, project_text
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.store.db.types import Json
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR, streams
from syncer.store.state.runs import begin_run, end_run
from tests.support.rows import write_page

MODEL = "hris_employees"
INTEGRATION = "personio:8d1hpPsbjxUkoCoa1veLZGe5"
#: Lists whose rows belong to one employee each: they are multiplied with these.
MULTIPLIED = ("hris_employments", "hris_time_off_balances", MODEL)
LISTS = tuple(sorted({MODEL, *copied_tables(MODEL)}))
SEED_RECORDS = 6_000
WRITTEN_AT_ONCE = 500
#: Employees that one transaction copies.
COPIED_AT_ONCE = 20_000
#: End of an id that tells the number of its copy; no id of Kombo's has the first two characters together.
_MARK = "I0"
_SEED = f"{_MARK}00000"
_ID = re.compile(r'"([1-9A-HJ-NP-Za-km-z]{24})"')


def fill(app: App, rows: int) -> None:
    """Write so many employees and what they carry copies of; have all lists be complete."""
    clock = SimClock.frozen(datetime.now(UTC) - timedelta(days=30))
    company = Company(INTEGRATION, clock, seed=1, records=SEED_RECORDS)
    multiplied = {name: [json.dumps(each) for each in company.rows(name)] for name in MULTIPLIED}
    shared = {name: list(company.rows(name)) for name in LISTS if name not in MULTIPLIED}
    own = {json.loads(each)["id"] for texts in multiplied.values() for each in texts}
    # Records of two lists may have the same id: what others carry, too, stays as it is.
    mark = _marking(own - {each["id"] for records in shared.values() for each in records})
    for name, records in shared.items():
        _write(app, name, [json.dumps(each) for each in records])
    for name, texts in multiplied.items():
        _write(app, name, [_ID.sub(mark, each) for each in texts])
    seeds = len(multiplied[MODEL])
    _multiply(app, max(1, rows // seeds), max(1, COPIED_AT_ONCE // seeds))
    complete(app)
    with app.database.begin() as connection:
        connection.execute(text("ANALYZE"))


def _marking(own: set[str]) -> Callable[[re.Match[str]], str]:
    """Give those ids their end that are one employee's own."""

    def mark(found: re.Match[str]) -> str:
        return f'"{found[1][: -len(_SEED)]}{_SEED}"' if found[1] in own else found[0]

    return mark


def _write(app: App, name: str, texts: Sequence[str]) -> None:
    """Write records as pages do."""
    model = model_named(name)
    for first in range(0, len(texts), WRITTEN_AT_ONCE):
        projected = (project_text(model, each.encode()) for each in texts[first : first + WRITTEN_AT_ONCE])
        with app.database.begin() as connection:
            now = app.database.now(connection)
            rows = [each for each in projected if isinstance(each, Row)]
            write_page(connection, model_destination(model, INTEGRATION), rows, now=now, walk_began_at=now)


def _multiply(app: App, times: int, at_once: int) -> None:
    """Copy the marked rows so often, the first included."""
    sqlite = app.database.is_sqlite
    statements = [_copying(table, key, sqlite) for table, key in _multiplied_tables()]
    for first in range(1, times, at_once):
        last = min(first + at_once, times) - 1
        with app.database.begin() as connection:
            for statement in statements:
                connection.execute(text(statement), {"first": first, "last": last})
        print(f"{(last + 1) / times:.0%} of the rows written", file=sys.stderr, flush=True)


def _multiplied_tables() -> Iterator[tuple[Table, str]]:
    """List the tables with rows of one employee each, and the column that tells whose they are."""
    for name in MULTIPLIED:
        model = catalogue()[name]
        yield MIRROR[name], "id"
        for link in model.links:
            yield MIRROR[link.table], link.owner
        for child in model.children:
            if child.owner is not None:
                yield MIRROR[child.table], child.owner


def _copying(table: Table, key: str, sqlite: bool) -> str:
    """Write the statement that copies the marked rows of a table."""
    number = "printf('%05d', n)" if sqlite else "lpad(CAST(n AS text), 5, '0')"
    values = []
    for column in table.columns:
        is_id = isinstance(column.type, Text) and (column.name == "id" or column.name.endswith("_id"))
        is_json = isinstance(column.type, Json)
        if is_json and not sqlite:
            values.append(
                f"CAST(replace(CAST({column.name} AS text), '{_SEED}', '{_MARK}' || {number}) AS jsonb)"
            )
        elif is_id or is_json:
            values.append(f"replace({column.name}, '{_SEED}', '{_MARK}' || {number})")
        else:
            values.append(column.name)
    number_rows = (
        "(WITH RECURSIVE r(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM r WHERE n < :last)"
        " SELECT n FROM r)"
        if sqlite
        else "(SELECT generate_series(CAST(:first AS int), CAST(:last AS int)) AS n)"
    )
    names = ", ".join(column.name for column in table.columns)
    return (
        f"INSERT INTO {table.name} ({names}) SELECT {', '.join(values)} "
        f"FROM {table.name} CROSS JOIN {number_rows} AS numbers WHERE {key} LIKE '%{_SEED}'"
    )


def complete(app: App) -> None:
    """Have all lists be complete, and not due before long."""
    keys = {StreamKey(INTEGRATION, name) for name in LISTS}
    with app.database.begin() as connection:
        app.environment_of(INTEGRATION).streams.select(connection, keys)
        for key in keys:
            run_id, now = uuid4().hex, app.database.now(connection)
            begin_run(connection, run_id, "default", key, "benchmark", now)
            end_run(connection, run_id, Outcome.COMPLETE, None, app.database.now(connection), stored=0)
        now = app.database.now(connection)
        connection.execute(
            update(streams).values(
                state="complete",
                complete_at=now,
                watermark=now,
                scheduled_at=now,
                last_full_walk_at=now,
                last_run_at=now,
                last_outcome="complete",
                due_at=None,
                due_purpose=None,
            )
        )
