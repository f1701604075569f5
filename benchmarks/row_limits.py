"""What a limit to integrations costs: plans and times at 1,000,000 employees of 40 integrations.

    python -m benchmarks.row_limits [--employees 1000000]     five minutes, 3 GB of temporary files

The same questions by two roles that read everything, before and after there is a limited one, and by one that
is limited to the integration which the others name. Times are the best of three on this machine.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

import psycopg
from sqlalchemy import make_url

from benchmarks.explain import DIALECTS, Query, fill, plan, run, shown
from benchmarks.servers import postgresql
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema.grants import grant_read

OURS = "integration-31"
#: One of its employees.
PERSON = 31 * 2654435761 % 4294967296
#: {of}: the condition that a role without a limit has to write itself.
_GROUPS = (
    "FROM hris_employees_live e JOIN hris_employees_groups l ON l.employee_id = e.id"
    " JOIN hris_groups_live g ON g.id = l.group_id {of}"
)
QUESTIONS = {
    "Count of live rows": "SELECT count(*) FROM hris_employees_live e {of}",
    "All live rows": "SELECT id, first_name, last_name, work_email FROM hris_employees_live e {of}",
    "The same, from the safe view": "SELECT * FROM hris_employees_safe e {of}",
    "One by e-mail address": (
        "SELECT id FROM hris_employees_live e {of}{and_}work_email = 'person31@example.com'"
    ),
    "One by id, with its groups": f"SELECT g.name {_GROUPS}{{and_}}e.id = 'employee-{PERSON}'",
    "Heads by group": f"SELECT g.name, count(*) {_GROUPS} GROUP BY g.name",
    "Heads by legal entity": (
        "SELECT n.name, count(*) FROM hris_employees_live e"
        " JOIN hris_legal_entities_live n ON n.id = e.legal_entity_id {of} GROUP BY n.name"
    ),
    "Pay by currency": (
        "SELECT pay_currency, avg(pay_rate) FROM hris_employments_live e {of} GROUP BY pay_currency"
    ),
}


def question(title: str, *, is_limited: bool) -> Query:
    condition = "" if is_limited else f"WHERE e.integration_id = '{OURS}'"
    sql = QUESTIONS[title].format(of=condition, and_="WHERE " if is_limited else " AND ")
    return Query(title, sql.replace(":", r"\:"))


def measured(url: str, *, is_limited: bool) -> dict[str, tuple[int, float, list[str]]]:
    """Rows, seconds and plan of each question."""
    found = {}
    with closing(Database(url)) as database:
        for title in QUESTIONS:
            asked = question(title, is_limited=is_limited)
            found[title] = (*run(database, asked), plan(database, DIALECTS["postgresql"], asked))
    return found


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--employees", type=int, default=1_000_000)
    parser.add_argument("--plans", action="store_true")
    arguments = parser.parse_args()
    with postgresql() as server:
        with psycopg.connect(server, autocommit=True) as admin:
            for role in ("mirror_owner", "mirror_all", "mirror_some"):
                admin.execute(f"CREATE ROLE {role} LOGIN".encode())
            admin.execute("GRANT ALL ON SCHEMA public TO mirror_owner")
        urls = {
            role: make_url(server).set(username=role).render_as_string(hide_password=False)
            for role in ("mirror_owner", "mirror_all", "mirror_some")
        }
        with closing(Database(urls["mirror_owner"])) as database:
            print("filling ...", file=sys.stderr, flush=True)
            schema.migrate(database)
            with database.begin() as connection:
                fill(connection, DIALECTS["postgresql"], arguments.employees)
                add = "INSERT INTO sync_integrations (environment, id, origin) VALUES ('default', '{}', 'x')"
                connection.exec_driver_sql(add.format(OURS))
            with database.begin() as connection:
                connection.exec_driver_sql("ANALYZE")
            grant_read(database, "mirror_all", without_sensitive=False)
            columns = [measured(urls["mirror_all"], is_limited=False)]
            grant_read(database, "mirror_some", without_sensitive=False, integrations=[OURS])
        columns += [
            measured(urls["mirror_all"], is_limited=False),
            measured(urls["mirror_some"], is_limited=True),
        ]
    print("| question | rows | no limit anywhere | beside a limited role | as that role | plan of others |")
    print("|---|---|---|---|---|---|")
    for title in QUESTIONS:
        before, beside, limited = (column[title] for column in columns)
        assert before[0] == limited[0], title
        times = " | ".join(shown(each[1]) for each in (before, beside, limited))
        print(
            f"| {title} | {before[0]:,} | {times} | {'the same' if before[2] == beside[2] else 'another'} |"
        )
        if arguments.plans:
            print("\n".join(["", *before[2], "--", *limited[2], ""]))


if __name__ == "__main__":
    main()
