"""``syncer migrate --sql`` and ``--move-to``: what they print, and what they refuse."""

from __future__ import annotations

import psycopg

from tests.support.command_line import Shell


def test_the_sql_is_printed_and_the_mirror_moves_to_another_schema(shell: Shell, postgres_url: str) -> None:
    shell.settings = {"SYNCER_DATABASE__URL": postgres_url}
    printed = shell.run("migrate", "--sql")
    assert (printed.code, printed.err) == (0, "")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(printed.out.encode())
    assert shell.run("migrate", "--sql").out == "-- There is nothing to upgrade.\n"
    moved = shell.run("migrate", "--move-to", "kombo")
    assert (moved.code, moved.err) == (0, "")
    first, second = moved.out.splitlines()
    assert first.endswith(
        " tables and views went from schema public to kombo, with all their rows and grants."
    )
    assert second == (
        'Before anything else runs: set schema = "kombo" in [database], or SYNCER_DATABASE__SCHEMA=kombo.'
    )
    shell.settings["SYNCER_DATABASE__SCHEMA"] = "kombo"
    assert shell.run("migrate", "--move-to", "kombo").out.endswith(" is in schema kombo already.\n")
    assert shell.run("status").out.startswith("Nothing is mirrored: ")
    refused = shell.run("migrate", "--move-to", "a-b")
    assert (refused.code, refused.out) == (2, "")
    assert "is no name for a schema" in refused.err


def test_each_goes_alone(shell: Shell, sqlite_url: str) -> None:
    shell.settings = {"SYNCER_DATABASE__URL": sqlite_url}
    for both in (("--sql", "--json"), ("--sql", "--move-to", "a"), ("--grant-read", "a", "--move-to", "a")):
        ran = shell.run("migrate", *both)
        assert (ran.code, ran.out) == (2, "")
        assert "are commands of their own" in ran.err
    assert "for SQLite: run `syncer migrate` there" in shell.run("migrate", "--sql").err
