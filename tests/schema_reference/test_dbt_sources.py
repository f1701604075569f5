"""dbt takes the sources, and finds a fresh mirror fresh and a stale one stale."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import make_url

from tests.support.tools import path_of

if TYPE_CHECKING:
    from tests.schema_reference.conftest import WriteModels

pytestmark = pytest.mark.tool("dbt")
#: In one process: to start it takes longer than all that it does.
CALLS = """
import json, sys
import psycopg2
from dbt.cli.main import dbtRunner

runner = dbtRunner()
# Each takes a while: some, and one that nobody mirrors.
MODELS = ("hris_groups", "hris_groups_live", "hris_locations", "hris_employees", "hris_timesheets")
SOME = ("--select", *(f"source:kombo.{name}" for name in (*MODELS, "mirror_freshness")))


def statuses(*arguments):
    done = runner.invoke(["--quiet", "--no-send-anonymous-usage-stats", "source", "freshness", *arguments])
    if done.exception:
        raise done.exception
    return {each.node.name: each.status for each in done.result.results}


parsed = runner.invoke(["--quiet", "--no-send-anonymous-usage-stats", "--warn-error", "parse"])
if not parsed.success:
    raise parsed.exception
sources = {each.name: each for each in parsed.result.sources.values()}
told = {
    "columns": sorted(sources["hris_employees"].columns),
    "description": sources["hris_employees"].columns["manager_id"].description,
    "fresh": statuses(*SOME),
}
connection = psycopg2.connect(**json.loads(sys.argv[1]))
connection.autocommit = True
for name, statement in json.loads(sys.argv[2]).items():
    connection.cursor().execute(statement)
    told[name] = statuses(*SOME)
told["patient"] = statuses(*SOME, "--vars", "{kombo_warn_after_hours: 500, kombo_error_after_hours: 1000}")
print(json.dumps(told))
"""
#: What happens to the mirror one after the other.
TROUBLES = {
    "stale": "UPDATE sync_streams SET watermark = CASE WHEN model = 'hris_groups'"
    " THEN now() - interval '30 hours' END WHERE model IN ('hris_groups', 'hris_locations')"
    # One of two integrations: the other one is as fresh as before.
    " AND integration_id = (SELECT min(integration_id) FROM sync_streams)",
    "late": "UPDATE sync_streams SET watermark = now() - interval '7 hours'",
}
EMPTY = "hris_timesheets"


@pytest.fixture(scope="module")
def told(
    mirrors: dict[str, str], write_models: WriteModels, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What dbt says of the sources of a mirror that was read just now, and then of its troubles."""
    folder = tmp_path_factory.mktemp("dbt")
    (folder / "models").mkdir()
    write_models(folder / "models" / "kombo.yml", "--format", "dbt")
    (folder / "dbt_project.yml").write_text("name: reports\nversion: '1.0'\nprofile: mirror\n")
    url = make_url(mirrors["postgresql"])
    where = {
        "host": url.host or url.query["host"],
        "port": url.port or 5432,
        "user": url.username,
        "password": url.password or "none",
        "dbname": url.database,
    }
    output = json.dumps({**where, "type": "postgres", "schema": "public", "threads": 1})
    (folder / "profiles.yml").write_text(f"mirror: {{target: dev, outputs: {{dev: {output}}}}}\n")
    with psycopg.connect(mirrors["postgresql"], autocommit=True) as connection:
        # The simulated company lives in a year of its own.
        connection.execute("UPDATE sync_streams SET watermark = now()")
    program = path_of("dbt")
    assert program is not None
    done = subprocess.run(
        [str(Path(program).with_name("python")), "-c", CALLS, json.dumps(where), json.dumps(TROUBLES)],
        cwd=folder,
        env={**os.environ, "DBT_PROFILES_DIR": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_table_is_a_source_with_described_columns(told: dict[str, Any]) -> None:
    assert {"id", "manager_id", "document"} <= {*told["columns"]}
    assert told["description"] == "The employee's manager"


def test_a_fresh_mirror_is_fresh_and_a_model_that_nobody_mirrors_is_not_stale(told: dict[str, Any]) -> None:
    assert {*told["fresh"].values()} == {"pass"}
    assert {"hris_groups", "hris_groups_live", EMPTY, "mirror_freshness"} <= told["fresh"].keys()


def test_a_model_fails_whose_worst_stream_is_stale_or_was_never_complete(told: dict[str, Any]) -> None:
    def failed(name: str) -> set[str]:
        return {source for source, status in told[name].items() if status == "error"}

    assert failed("stale") == {"hris_groups", "hris_groups_live", "hris_locations", "mirror_freshness"}
    assert told["stale"]["hris_employees"] == "pass"
    assert told["late"]["hris_groups"] == "warn"
    assert told["patient"]["hris_groups"] == "pass"
