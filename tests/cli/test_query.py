"""``query``: formats, parameters, limits; and that it only reads."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.support.databases import PostgresServer, sqlite_file

if TYPE_CHECKING:
    from tests.support.command_line import Shell

#: One row with a value of each kind, as each database writes them.
ROW = {
    "sqlite": """SELECT 12.50 AS number, '2026-01-02T03:04:05.000000Z' AS moment, x'00ff' AS bytes,
        NULL AS absent, 'ü,"' AS letters""",
    "postgresql": """SELECT 12.50::numeric AS number, '2026-01-02 05:04:05+02'::timestamptz AS moment,
        '\\x00ff'::bytea AS bytes, NULL AS absent, 'ü,"' AS letters,
        '{"a": [1.50, null, 12345678901234567890.5]}'::jsonb AS json,
        '2026-01-02'::date AS day, true AS yes, 12345678901234567890.123456789::numeric AS long""",
}
MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0}) SELECT i FROM n"


def kind(asking: Shell) -> str:
    return asking.settings["SYNCER_DATABASE__URL"].split(":")[0]


def test_a_pipe_gets_csv(asking: Shell) -> None:
    ran = asking.run("query", ROW[kind(asking)])
    header, row = ran.out.splitlines()
    if kind(asking) == "sqlite":
        assert header == "number,moment,bytes,absent,letters"
        assert row == '12.5,2026-01-02T03:04:05.000000Z,00ff,,"ü,"""'
    else:
        assert header == "number,moment,bytes,absent,letters,json,day,yes,long"
        assert row == (
            '12.50,2026-01-02T03:04:05Z,00ff,,"ü,""","{""a"":[1.50,null,12345678901234567890.5]}",2026-01-02,true,'
            "12345678901234567890.123456789"
        )


def test_json_keeps_kinds_and_digits(asking: Shell) -> None:
    array = asking.run("query", ROW[kind(asking)], "--format", "json")
    [row] = array.json
    assert (row["number"], row["bytes"], row["absent"]) == (12.5, "00ff", None)
    assert row["letters"] == 'ü,"'
    if kind(asking) == "postgresql":
        assert (row["day"], row["yes"]) == ("2026-01-02", True)
        assert '"json":{"a":[1.50,null,12345678901234567890.5]}' in array.out
        assert row["moment"] == "2026-01-02T03:04:05Z"
        assert "12345678901234567890.123456789" in array.out
    lines = asking.run("query", MANY.format(3), "--format", "jsonl")
    assert [json.loads(line) for line in lines.out.splitlines()] == [{"i": 1}, {"i": 2}, {"i": 3}]
    assert asking.run("query", "SELECT 1 AS a WHERE 1 = 0", "--format", "json").json == []


def test_columns_of_the_same_name_stay_apart_in_json(asking: Shell) -> None:
    ran = asking.run("query", "SELECT 1 AS id, 2 AS id, 3 AS id", "--format", "json")
    assert ran.json == [{"id": 1, "id_2": 2, "id_3": 3}]


def test_a_limit_leaves_rows_out_and_a_table_says_how_many(asking: Shell) -> None:
    for form in ("csv", "json", "jsonl", "table"):
        ran = asking.run("query", MANY.format(7), "--format", form, "--limit", "2")
        assert ran.code == 0
        assert "2" in ran.out
        assert "3" not in ran.out
    assert ran.out.splitlines()[-1] == "2 of 7 rows; --limit 0 shows all."
    whole = asking.run("query", MANY.format(7), "--format", "table")
    assert whole.out.split() == ["i", "1", "2", "3", "4", "5", "6", "7", "7", "rows."]


def test_plans_and_settings_are_shown_as_rows_are(asking: Shell) -> None:
    prefix = "EXPLAIN QUERY PLAN" if kind(asking) == "sqlite" else "EXPLAIN"
    plan = asking.run(
        "query", f"{prefix} SELECT * FROM hris_employees WHERE work_email = 'a'", "--limit", "1"
    )
    assert plan.code == 0
    assert "ix_hris_employees_work_email" in plan.out
    settings, shown = (
        ("PRAGMA compile_options", "compile_options") if kind(asking) == "sqlite" else ("SHOW ALL", "name")
    )
    some = asking.run("query", settings, "--format", "table", "--limit", "3")
    assert some.out.startswith(shown)
    assert re.search(r"^3 of [\d,]+ rows; --limit 0 shows all\.$", some.out, flags=re.M)


