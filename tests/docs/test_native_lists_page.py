"""docs/passthrough.md: every list that it mirrors is mirrored, and every query that it asks is answered."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from syncer.simulator.server.environment import Environment
from tests.support.source import serving_tools

if TYPE_CHECKING:
    from tests.support.command_line import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "passthrough.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
LISTS: dict[str, dict[str, Any]] = {
    each["name"]: each for block in BLOCKS for each in tomllib.loads(block)["passthrough"]
}
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)
#: List -> the model whose records the tool lists.
TOLD_BY = {
    "hibob_work_history": "hris_employees",
    "workday_workers": "hris_employees",
    "personio_employees": "hris_employees",
    "nmbrs_employees": "hris_employees",
    "teamtailor_candidates": "ats_candidates",
}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Environment]]:
    """What the page's ``syncer simulate`` serves, with enough records for several pages."""
    with serving_tools(records=1500) as served:
        yield served


@pytest.fixture
def reader(shell: Shell, served: tuple[str, Environment], migrated_url: str) -> Shell:
    """Somebody who has put every block of the page into the configuration."""
    base_url, environment = served
    integrations = "".join(
        f'[[integrations]]\nid = "{each}"\nmodels = ["hris_employees"]\n' for each in environment.companies
    )
    (shell.directory / "config.toml").write_text(integrations + "\n".join(BLOCKS), encoding="utf-8")
    shell.settings = {
        "SYNCER_KOMBO__BASE_URL": base_url,
        "SYNCER_KOMBO__API_KEY": "sim-key",
        "SYNCER_DATABASE__URL": migrated_url,
    }
    return shell


def test_every_list_of_the_page_arrives_and_every_query_has_an_answer(
    reader: Shell, served: tuple[str, Environment]
) -> None:
    assert reader.run("check").code == 0
    ran = reader.run("backfill", "--json")
    assert (ran.code, ran.err) == (0, "")
    streams = {(each["integration"].partition(":")[0], each["model"]): each for each in ran.json["streams"]}
    of_lists = {key: each for key, each in streams.items() if key[1] in LISTS}
    assert {name for _, name in of_lists} == set(LISTS)
    assert all(each["outcome"] == "complete" and each["created"] for each in of_lists.values())
    assert all(each["quarantined"] == 0 for each in of_lists.values())
    for name, model in TOLD_BY.items():
        tool = LISTS[name]["tool"].partition("/")[0]
        company = next(each for id, each in served[1].companies.items() if id.startswith(f"{tool}:"))
        there = [row for row in company.rows(model) if row["remote_deleted_at"] is None]
        assert of_lists[tool, name]["created"] == len(there), name
    for query in QUERIES:
        assert len(reader.run("query", query).out.splitlines()) > 10, query
    assert reader.run("sync", "--json").json["totals"]["created"] == 0


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_the_page_can_be_looked_at_before(reader: Shell, name: str) -> None:
    if "for_each" in LISTS[name]:
        reader.run("backfill", "--model", "hris_employees")
    ran = reader.run("passthrough", "preview", name, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["records"]
    for each in ran.json["records"]:
        assert each["record_key"]
        assert set(each["columns"]) == set(LISTS[name]["columns"])
        assert each["notes"] == []
    assert any(value is not None for value in ran.json["records"][0]["columns"].values())
