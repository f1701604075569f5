"""Indexes for pages of lists: the rows of an integration by id, and by when they were last told of.

Where there are rows they are built after the upgrade, beside those who write.
"""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from alembic import op
from sqlalchemy import inspect, text

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

#: Its records do not say when they changed, and nobody asks for those that have: it has no second index.
WITHOUT_CHANGES = {"assessment_orders"}


#: When a row was last told of; SQLite's max is null where any of its values is.
TOLD = {
    "postgresql": "greatest(changed_at, mirrored_at)",
    "sqlite": "max(coalesce(changed_at, mirrored_at), mirrored_at)",
}


def upgrade() -> None:
    connection = op.get_bind()
    told = text(TOLD[connection.dialect.name])
    present = set(inspect(connection).get_table_names())
    models = first_schema().MIRROR
    # Those that somebody has renamed or dropped are a trouble of their streams alone. Where there is no table
    # the statements are only written, and all of them are going to be.
    for name in [each for each in models if each in present or not present]:
        op.drop_index(f"ix_{name}_integration_id", name, if_exists=True)
        # Of a large table they are built afterwards, while others write it.
        if (
            name not in present
            or not connection.execute(text(f"SELECT EXISTS (SELECT 1 FROM {name})")).scalar()
        ):
            op.create_index(f"ix_{name}_integration_id_id", name, ["integration_id", "id"])
            if name not in WITHOUT_CHANGES:
                op.create_index(f"ix_{name}_last_told", name, ["integration_id", told])


def downgrade() -> None:
    present = set(inspect(op.get_bind()).get_table_names())
    for name in [each for each in first_schema().MIRROR if each in present]:
        op.drop_index(f"ix_{name}_integration_id_id", name, if_exists=True)
        if name not in WITHOUT_CHANGES:
            op.drop_index(f"ix_{name}_last_told", name, if_exists=True)
        op.create_index(f"ix_{name}_integration_id", name, ["integration_id"])


def first_schema() -> ModuleType:
    """Give the migration that made the models' tables."""
    spec = spec_from_file_location("first_schema", Path(__file__).with_name("0001_first_schema.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
