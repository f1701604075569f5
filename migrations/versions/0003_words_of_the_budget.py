"""The columns of the rate-limit budget under the names that the program uses."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RENAMED = {
    "own": "sent",
    "flying": "in_flight",
    "carried": "in_flight_previous",
    "lasts_until": "earliest_end",
    "slack": "reset_skew",
}


def upgrade() -> None:
    _rename(RENAMED)


def downgrade() -> None:
    _rename({new: old for old, new in RENAMED.items()})


def _rename(names: dict[str, str]) -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        for before, after in names.items():
            op.alter_column("sync_budgets", before, new_column_name=after)
            _rename_constraint(f"sync_budgets_{before}_not_null", f"sync_budgets_{after}_not_null")
        return
    # SQLite renames no column while any view shows a table that is not there, so the table is made anew.
    made = connection.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE name = 'sync_budgets'")
    ).scalar_one()
    rows = connection.execute(sa.text("SELECT * FROM sync_budgets")).mappings().all()
    op.drop_table("sync_budgets")
    op.execute(re.sub(r"\w+", lambda word: names.get(word[0], word[0]), made))
    if rows:
        columns: list[sa.ColumnClause[Any]] = [sa.column(names.get(name, name)) for name in rows[0]]
        op.bulk_insert(
            sa.table("sync_budgets", *columns),
            [{names.get(name, name): value for name, value in row.items()} for row in rows],
        )


def _rename_constraint(before: str, after: str) -> None:
    """PostgreSQL 18 and newer name what makes a column NOT NULL, after the column."""
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (
                SELECT FROM pg_constraint WHERE conrelid = 'sync_budgets'::regclass AND conname = '{before}'
            ) THEN
                ALTER TABLE sync_budgets RENAME CONSTRAINT "{before}" TO "{after}";
            END IF;
        END $$
        """
    )
