"""docs/database.md and docs/privacy.md: what they say to type makes the schema and roles that they name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import make_url

from syncer.config.loading import load_settings
from tests.support.pages import DOCS, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.conftest import Typed


def typed_text(block: str) -> str:
    return "\n".join(line.removeprefix("$ ") for line in block.splitlines())


def test_a_role_that_owns_nothing_else_makes_moves_and_grants_the_mirror(
    typed: Typed, own_server_url: str, tmp_path: Path
) -> None:
    [toml], [roles] = blocks(DOCS / "database.md", "toml"), blocks(DOCS / "database.md", "sql")
    move, upgrade = map(typed_text, blocks(DOCS / "database.md", "console"))
    analyst, customers, *_ = map(typed_text, blocks(DOCS / "privacy.md", "console"))
    (tmp_path / "roles.sql").write_text(roles)
    typed("psql -q -c 'CREATE DATABASE company'; psql -q -d company -v ON_ERROR_STOP=1 -f roles.sql", {})
    server = make_url(own_server_url)
    url = server.set(username="syncer", password="choose-one", database="company")
    in_schema = {"SYNCER_DATABASE__URL": url.render_as_string(hide_password=False), "PGDATABASE": "company"}
    given = re.search(r'url = "(.*)"', toml)
    assert given is not None
    (tmp_path / "config.toml").write_text(toml)
    assert load_settings(tmp_path / "config.toml", {}, tmp_path).database.schema_ == "kombo"

    # In a schema of another name, from where it is moved; its tables are made by what was printed.
    owned = {**in_schema, "SYNCER_DATABASE__SCHEMA": "before"}
    typed("syncer migrate", owned)
    typed(move, owned)
    moved = {**in_schema, "SYNCER_DATABASE__SCHEMA": "kombo"}
    typed(upgrade, {**moved, "PGUSER": "syncer"})
    typed(analyst, {**moved, "PGUSER": server.username or ""})
    reading = server.set(username="analyst", password="choose-one", database="company")
    with psycopg.connect(reading.render_as_string(hide_password=False)) as connection:
        assert connection.execute("SELECT count(*) FROM kombo.hris_employees_safe").fetchone() == (0,)
    limited = customers.replace("…", "")
    ids = re.findall(r"--integration (\S+)", limited)
    rows = ", ".join(f"('default', '{each}', 'config', 'ready')" for each in ids)
    insert = f"INSERT INTO kombo.sync_integrations (environment, id, origin, state) VALUES {rows}"
    typed(f'psql -q -v ON_ERROR_STOP=1 -c "{insert}"\n{limited}', {**moved, "PGUSER": "syncer"})