def test_one_column_alone_has_the_whole_terminal_and_more_lines(asking: Shell) -> None:
    # Such as a plan's.
    long = "x" * 70 + "y" * 70
    ran = asking.on_terminal("query", f"SELECT '{long}' AS plan", width=100)
    lines = [line.rstrip() for line in ran.plain.splitlines()]
    assert lines == ["plan", long[:100], long[100:], "1 row."]
    ran = asking.on_terminal("query", f"SELECT '{long * 3}' AS plan", width=100)
    assert "".join(ran.plain.split()).startswith(f"plan{(long * 3)[:239]}…1row")


def test_more_rows_than_anybody_counts_are_not_counted(asking: Shell) -> None:
    ran = asking.run("query", MANY.format(200_000), "--format", "table", "--limit", "1")
    assert ran.out.splitlines()[-1] == "1 of more than 100,001 rows; --limit 0 shows all."


def test_parameters_and_standard_input(asking: Shell) -> None:
    sql = "SELECT CAST(:name AS TEXT) || '!' AS greeting\n;\n"
    ran = asking.run("query", "-", "--param", "name=O'Neill = 1; DROP TABLE hris_employees", text=sql)
    assert ran.out.splitlines() == ["greeting", "O'Neill = 1; DROP TABLE hris_employees!"]
    assert asking.run("query", "SELECT 1", "--param", "name").code == 2
    missing = asking.run("query", "SELECT :name")
    assert missing.code == 2
    assert ":name" in missing.err
    assert asking.run("query", "-", text=" ;\n").code == 2


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO hris_groups (id) VALUES ('x')",
        "UPDATE sync_streams SET watermark = NULL",
        "DELETE FROM sync_integrations",
        "DROP TABLE hris_groups",
        "CREATE TABLE mine (id INTEGER)",
        "SELECT 1; DROP TABLE hris_groups",
        "COMMIT; DROP TABLE hris_groups",
        "WITH gone AS (DELETE FROM sync_integrations RETURNING id) SELECT * FROM gone",
    ],
)
def test_the_database_refuses_to_write(asking: Shell, sql: str) -> None:
    engine = create_engine(asking.settings["SYNCER_DATABASE__URL"])
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO sync_integrations (environment, id, origin) VALUES ('default', 'a', 'command')")
        )
    ran = asking.run("query", sql)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        ("Error: The database refuses the query: ", "Error: The statement gives no rows: ")
    )
    with engine.begin() as connection:
        assert connection.execute(text("SELECT id FROM sync_integrations")).scalars().all() == ["a"]
        connection.execute(text("DELETE FROM sync_integrations"))
        assert connection.execute(text("SELECT count(*) FROM hris_groups")).scalar_one() == 0
    engine.dispose()


def test_a_pragma_cannot_lift_the_refusal(shell: Shell, migrated_sqlite_url: str) -> None:
    shell.settings = {"SYNCER_DATABASE__URL": migrated_sqlite_url}
    for pragma in ("user_version = 7", "query_only = OFF", "journal_mode = DELETE", "writable_schema = 1"):
        ran = shell.run("query", f"PRAGMA {pragma}")
        assert ran.code == 2, pragma
    assert shell.run("query", "PRAGMA user_version").out == "user_version\n0\n"
    assert shell.run("query", "PRAGMA journal_mode").out == "journal_mode\nwal\n"


def test_an_error_in_the_statement_is_told_in_the_words_of_the_database(asking: Shell) -> None:
    ran = asking.run("query", "SELECT nonsense FROM hris_groups")
    assert (ran.code, ran.out) == (2, "")
    assert "nonsense" in ran.err
    assert ran.err.count("\n") == 1


def test_a_reader_who_has_enough_ends_it_quietly(asking: Shell) -> None:
    command = asking.start("query", MANY.format(1_000_000))
    assert command.stdout is not None
    assert command.stdout.readline() == "i\n"
    command.stdout.close()
    assert command.stderr is not None
    assert command.stderr.read() == ""
    command.stderr.close()
    assert command.wait() == 0


def interrupted(command: subprocess.Popen[str]) -> str:
    """Ctrl-C; gives what the command says to it."""
    command.send_signal(signal.SIGINT)
    _, err = command.communicate()
    return err


