"""Which indexes queries use when the mirror is large: plans and times at 1,000,000 employees.

    python -m benchmarks.explain > docs/indexes.md     a quarter of an hour, 4 GB of temporary files

Tables of a mirror are filled by SQL alone in temporary databases, SQLite and PostgreSQL, and ANALYZE is run.
Times are the best of three on this machine.
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, text

from benchmarks.servers import postgresql
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema

QUESTIONS = Path(__file__).resolve().parent.parent / "docs" / "queries.md"
TODAY = "2026-06-15"
#: Seconds after which a query is not run once more.
SLOW = 5

#: Rows n = 1, 2, … as table s, and what the databases write differently.
DIALECTS: Mapping[str, Mapping[str, str]] = {
    "sqlite": {
        "series": "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows})"
        " SELECT n FROM s)",
        "moment": "'{}T00:00:00.000000Z'",
        "day": "date('2010-01-01', '+' || ({}) || ' days')",
        "json": "'{}'",
        "hash": "x'00'",
        "modulo": "%",
        "explain": "EXPLAIN QUERY PLAN ",
    },
    "postgresql": {
        "series": "(SELECT n FROM generate_series(CAST(1 AS bigint), {rows}) AS s (n))",
        "moment": "timestamptz '{}T00:00:00Z'",
        "day": "date '2010-01-01' + CAST({} AS integer)",
        "json": "jsonb '{}'",
        "hash": "gen_random_uuid()",
        # Its driver takes a single one for the beginning of a parameter.
        "modulo": "%%",
        "explain": "EXPLAIN (COSTS OFF) ",
    },
}


class Query(NamedTuple):
    """sql with ``:name`` places for the parameters."""

    title: str
    sql: str
    parameters: Mapping[str, str] = {}


LOOKUPS = (
    Query(
        "One employee by e-mail address",
        "SELECT id, first_name, last_name FROM hris_employees_live WHERE work_email = :email",
        {"email": "person4711@example.com"},
    ),
    Query(
        "One employee by the tool's own id",
        "SELECT id, work_email FROM hris_employees_live\n"
        "WHERE integration_id = :integration AND remote_id = :remote_id",
        {"integration": "integration-31", "remote_id": "4711"},
    ),
    Query(
        "The employments of an employee",
        "SELECT p.effective_date, p.job_title\n"
        "FROM hris_employees_live e\n"
        "JOIN hris_employments_live p ON p.employee_id = e.id\n"
        "WHERE e.work_email = :email",
        {"email": "person4711@example.com"},
    ),
    Query(
        "The direct reports of an employee",
        "SELECT e.work_email FROM hris_employees_live m\n"
        "JOIN hris_employees_live e ON e.manager_id = m.id\n"
        "WHERE m.work_email = :email",
        {"email": "person4711@example.com"},
    ),
    Query(
        "The members of a group",
        "SELECT e.work_email FROM hris_employees_groups l\n"
        "JOIN hris_employees_live e ON e.id = l.employee_id\n"
        "WHERE l.group_id = :group_id",
        {"group_id": "group-31"},
    ),
    Query(
        "What disappeared lately from an integration",
        "SELECT id, remote_id, remote_deleted_at FROM hris_employees\n"
        "WHERE integration_id = :integration AND remote_deleted_at >= :since",
        {"integration": "integration-0", "since": "2026-06-08"},
    ),
    Query(
        "Headcount by department of an integration",
        "SELECT g.name, count(*) AS headcount\n"
        "FROM hris_groups_live g\n"
        "JOIN hris_employees_groups l ON l.group_id = g.id\n"
        "JOIN hris_employees_live e ON e.id = l.employee_id\n"
        "WHERE g.integration_id = :integration AND g.type = 'DEPARTMENT'\n"
        "GROUP BY g.id, g.name",
        {"integration": "integration-31"},
    ),
    Query(
        "What the mirror wrote today",
        "SELECT id, work_email FROM hris_employees WHERE mirrored_at >= :today",
        {"today": TODAY},
    ),
)


def whole_company() -> Iterator[tuple[str, Mapping[str, Query]]]:
    """Questions of docs/queries.md that look at everybody, by database."""
    page = QUESTIONS.read_text(encoding="utf-8")
    for title in (
        "How many people does each legal entity employ, month by month?",
        "How many people are in each department today?",
        "Who reports to whom?",
        "Who manages whom in a circle?",
        "Who has no manager, or one who is gone?",
        "What do people earn, by currency and period?",
    ):
        body = page.partition(f"### {title}\n")[2].partition("\n### ")[0]
        sql = {each: body.partition("```sql\n")[2].partition("```")[0].strip() for each in DIALECTS}
        told = re.search(r"^Sample, with (.*):$", body, flags=re.M)
        parameters = dict(re.findall(r"`(\w+)=([^`]*)`", told[1] if told else ""))
        yield title, {dialect: Query(title, each, parameters) for dialect, each in sql.items()}


def fill(connection: Connection, dialect: Mapping[str, str], employees: int) -> None:
    """40 integrations; per employee 1.4 employments and 2 of 10,000 groups; one row in 100 is deleted."""

    def person(n: str) -> str:
        # An odd factor leaves the numbers distinct and their order like chance.
        return f"'employee-' || CAST(({n}) * 2654435761 % 4294967296 AS text)"

    def moment(day: str) -> str:
        return dialect["moment"].format(day)

    ours = f"{dialect['json']}, {dialect['hash']}, {moment('2026-01-01')}"
    filler = "x" * 300
    statements = (
        (
            employees,
            f"""
            INSERT INTO hris_employees (
                id, integration_id, remote_id, remote_deleted_at, deleted_by, first_name, last_name,
                work_email, avatar, legal_entity_id, manager_id, start_date, termination_date,
                document, content_hash, first_seen_at, mirrored_at
            )
            SELECT {person("n")}, 'integration-' || CAST(n % 40 AS text), CAST(n AS text),
                CASE WHEN n % 10000 = 0 THEN {moment("2026-06-12")}
                     WHEN n % 100 = 0 THEN {moment("2026-03-01")} END,
                CASE WHEN n % 100 = 0 THEN 'kombo' END,
                'First ' || CAST(n % 5000 AS text), 'Last ' || CAST(n % 70000 AS text),
                'person' || CAST(n AS text) || '@example.com', '{filler}',
                'entity-' || CAST(n % 40 AS text) || '-' || CAST(n / 40 % 5 AS text),
                CASE WHEN n > 10 THEN {person("n / 10")} END,
                {dialect["day"].format("n % 6000")},
                CASE WHEN n % 12 = 0 THEN {dialect["day"].format("n % 6000 + 400")} END,
                {ours}, CASE WHEN n % 500 = 0 THEN {moment(TODAY)} ELSE {moment("2026-01-01")} END
            FROM SERIES
            """,
        ),
        (
            employees * 15 // 11,
            f"""
            INSERT INTO hris_employments (
                id, integration_id, employee_id, job_title, pay_rate, pay_currency, pay_period,
                effective_date, document, content_hash, first_seen_at, mirrored_at
            )
            SELECT 'employment-' || CAST(n AS text), 'integration-' || CAST(n % {employees} % 40 AS text),
                {person(f"n % {employees} + 1")}, 'Title ' || CAST(n % 300 AS text), n % 9000,
                CASE n % 3 WHEN 0 THEN 'USD' ELSE 'EUR' END, 'MONTH',
                {dialect["day"].format("n % 6000")}, {ours}, {moment("2026-01-01")}
            FROM SERIES
            """,
        ),
        (
            10_000,
            f"""
            INSERT INTO hris_groups (
                id, integration_id, name, type, document, content_hash, first_seen_at, mirrored_at
            )
            SELECT 'group-' || CAST(n - 1 AS text), 'integration-' || CAST((n - 1) % 40 AS text),
                'Group ' || CAST(n AS text), CASE n / 40 % 2 WHEN 0 THEN 'DEPARTMENT' ELSE 'TEAM' END,
                {ours}, {moment("2026-01-01")}
            FROM SERIES
            """,
        ),
        (
            200,
            f"""
            INSERT INTO hris_legal_entities (
                id, integration_id, name, document, content_hash, first_seen_at, mirrored_at
            )
            SELECT 'entity-' || CAST((n - 1) % 40 AS text) || '-' || CAST((n - 1) / 40 AS text),
                'integration-' || CAST((n - 1) % 40 AS text), 'Entity ' || CAST(n AS text),
                {ours}, {moment("2026-01-01")}
            FROM SERIES
            """,
        ),
        *(
            (
                employees,
                f"INSERT INTO hris_employees_groups (employee_id, group_id) "
                f"SELECT {person('n')}, 'group-' || CAST({group} % 10000 AS text) FROM SERIES",
            )
            for group in ("n", "(n + 4000)")
        ),
    )
    for rows, statement in statements:
        series = dialect["series"].format(rows=rows)
        statement = statement.replace("SERIES", f"{series} AS s").replace("%", dialect["modulo"])
        connection.exec_driver_sql(statement)


def plan(database: Database, dialect: Mapping[str, str], query: Query) -> list[str]:
    """The lines of the database's plan, each step under the one that it is for."""
    with database.read() as connection:
        found = connection.execute(text(dialect["explain"] + query.sql), dict(query.parameters)).all()
    if not database.is_sqlite:
        return [row[0] for row in found]
    depth = {0: -1}
    for row in found:
        depth[row[0]] = depth[row[1]] + 1
    return ["  " * depth[row[0]] + row[3] for row in found]


