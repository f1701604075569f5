"""What goes wrong before there is anything to do: one clear sentence, the right exit code, no secret."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from syncer.cli.session import Session
from tests.support.log_setup import logging_put_back

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source


def test_a_wrong_key_costs_a_request_and_is_not_shown(mirror: Shell, source: Source) -> None:
    key = "ks_dev_the-wrong-one"
    for command in (["backfill"], ["sync", "--json"], ["check"], ["--debug", "backfill"]):
        source.environment.requests.clear()
        ran = mirror.run(*command, SYNCER_KOMBO__API_KEY=key, SYNCER_LOG__LEVEL="DEBUG")
        assert ran.code == 4, ran.err
        assert ran.err.splitlines()[-1].startswith("Error: ")
        assert len(source.environment.requests) == 1
        assert key not in ran.out + ran.err
    assert "Traceback" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["sync"],
        ["backfill", "--json"],
        ["reconcile"],
        ["refresh", "hris_groups", "--integration", "IT", "--id", "a"],
    ],
    ids=" ".join,
)
def test_a_server_that_is_not_there_is_one_sentence(
    mirror: Shell, source: Source, no_proxy: None, arguments: list[str]
) -> None:
    mirror.run("migrate")
    given = [source.integration if each == "IT" else each for each in arguments]
    ran = mirror.run(*given, SYNCER_KOMBO__BASE_URL="http://127.0.0.1:1/v1")
    assert ran.code == 1
    assert ran.err.startswith("Error: No answer from 127.0.0.1:1")
    assert "; check the network, base_url and the region. See " in ran.err
    assert ran.err.count("\n") == 1
    if arguments == ["check"]:
        assert [line.partition(":")[0] for line in ran.out.splitlines()] == ["ok database"]
    else:
        assert ran.out == ""


def test_a_secret_that_was_typed_in_the_wrong_place_is_not_repeated(mirror: Shell) -> None:
    key = mirror.settings["SYNCER_KOMBO__API_KEY"]
    ran = mirror.run("sync", "--integration", key)
    assert ran.code == 2
    assert " is not mirrored" in ran.err
    assert key not in ran.err


def test_check_says_once_that_the_key_is_refused(mirror: Shell) -> None:
    ran = mirror.run("check", SYNCER_KOMBO__API_KEY="wrong")
    assert ran.code == 4
    assert (ran.out + ran.err).count("HTTP 401") == 1
    assert [
        each["subject"]
        for each in mirror.run("check", "--json", SYNCER_KOMBO__API_KEY="wrong").json["findings"]
    ] == ["database", "key"]


def test_check_tells_what_it_found_before_the_key_was_refused(mirror: Shell) -> None:
    ran = mirror.run("check", "--json", SYNCER_KOMBO__API_KEY="wrong")
    assert ran.code == 4
    assert [each["is_well"] for each in ran.json["findings"]] == [True, False]
    assert ran.json["is_well"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sync]\nevrey = '15m'", ("config.toml", "sync.evrey", "sync.every")),
        ("[sync]\nmodels = ['hris_employes']", ("config.toml", "hris_employees")),
        ("[sync]\nevery = '61 * * * *'", ("config.toml", "sync.every", "cron")),
        ("[sync\n", ("config.toml", "not TOML")),
    ],
)
def test_a_wrong_configuration_names_the_file_and_the_key(
    shell: Shell, text: str, said: tuple[str, ...]
) -> None:
    (shell.directory / "config.toml").write_text(text)
    ran = shell.run("status")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error: ")
    assert all(each in ran.err for each in said), ran.err


def test_a_configuration_that_is_named_must_be_there(shell: Shell) -> None:
    for ran in (
        shell.run("--config", "nowhere.toml", "sync"),
        shell.run("sync", SYNCER_CONFIG="nowhere.toml"),
    ):
        assert ran.code == 2
        assert ran.err == "Error: Cannot read the configuration nowhere.toml: No such file or directory.\n"


def test_an_unknown_model_is_answered_with_the_nearest_names(mirror: Shell, source: Source) -> None:
    ran = mirror.run("backfill", "--model", "hris_employes")
    assert ran.code == 2
    assert "'hris_employes'" in ran.err
    assert "Did you mean hris_employees" in ran.err


def test_an_integration_that_is_not_mirrored_is_a_usage_error(mirror: Shell) -> None:
    ran = mirror.run("sync", "--integration", "personio:other")
    assert (ran.code, ran.out) == (2, "")
    assert "personio:other" in ran.err


def test_without_integrations_there_is_nothing_to_do(mirror: Shell) -> None:
    mirror.settings["SYNCER_INTEGRATIONS"] = "[]"
    ran = mirror.run("backfill")
    assert ran.code == 2
    assert "`syncer integrations add ID`" in ran.err
    assert mirror.run("check").code == 1
    assert mirror.run("status").code == 1


def test_without_a_key_the_error_says_where_to_put_it(mirror: Shell) -> None:
    ran = mirror.run("sync", SYNCER_KOMBO__API_KEY="")
    assert ran.code == 2
    assert "SYNCER_KOMBO__API_KEY" in ran.err


@pytest.mark.parametrize("command", ["backfill", "status", "check", "migrate", "query", "integrations"])
def test_an_unreachable_database_is_exit_code_3_and_its_password_is_not_shown(
    shell: Shell, command: str
) -> None:
    arguments = {"query": ["query", "SELECT 1"], "integrations": ["integrations", "list"]}
    ran = shell.run(
        *arguments.get(command, [command]),
        SYNCER_KOMBO__API_KEY="key",
        SYNCER_DATABASE__URL="postgresql://syncer:gehe1m@127.0.0.1:1/mirror",
    )
    assert (ran.code, ran.out) == (3, "") if command != "check" else ran.code == 3
    assert ran.err.startswith("Error: The database postgresql")
    assert "gehe1m" not in ran.err
    assert "Traceback" not in ran.err


def test_a_database_of_another_program_is_refused(shell: Shell, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE invoices (id)")
    connection.close()
    for command in ("migrate", "status"):
        ran = shell.run(command, SYNCER_DATABASE__URL="sqlite:///other.db")
        assert ran.code == 3
        assert "invoices" in ran.err


@pytest.mark.parametrize("environment", ["default", "us"])
def test_a_key_file_that_is_replaced_is_read_again_and_never_shown(
    mirror: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: str
) -> None:
    file, session = tmp_path / "key", Session()
    file.write_text("ks_dev_first\n")
    for name, value in {**mirror.settings, "SYNCER_KOMBO__API_KEY": ""}.items():
        monkeypatch.setenv(name, value)
    section = "KOMBO" if environment == "default" else f"ENVIRONMENTS__{environment.upper()}"
    monkeypatch.setenv(f"SYNCER_{section}__API_KEY_FILE", str(file))
    with logging_put_back():
        app = session.app()
    file.write_text("ks_dev_second\n")
    opened = app.environments[environment]
    assert (opened.api_key, opened.read_key()) == ("ks_dev_first", "ks_dev_second")
    assert "ks_dev" not in session.hide("ks_dev_first and ks_dev_second")
    app.database.close()


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ({"PGSSLMODE": "junk"}, 'invalid sslmode value: "junk"'),
        ({"PGSERVICE": "junk"}, 'definition of service "junk" not found'),
        ({"PGPASSWORD": "hunter2\udcff"}, "connection refused"),
    ],
    ids=str,
)
def test_variables_of_postgresql_that_mean_nothing_are_told_in_words(
    shell: Shell, variable: dict[str, str], said: str
) -> None:
    ran = shell.run("status", SYNCER_DATABASE__URL="postgresql://syncer@127.0.0.1:1/mirror", **variable)
    assert ran.code == 3
    assert said in ran.err.lower() or said in ran.err
    assert "hunter2" not in ran.err


def test_a_fault_of_the_program_is_told_as_one(shell: Shell, sqlite_url: str) -> None:
    shell.settings = {"SYNCER_DATABASE__URL": sqlite_url}
    shell.run("migrate")
    shell.run("integrations", "add", "personio:one", "--no-check")
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE sync_integrations SET checked_at = 'never'")
    connection.close()
    ran, debugged = shell.run("status"), shell.run("--debug", "status")
    assert ran.code == debugged.code == 1
    assert ran.err.startswith("Error: This is a bug in syncer: ValueError: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" in debugged.err


def test_without_the_key_of_pseudonyms_nothing_is_asked(mirror: Shell, source: Source) -> None:
    pseudonymise = {"SYNCER_PRIVACY__PSEUDONYMISE": '["*.work_email"]'}
    ran = mirror.run("backfill", **pseudonymise)
    gone = mirror.run("backfill", **pseudonymise, SYNCER_PRIVACY__PSEUDONYM_KEY_FILE="gone.key")
    for each, said in ((ran, "pseudonymise needs a key"), (gone, "No such file or directory")):
        assert each.code == 2
        assert each.err.startswith("Error: environment variable SYNCER_PRIVACY__PSEUDONYM")
        assert said in each.err
        assert "`(umask 077; openssl rand -hex 32 > FILE)` makes one" in each.err
        assert each.err.count("\n") == 1
    assert len(source.environment.requests) == 0
