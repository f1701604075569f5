"""A newer version takes the place of a running one on the same database, and nothing is lost.

The newer one is a copy of the program with one more migration, such as a version brings: a column of the
mirror, for which the rows of a model are made anew, and one of the bookkeeping.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncer.store.schema.revisions import known_revisions
from tests.support.environment import without_settings
from tests.support.mirror import Mirror
from tests.support.processes import SYNCER, Serve, ServedSource, Service
from tests.support.source import MODELS, make_environment
from tests.support.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
GROUPS = "hris_groups"
#: The next revision, as its number goes.
NEWER = f"{int(known_revisions()[-1]) + 1:04d}"
MIGRATION = f'''
"""What a newer version brings."""

import sqlalchemy as sa
from alembic import op

revision = "{NEWER}"
down_revision = "{known_revisions()[-1]}"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("DROP VIEW hris_groups_live")
    op.add_column("hris_groups", sa.Column("title", sa.Text()))
    op.execute("CREATE VIEW hris_groups_live AS SELECT * FROM hris_groups WHERE remote_deleted_at IS NULL")
    extra = sa.Column("extra", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    op.add_column("sync_streams", extra)
'''
#: A column of the catalogue, and what it is put behind. It shows a member that every record has.
COLUMN = (
    'text("type", "DEPARTMENT, TEAM or COST_CENTER", Privacy.ORGANISATION),',
    'text("title", "The name once more", Privacy.ORGANISATION, at="name"),',
)
#: Rows of before that the newer version has not made anew yet.
LEFT = "SELECT 1 FROM hris_groups WHERE title IS NULL OR title <> name"
#: What an older service says of rows that are made by newer rules by now.
REFUSAL = "is of another version: restart this one"


@dataclass(frozen=True)
class Upgrade:
    """A source, a database, and the two versions that mirror the one into the other."""

    source: ServedSource
    mirror: Mirror
    newer: Path

    def start(self, *, newer: bool = False) -> Service:
        """Start a service of the one version or the other."""
        return self.source.start_program((*SYNCER, "run"), self.settings(newer=newer))

    def settings(self, *, newer: bool) -> dict[str, str]:
        found = {**self.source.settings(self.mirror.database_url), "SYNCER_SYNC__EVERY": "2s"}
        return found | ({"PYTHONPATH": str(self.newer)} if newer else {})

    def change(self, name: str, *services: Service) -> None:
        """Rename a group, and wait until one of the services has it in the mirror."""
        said = sum(len(each.lines) for each in services)
        [company] = self.source.environment.companies.values()
        company.update(GROUPS, company.ids(GROUPS)[0], name=name)
        # A run that changes something says so; the database is asked only then.
        until(lambda: sum(len(each.lines) for each in services) > said, f"a run: {name}")
        until(self.has_arrived, name)

    def has_arrived(self) -> bool:
        """Tell whether the mirror has all that the source has, and every stream is well."""
        return self.mirror.equals_source(self.source.environment) and not self.mirror.fetch(
            "SELECT 1 FROM sync_streams WHERE state <> 'complete'"
        )


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program that is one migration ahead."""
    folder = tmp_path_factory.mktemp("newer")
    for name in ("syncer", "migrations"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "migrations" / "versions" / f"{NEWER}_newer.py").write_text(MIGRATION, encoding="utf-8")
    models = folder / "syncer" / "domain" / "catalogue" / "models" / "hris_people.py"
    before, behind = models.read_text(encoding="utf-8"), "\n        ".join(COLUMN)
    assert before.count(COLUMN[0]) == 1
    models.write_text(before.replace(COLUMN[0], behind), encoding="utf-8")
    return folder


@pytest.fixture
def upgrade(serve: Serve, migrated_url: str, newer: Path) -> Upgrade:
    """A company, on both databases."""
    return Upgrade(serve(make_environment(records=40)), Mirror(migrated_url), newer)


def syncer(upgrade: Upgrade, *arguments: str, newer: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command of the one version or the other."""
    environ = {**without_settings(), **upgrade.settings(newer=newer)}
    where = upgrade.source.directory
    return subprocess.run([*SYNCER, *arguments], cwd=where, env=environ, capture_output=True, text=True)


def troubles(service: Service) -> list[dict[str, Any]]:
    """Give the lines of its log that say that something is wrong, but not with what tests may and take."""
    lines = [each for each in service.events() if each["event"] not in {"exposure_found", "fell_behind"}]
    return [each for each in lines if each["level"] not in {"debug", "info"}]


def test_a_rolling_upgrade_loses_nothing_and_the_older_service_refuses_only_what_is_made_anew(
    upgrade: Upgrade,
) -> None:
    older = upgrade.start()
    older.wait_for("run_ended", model=GROUPS)
    until(upgrade.has_arrived, "the first load")

    # The newer one has migrated, and nothing else: the older goes on as if nothing had happened.
    migrated = syncer(upgrade, "migrate", newer=True)
    assert (migrated.returncode, NEWER in migrated.stdout) == (0, True), migrated.stderr
    older.wait_for("database_upgraded", revision=NEWER)
    assert httpx.get(older.wait_for("pages_served")["url"] + "readyz", timeout=PATIENCE).status_code == 200
    upgrade.change("by the older version on the newer schema", older)
    assert [each["event"] for each in troubles(older)] == ["database_upgraded"]

    # Both: rows of the model that is projected anew are the newer one's, all others are anybody's.
    younger = upgrade.start(newer=True)
    younger.wait_for("service_started")
    upgrade.change("while both are at work", older, younger)

    assert older.stop() == 0
    upgrade.change("by the newer version alone", younger)
    until(lambda: not upgrade.mirror.fetch(LEFT), "rows with the new column")
    assert younger.stop() == 0

    assert troubles(younger) == []
    for trouble in troubles(older):
        if trouble["event"] != "database_upgraded":
            assert (trouble["event"], trouble["model"]) == ("run_failed", GROUPS), trouble
            assert REFUSAL in trouble["error"]
    upgrade.mirror.assert_equals_source(upgrade.source.environment, MODELS)
