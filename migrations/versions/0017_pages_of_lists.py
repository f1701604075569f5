"""Indexes for pages of lists: the rows of an integration by id, and by when they were last told of.

They are built after the upgrade, beside those who write.
"""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from alembic import op
from sqlalchemy import inspect

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

#: Lists that tell nothing of changes: they have no second index.
WITHOUT_CHANGES = {"hris_skills", "hris_skill_proficiency_ratings", "assessment_orders"}


def upgrade() -> None:
    # The index of this name is to lead on to the id; one of another shape would be taken for it.
    for name in first_schema().MIRROR:
        op.drop_index(f"ix_{name}_integration_id", name, if_exists=True)


def downgrade() -> None:
    # Those that somebody has renamed or dropped are a trouble of their streams alone.
    present = set(inspect(op.get_bind()).get_table_names())
    for name in present.intersection(first_schema().MIRROR):
        op.drop_index(f"ix_{name}_integration_id", name, if_exists=True)
        op.create_index(f"ix_{name}_integration_id", name, ["integration_id"])
        if name not in WITHOUT_CHANGES:
            op.drop_index(f"ix_{name}_last_told", name, if_exists=True)


def first_schema() -> ModuleType:
    """Give the migration that made the models' tables."""
    spec = spec_from_file_location("first_schema", Path(__file__).with_name("0001_first_schema.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
