"""Values planted at the source: they are in the mirror, and in no log, report or text that is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import NullPool, create_engine, inspect, text

from syncer.simulator.company.company import Company
from syncer.simulator.server.faults import Mangled, Match, kombo_error, native_rewritten
from tests.support.waiting import PATIENCE, until

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source

MARK = "Annamaria"
HIBOB = "hibob:W4fXivjdxCcXq3ZniR629vUi"
CONFIGURATION = f"""
[[integrations]]
id = "{HIBOB}"
models = ["hris_employees", "hris_groups", "hris_absences"]

[[passthrough]]
name = "people"
tool = "hibob/v1"
request = {{ path = "/bulk/people/work", params = {{ limit = 5 }} }}
records = "results"
key = ["employeeId"]
page = {{ style = "cursor", param = "cursor", next = "response_metadata.next_cursor" }}
columns = {{ title = {{ type = "date", path = "employeeId" }} }}
"""
#: A list is believed to lack a record after two readings without it.
COMMANDS = (
    "reconcile",
    "reconcile --json",
    "sync",
    "status",
    "status --json",
    "check",
    "plan --json",
    "integrations list",
)
#: Columns that hold what a list is read by, or records whole: of tables that no reporting role may read.
KEYS = {"record_key", "record_id", "document", "ids", "walk_cursor", "raw"}


def marked(value: object) -> object:
    """Put the mark into every text of a value."""
    if isinstance(value, dict):
        return {name: marked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [marked(each) for each in value]
    return f"{MARK}-{value}@acme.example" if isinstance(value, str) else value


def marked_page(body: bytes) -> bytes:
    answer = json.loads(body)
    answer["data"]["results"] = marked(answer["data"]["results"])
    return json.dumps(answer).encode()


def marked_native(data: dict[str, object]) -> dict[str, object]:
    return {**data, "results": marked(data["results"])}


def one_of_many(data: dict[str, object]) -> dict[str, object]:
    """Leave out all records but one."""
    results = marked(data["results"])
    assert isinstance(results, list)
    return {"results": results[:1], "response_metadata": {}}


@pytest.fixture
def planted(shell: Shell, source: Source, migrated_url: str) -> Shell:
    """The command line, on both databases, with a source whose every text is marked."""
    source.environment.add(Company(HIBOB, source.environment.clock, records=120))
    faults = source.environment.faults
    faults.add(Match(model="hris_employees"), Mangled(marked_page), times=None)
    faults.add(Match(model="hris_groups"), Mangled(marked_page), times=None)
    faults.add(
        Match(model="hris_absences"),
        kombo_error(400, f"REMOTE.{MARK}", f"Absence of {MARK} ({MARK}@acme.example) is not valid."),
        times=None,
    )
    faults.add(Match(call="GET *"), native_rewritten(marked_native), times=None)
    shell.settings = {
        **source.settings(migrated_url),
        "SYNCER_LOG__LEVEL": "DEBUG",
        "SYNCER_DELETIONS__MAX_ROWS": "0",
        "SYNCER_DELETIONS__MAX_SHARE": "0",
    }
    for name in ("SYNCER_INTEGRATIONS", "SYNCER_SYNC__MODELS"):
        shell.settings.pop(name)
    (shell.directory / "config.toml").write_text(CONFIGURATION, encoding="utf-8")
    return shell


def texts_kept(url: str) -> str:
    """Every text that the program keeps beside the mirror, and the view of a reporting role."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    found = []
    with engine.connect() as connection:
        tables = [each for each in inspect(connection).get_table_names() if each.startswith("sync_")]
        for table in (*tables, "mirror_freshness"):
            rows = connection.execute(text(f"SELECT * FROM {table}")).mappings()
            found += [f"{table} {name}: {row[name]}" for row in rows for name in row if name not in KEYS]
    engine.dispose()
    return "\n".join(found)


def texts_served(shell: Shell) -> str:
    """Every page of the service, and what it logs meanwhile."""
    service = shell.start("run", SYNCER_WEB__PORT="0", SYNCER_LOG__FORMAT="json", SYNCER_WEB__ENABLED="true")
    assert service.stderr is not None
    logged: list[str] = []
    while not logged or json.loads(logged[-1])["event"] != "pages_served":
        logged.append(service.stderr.readline())
    url = httpx.URL(json.loads(logged[-1])["url"])
    status = ("/", f"/integrations/{HIBOB}", f"/integrations/{HIBOB}/hris_employees", "/status")
    paths = (*status, "/healthz", "/readyz", "/metrics", "/nothing")
    until(
        lambda: httpx.get(url.join("/readyz"), trust_env=False, timeout=PATIENCE).status_code == 200,
        "the schedule",
    )
    answers = [httpx.get(url.join(path), trust_env=False, timeout=PATIENCE) for path in paths]
    assert [answer.status_code for answer in answers] == [200] * 7 + [404]
    service.terminate()
    rest = service.communicate()
    return "\n".join([*(answer.text for answer in answers), *logged, *rest])


def test_no_value_at_the_source_is_in_what_is_logged_shown_or_kept(planted: Shell, source: Source) -> None:
    url = planted.settings["SYNCER_DATABASE__URL"]
    assert planted.run("sync").code == 1
    rows = planted.run("query", "SELECT record_key FROM passthrough_records ORDER BY 1").out
    # The mirror has them; and all but one of a list's records are gone now, by keys that name people.
    assert MARK in rows
    faults = source.environment.faults
    faults.clear()
    faults.add(Match(call="GET *"), native_rewritten(one_of_many), times=None)
    faults.add(Match(model="hris_*"), kombo_error(400, None, f'"{MARK}" failed for {MARK}.'), times=None)
    for command in COMMANDS:
        ran = planted.run(*command.split())
        assert MARK.lower() not in (ran.out + ran.err).lower(), command
    served = texts_served(planted)
    assert "held back" in served
    assert MARK.lower() not in served.lower(), [line for line in served.splitlines() if MARK in line][:3]
    kept = texts_kept(url)
    assert MARK.lower() not in kept.lower(), [line for line in kept.splitlines() if MARK in line][:3]
    assert "held back" in kept
    assert "is not a date" in kept
