"""``[workers]``: PostgreSQL alone, and a schema of the queue's own."""

from __future__ import annotations

from tests.config.loads import Load, refusal

POSTGRES = '[database]\nurl = "postgresql://me@here/mirror"\n'
ENGINE = '[workers]\nengine = "procrastinate"\n'


def test_a_service_works_itself_unless_workers_are_set(load: Load) -> None:
    assert load(POSTGRES).queue_schema is None
    assert load(f'{POSTGRES}[workers]\nschema = "jobs"\n').queue_schema is None


def test_the_queue_of_each_mirror_is_in_a_schema_of_its_own(load: Load) -> None:
    assert load(POSTGRES + ENGINE).queue_schema == "procrastinate"
    assert load(f'{POSTGRES}schema = "kombo"\n{ENGINE}').queue_schema == "kombo_procrastinate"
    assert load(f'{POSTGRES}{ENGINE}schema = "jobs"\n').queue_schema == "jobs"
    told = refusal(load, f'{POSTGRES}schema = "kombo"\n{ENGINE}schema = "kombo"\n')
    assert "another one than database.schema" in told


def test_workers_are_refused_with_sqlite(load: Load) -> None:
    told = refusal(load, ENGINE)
    assert "workers" in told
    assert "PostgreSQL alone" in told