def run(database: Database, query: Query) -> tuple[int, float]:
    """Rows of the answer, and the seconds of the fastest of three runs; of one where it is slow."""
    seconds: list[float] = []
    rows = 0
    while len(seconds) < 3 and sum(seconds) < SLOW:
        start = time.perf_counter()
        with database.read() as connection:
            rows = len(connection.execute(text(query.sql), dict(query.parameters)).all())
        seconds.append(time.perf_counter() - start)
    return rows, min(seconds)


def shown(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def prepared(url: str, name: str, employees: int) -> Database:
    database = Database(url)
    schema.migrate(database)
    with database.begin() as connection:
        fill(connection, DIALECTS[name], employees)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE")
    return database


def report(databases: Mapping[str, Database], employees: int) -> None:
    """Print the page."""
    with databases["postgresql"].read() as connection:
        version = connection.exec_driver_sql("SHOW server_version").scalar_one()
    names = {"sqlite": f"SQLite {sqlite3.sqlite_version}", "postgresql": f"PostgreSQL {version}"}
    print(HEAD.format(employees=employees, databases=" and ".join(names.values()), cores=os.cpu_count()))
    for query in LOOKUPS:
        print(f"### {query.title}\n\n```sql\n{query.sql}\n```\n")
        for name, database in databases.items():
            rows, seconds = run(database, query)
            print(f"{names[name]}, {rows:,} {'row' if rows == 1 else 'rows'} in {shown(seconds)}:\n\n```")
            print("\n".join(plan(database, DIALECTS[name], query)))
            print("```\n")
    print("## Questions about everybody\n")
    print("These [questions](queries.md) read whole tables by their nature; no index could help.\n")
    print(f"| question | {' | '.join(f'{each} | rows' for each in names.values())} |")
    print("|---" * (1 + 2 * len(names)) + "|")
    for title, query_of in whole_company():
        cells = []
        for name, database in databases.items():
            rows, seconds = run(database, query_of[name])
            cells += [shown(seconds), f"{rows:,}"]
        print(f"| {title} | {' | '.join(cells)} |")
    print(END)


HEAD = """\
<!-- Made by `python -m benchmarks.explain > docs/indexes.md`. -->

# Indexes

What queries cost in a large mirror: {employees:,} employees of 40 integrations, 1.4 employments and two group
memberships for each, one row in a hundred deleted. {databases}, {cores} cores;
times are the best of three, of one where it takes long.

Every mirror table has an index on `id`, on `integration_id` with `id`, on `remote_id`, on every column
that leads to another table (`employee_id`, `manager_id`, `job_id`, …), on e-mail addresses of employees and
users, and on `remote_deleted_at` of the deleted rows alone. Another one, on `integration_id` with the later
of `changed_at` and `mirrored_at`, is for
[lists of the gateway](architecture.md#how-the-mirror-answers-a-list); `passthrough_records` has the same for
added lists, by list. Link tables have one for each direction.

## Looking up

What you compare with must be the bare column: `lower(work_email) = …` reads the whole table.
"""

END = """
There is no index on `mirrored_at`, which would have to be written with every change: asking for what is new
reads the table, as shown above. If your own questions often ask by such a column, add an index of your own.
"""


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--employees", type=int, default=1_000_000)
    employees = parser.parse_args().employees
    with tempfile.TemporaryDirectory() as directory, postgresql() as server:
        urls = {"sqlite": f"sqlite:///{directory}/explain.db", "postgresql": server}
        databases = {}
        for name, url in urls.items():
            print(f"filling {name} ...", file=sys.stderr, flush=True)
            databases[name] = prepared(url, name, employees)
        report(databases, employees)
        for database in databases.values():
            database.close()


if __name__ == "__main__":
    main()
