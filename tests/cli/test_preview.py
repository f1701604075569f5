"""``passthrough preview`` and ``check``: a configured list looked at before anything of it is stored."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from syncer.simulator.company.company import Company
from syncer.simulator.server.faults import Match, native_answer, native_rewritten

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source

HIBOB = "hibob:W4fXivjdxCcXq3ZniR629vUi"
CONFIGURATION = f"""
[[integrations]]
id = "{HIBOB}"
models = ["hris_employees"]

[[passthrough]]
name = "work_history"
tool = "hibob/v1"
request = {{ path = "/bulk/people/work", params = {{ limit = 5 }} }}
records = "results"
key = ["employeeId"]
page = {{ style = "cursor", param = "cursor", next = "response_metadata.next_cursor" }}
columns = {{ title = {{ type = "text", path = "values[0].title" }} }}

[[passthrough]]
name = "work_entries"
tool = "hibob/v1"
request = {{ path = "/people/{{remote_id}}/work" }}
for_each = {{ table = "hris_employees_live", param = "remote_id" }}
records = "values"
key = ["for_each.remote_id", "id"]
"""


@pytest.fixture
def configured(mirror: Shell, source: Source) -> Shell:
    """The command line, with a company of HiBob's and two lists of it to mirror."""
    source.environment.add(Company(HIBOB, source.environment.clock, records=200))
    mirror.settings.pop("SYNCER_INTEGRATIONS")
    (mirror.directory / "config.toml").write_text(CONFIGURATION, encoding="utf-8")
    return mirror


def stored(shell: Shell) -> str:
    return shell.run("query", "SELECT count(*) FROM passthrough_records").out.splitlines()[-1]


def test_a_page_is_shown_as_it_would_be_stored_and_nothing_is(configured: Shell) -> None:
    ran = configured.run("passthrough", "preview", "work_history")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["record_key", "title"]
    assert len(lines) == 1 + 5 + 2
    assert lines[-1] == (
        f"work_history of {HIBOB}: 5 records on this page; the list goes on. Nothing was stored."
    )
    assert stored(configured) == "0"


def test_programs_get_the_documents_too(configured: Shell) -> None:
    found = configured.run("passthrough", "preview", "work_history", "--json").json
    assert (found["resource"], found["integration"], found["has_more"]) == ("work_history", HIBOB, True)
    assert all(each["document"]["employeeId"] == each["record_key"] for each in found["records"])
    for each in found["records"]:
        entries = each["document"]["values"]
        assert each["columns"]["title"] == (entries[0]["title"] if entries else None)


def test_records_that_would_not_be_stored_are_told(configured: Shell, source: Source) -> None:
    def damage(answer: Any) -> Any:
        answer["results"][0].pop("employeeId")
        answer["results"][1]["values"] = [{"title": 7}]
        return answer

    source.environment.faults.add(Match(call="GET /bulk/*"), native_rewritten(damage))
    ran = configured.run("passthrough", "preview", "work_history")
    assert ran.code == 1
    assert "not stored: no usable key: employeeId is missing" in ran.out
    assert "values[0].title: expected text, got a number" in ran.out


def test_a_list_that_asks_for_rows_waits_for_them(configured: Shell) -> None:
    ran = configured.run("passthrough", "preview", "work_entries")
    assert ran.code == 1
    assert ran.err == (
        "Error: work_entries asks for each row of hris_employees_live, which has not been read whole yet "
        f"for {HIBOB}.\n"
    )
    configured.run("backfill", "--model", "hris_employees")
    assert configured.run("passthrough", "preview", "work_entries").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["work_histori"],
            "There is no [[passthrough]] of the name 'work_histori' in the configuration "
            "(work_history, work_entries).",
        ),
        (
            ["work_history", "--integration", "hibob:nobody"],
            "HTTP 404 (PLATFORM.INTEGRATION_NOT_FOUND)",
        ),
    ],
)
def test_a_wrong_name_is_told(configured: Shell, arguments: list[str], said: str) -> None:
    ran = configured.run("passthrough", "preview", *arguments)
    assert ran.code in {1, 2}
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


def test_an_answer_of_another_shape_names_the_path_that_failed(configured: Shell, source: Source) -> None:
    source.environment.faults.add(Match(call="GET /bulk/*"), native_answer(200, {"people": []}))
    ran = configured.run("passthrough", "preview", "work_history")
    assert ran.code == 1
    assert "records: 'results'" in ran.err
    assert "people" in ran.err


def test_a_list_that_no_integration_fits_is_told_by_check(configured: Shell) -> None:
    path = configured.directory / "config.toml"
    path.write_text(path.read_text().replace(HIBOB, "personio:nobody"), encoding="utf-8")
    ran = configured.run("passthrough", "preview", "work_history")
    assert ran.code == 2
    assert ran.err.startswith("Error: No mirrored integration fits hibob:*, which is what work_history is")
    assert "work_history: no mirrored integration fits hibob:*" in configured.run("check").out


