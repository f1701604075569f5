"""``database.schema``: a name that needs no quotes, and PostgreSQL."""

from __future__ import annotations

import pytest

from tests.config.loads import Load, refusal

POSTGRES = '[database]\nurl = "postgresql://me@here/mirror"\n'


def test_a_schema_can_be_named_in_the_file_and_by_a_variable(load: Load) -> None:
    assert load(POSTGRES).database.schema_ is None
    assert load(f'{POSTGRES}schema = "kombo"\n').database.schema_ == "kombo"
    assert load(POSTGRES, SYNCER_DATABASE__SCHEMA="kombo_eu").database.schema_ == "kombo_eu"


def test_a_schema_is_refused_with_sqlite(load: Load) -> None:
    told = refusal(load, '[database]\nschema = "kombo"\n')
    assert "database.schema" in told
    assert "SQLite has no schemas" in told


@pytest.mark.parametrize(
    "name", ["Kombo", "a-b", "1a", 'a"b', "a;b", "pg_kombo", "information_schema", "a" * 49]
)
def test_a_name_that_would_need_quotes_or_is_postgresqls_own_is_refused(load: Load, name: str) -> None:
    assert "database.schema" in refusal(load, POSTGRES, SYNCER_DATABASE__SCHEMA=name)
