"""Hashes of records that every tool can read: uuid on PostgreSQL, not bytea; no live view shows them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from alembic import op
from sqlalchemy import inspect

from syncer.store.schema.other_views import without_other_views

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OTHERS = (
    "hris_skill_proficiency_scales",
    "hris_salary_types",
    "ats_screening_questions",
    "lms_course_providers",
    "passthrough_records",
)
#: What was blanked had an empty hash.
NOTHING = "decode(repeat('00', 16), 'hex')"
AS_UUID = f"encode(CASE length(content_hash) WHEN 16 THEN content_hash ELSE {NOTHING} END, 'hex')::uuid"
AS_BYTES = "decode(replace(content_hash::text, '-', ''), 'hex')"


def upgrade() -> None:
    change("uuid", AS_UUID, has_hash=False)


def downgrade() -> None:
    change("bytea", AS_BYTES, has_hash=True)


def change(type_: str, using: str, *, has_hash: bool) -> None:
    connection = op.get_bind()
    first = first_schema()
    present = set(inspect(connection).get_table_names())
    # Those that somebody has renamed or dropped are a trouble of their streams alone. Where there is no table
    # the statements are only written, and all of them are going to be.
    models = [name for name in first.MIRROR if name in present or not present]
    if connection.dialect.name == "sqlite":
        replace_views(first, models, has_hash=has_hash)
        return
    tables = [
        name
        for table in (*models, *OTHERS)
        for name in (table, f"{table}_history")
        if name in present or (not present and name == table)
    ]
    views = [f"{name}_live" for name in models]
    with without_other_views(
        connection, tables, "content_hash", views, lost=None if has_hash else "NULL::uuid"
    ):
        for view in views:
            op.execute(f"DROP VIEW IF EXISTS {view}")
        for name in tables:
            op.execute(f"ALTER TABLE {name} ALTER COLUMN content_hash TYPE {type_} USING {using}")
        replace_views(first, models, has_hash=has_hash)


def replace_views(first: ModuleType, models: Iterable[str], *, has_hash: bool) -> None:
    for name in models:
        every = ", ".join((first.BEFORE, first.MIRROR[name], first.AFTER)).split(",")
        columns = [f'"{column.split()[0]}"' for column in every if has_hash or "content_hash" not in column]
        op.execute(f"DROP VIEW IF EXISTS {name}_live")
        live = f"SELECT {', '.join(columns)} FROM {name} WHERE remote_deleted_at IS NULL"
        op.execute(f"CREATE VIEW {name}_live AS {live}")


def first_schema() -> ModuleType:
    """Give the migration that made the models' tables, whose columns nothing has changed since."""
    spec = spec_from_file_location("first_schema", Path(__file__).with_name("0001_first_schema.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