def test_ctrl_c_stops_the_statement_on_sqlite(shell: Shell, migrated_sqlite_url: str) -> None:
    shell.settings = {"SYNCER_DATABASE__URL": migrated_sqlite_url}
    # Some rows, then a search without end.
    command = shell.start("query", MANY.format("i + 2") + " WHERE i < 10")
    assert command.stdout is not None
    assert [command.stdout.readline() for _ in range(3)] == ["i\n", "1\n", "2\n"]
    assert "Traceback" not in interrupted(command)
    assert command.returncode == 130


def test_ctrl_c_ends_a_function_that_does_not_listen(shell: Shell, migrated_sqlite_url: str) -> None:
    shell.settings = {"SYNCER_DATABASE__URL": migrated_sqlite_url}
    # SQLite looks for no interruption while one call of a function in C goes on.
    text = "replace(hex(zeroblob({})), '0', 'a')"
    command = shell.start("query", f"SELECT instr({text.format(5_000_000)}, {text.format(500_000)} || 'b')")
    log = sqlite_file(f"{migrated_sqlite_url}-wal")
    while not log.exists():
        assert command.poll() is None, command.communicate()
    assert "Traceback" not in interrupted(command)
    assert command.returncode == 130


@pytest.mark.parametrize("sql", ["SELECT pg_sleep(100000) AS nap", "EXPLAIN ANALYZE SELECT pg_sleep(100000)"])
def test_ctrl_c_stops_the_statement_on_postgresql(
    shell: Shell, migrated_postgres_url: str, postgres_server: PostgresServer, sql: str
) -> None:
    shell.settings = {"SYNCER_DATABASE__URL": migrated_postgres_url}
    command = shell.start("query", sql)
    admin = create_engine(postgres_server.url.set(drivername="postgresql+psycopg"), poolclass=NullPool)

    def naps() -> int:
        with admin.connect() as connection:
            found: int = connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND wait_event = 'PgSleep'"
                ),
                {"name": make_url(migrated_postgres_url).database},
            ).scalar_one()
            return found

    while not naps():
        assert command.poll() is None, command.communicate()
    assert "Traceback" not in interrupted(command)
    assert command.returncode == 130
    assert naps() == 0


def test_the_statement_may_be_in_a_file_and_its_answer_in_json(asking: Shell) -> None:
    (asking.directory / "one.sql").write_text("SELECT 1 AS n;\n")
    assert asking.run("query", "--file", "one.sql", "--json").json == [{"n": 1}]
    assert asking.run("query", "-f", "-", "--json", text="SELECT 2 AS n").json == [{"n": 2}]
    for wrong, words in (
        (["--file", "missing.sql"], "--file missing.sql cannot be read: No such file"),
        (["SELECT 1", "--file", "one.sql"], "Give one statement: as SQL, or by --file."),
        ([], "Give one statement"),
        (["SELECT 1", "--json", "--format", "csv"], "--json and --format csv exclude each other."),
    ):
        ran = asking.run("query", *wrong)
        assert (ran.code, words in ran.err) == (2, True), ran.err


def test_csv_tells_null_from_an_empty_text(asking: Shell) -> None:
    ran = asking.run("query", "SELECT NULL AS a, '' AS b, ' x' AS c, 'say \"no\"' AS d", "--format", "csv")
    assert ran.out == 'a,b,c,d\n,"", x,"say ""no"""\n'


def test_a_table_that_is_not_there_suggests_one_that_is(asking: Shell) -> None:
    ran = asking.run("query", "SELECT * FROM hris_employes_live")
    assert (ran.code, "Did you mean hris_employees_live" in ran.err) == (2, True), ran.err
    assert "Did you mean" not in asking.run("query", "SELECT * FROM nothing_of_the_kind").err


@pytest.mark.parametrize(
    ("sql", "meant"),
    [
        ("SELECT e.frist_name FROM hris_employees_live e", "first_name"),
        ("SELECT lag_second FROM mirror_freshness", "lag_seconds"),
        ("SELECT * FROM mirror_fresness", "mirror_freshness"),
        # Of the tables that the statement does not name nothing is suggested.
        ("SELECT frist_name FROM hris_groups", None),
    ],
)
def test_a_name_that_is_not_there_suggests_one_of_what_the_statement_asks(
    asking: Shell, sql: str, meant: str | None
) -> None:
    ran = asking.run("query", sql)
    assert ran.code == 2
    assert (f"Did you mean {meant}" in ran.err) if meant else ("Did you mean" not in ran.err), ran.err