def test_check_tells_which_lists_are_mirrored_and_which_ask_for_rows_that_are_not(configured: Shell) -> None:
    ran = configured.run("check")
    assert ran.code == 0
    assert f"{HIBOB}: mirrors through passthrough work_history, work_entries" in ran.out
    path = configured.directory / "config.toml"
    path.write_text(path.read_text().replace('["hris_employees"]', '["hris_groups"]'), encoding="utf-8")
    ran = configured.run("check")
    assert ran.code == 1
    assert "work_entries asks for each row of hris_employees_live, which is not mirrored here" in ran.out


def test_a_wrong_block_is_refused_by_check_with_its_place(configured: Shell) -> None:
    path = configured.directory / "config.toml"
    path.write_text(
        CONFIGURATION.replace('"hibob/v1"', '"hibbob/v1"', 1)
        .replace('records = "results"', 'records = "results["')
        .replace('name = "work_entries"', 'name = "hris_groups"'),
        encoding="utf-8",
    )
    ran = configured.run("check")
    assert ran.code == 2
    for said in (
        "config.toml: passthrough[0].tool: There is no known API 'hibbob/v1'. Did you mean hibob/v1",
        "config.toml: passthrough[0].records is not JMESPath",
        "config.toml: passthrough[1].name should be another one: hris_groups is a table or view",
    ):
        assert said in ran.err


def test_lists_are_named_like_models(configured: Shell) -> None:
    ran = configured.run("sync", "--model", "work_*")
    assert ran.code == 1
    assert f"{HIBOB} work_history: complete" in ran.out
    assert f"{HIBOB} work_entries: waiting" in ran.out
    ran = configured.run("sync", "--model", "work_histori")
    assert (ran.code, ran.err) == (
        2,
        "Error: There is no model 'work_histori'. Did you mean work_history or work_entries?\n",
    )
    ran = configured.run("refresh", "work_history", "--integration", HIBOB, "--id", "1")
    assert (ran.code, ran.err) == (
        2,
        "Error: work_history cannot be fetched by Kombo's ids.\n",
    )
    ran = configured.run("plan", "--json")
    of_lists = {each["model"]: each for each in ran.json["schedule"]["models"]}
    assert of_lists["work_history"]["every"] == "6h"


def test_usage_and_completion_know_calls_and_preview(configured: Shell) -> None:
    ran = configured.run("passthrough", "nonsense")
    assert ran.code == 2
    assert ran.err.startswith("Usage: syncer passthrough [OPTIONS] TOOL/API METHOD PATH")
    assert "preview" in configured.run("passthrough", "--help").out
    told = configured.run(COMP_LINE="syncer passthrough hibo", _SYNCER_COMPLETE="bash_complete")
    assert "hibob/v1" in told.out
    told = configured.run(COMP_LINE="syncer passthrough preview work", _SYNCER_COMPLETE="bash_complete")
    assert told.out.split() == ["plain,work_history", "plain,work_entries"]


def test_the_schema_knows_the_views_of_configured_lists(configured: Shell) -> None:
    found = configured.run("schema", "work_history", "--json").json
    columns = {each["name"]: each["type"] for each in found["columns"]}
    assert list(columns)[:4] == ["integration_id", "record_key", "parent", "title"]
    assert (columns["title"], columns["last_seen_at"], columns["document"]) == ("text", "timestamp", "json")
    configured.run("migrate")
    ran = configured.run("query", "SELECT * FROM work_history_live", "--format", "csv")
    assert ran.out.splitlines()[0].split(",") == list(columns)
    assert "hibob/v1" in configured.run("schema", "work_history").out
    ran = configured.run("schema", "work_history", "--format", "ddl")
    assert (ran.code, ran.out) == (2, "")


def test_a_list_for_each_row_is_planned_with_a_request_for_each(configured: Shell) -> None:
    configured.run("backfill", "--model", "hris_employees")
    rows = int(configured.run("query", "SELECT count(*) FROM hris_employees_live").out.splitlines()[-1])

    def planned() -> tuple[int, int]:
        [cost] = configured.run("plan", "backfill", "--model", "work_entries", "--json").json["commands"][
            "backfill"
        ]["models"]
        return cost["requests"], cost["estimated"]

    assert planned() == (rows, 1)
    ran = configured.run("backfill", "--model", "work_entries")
    assert f"full, {rows} pages" in ran.out
    assert planned() == (0, 0)


def test_a_list_whose_empty_pages_do_not_end_is_an_error(configured: Shell, source: Source) -> None:
    cursors = itertools.count(1)

    def empty(answer: dict[str, Any]) -> dict[str, Any]:
        number = next(cursors)
        assert number < 50, "the list is followed for ever"
        return {**answer, "results": [], "response_metadata": {"next_cursor": number}}

    source.environment.faults.add(Match(call="GET /bulk*"), native_rewritten(empty), None)
    ran = configured.run("passthrough", "preview", "work_history")
    assert (ran.code, ran.out) == (1, "")
    assert f"work_history of {HIBOB} does not end: 11 of 11 pages brought no new record" in ran.err
