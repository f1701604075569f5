"""``status``, ``check``, ``models``, ``migrate`` and ``integrations``: what they tell of a mirror."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.company.company import Company
from syncer.simulator.server.faults import Match, rewritten
from tests.support.databases import sqlite_file

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source


def test_a_mirror_before_its_first_pass_is_not_well(mirror: Shell, source: Source) -> None:
    sqlite_file(mirror.settings["SYNCER_DATABASE__URL"]).unlink()
    made, again = mirror.run("migrate"), mirror.run("migrate", "--json")
    assert (made.code, again.code) == (0, 0)
    assert "from empty to revision " in made.out
    assert again.json["from"] == again.json["to"]
    ran = mirror.run("status")
    assert ran.code == 1
    assert f"{source.integration}  not mirrored yet" in ran.out
    assert mirror.run("status", "--json").json["not_begun"] == [source.integration]


def test_status_tells_rows_freshness_and_budget(mirror: Shell, source: Source) -> None:
    mirror.run("backfill")
    ran = mirror.run("status")
    assert ran.code == 0
    assert ran.out.splitlines()[0].startswith(f"{source.integration}  Personio · ")
    company = source.environment.companies[source.integration]
    live = len(company.ids("hris_employees"))
    deleted = len(company.ids("hris_employees", include_deleted=True)) - live
    [line] = [line for line in ran.out.splitlines() if line.split()[:1] == ["hris_employees"]]
    assert line.split()[:4] == ["hris_employees", "complete", str(live), str(deleted)]
    assert "3 streams: 3 complete · " in ran.out
    assert "of 100,000 used in this window · 10,000 kept in reserve" in ran.out
    assert " · pacing: burst · waiting: none · none refused (429)" in ran.out
    told = mirror.run("status", "--json").json
    budget = told["budget"]
    assert (budget["limit"], budget["reserve"], budget["pacing"]) == (100_000, 10_000, "burst")
    assert budget["waiting"] == {"write": 0, "webhook": 0, "incremental": 0, "full": 0}
    assert datetime.fromisoformat(budget["resets_at"]) > datetime.fromisoformat(told["now"])
    assert told["is_well"] is True
    assert {each["model"] for each in told["streams"]} == {"hris_employees", "hris_groups", "hris_locations"}
    for stream in told["streams"]:
        assert stream["complete_as_of"].endswith("Z")
        assert datetime.fromisoformat(stream["complete_as_of"]) <= datetime.fromisoformat(told["now"])


def test_status_tells_what_is_in_quarantine(mirror: Shell, source: Source) -> None:
    def without_id(answer: dict[str, dict[str, list[dict[str, object]]]]) -> object:
        del answer["data"]["results"][0]["id"]
        return answer

    source.environment.faults.add(Match(model="hris_groups"), rewritten(without_id), times=None)
    assert mirror.run("sync", "--model", "hris_groups").code == 1
    ran = mirror.run("status")
    assert ran.code == 1
    command = f"syncer quarantine list --integration {source.integration}"
    why = f"1 record is in quarantine: `{command}` shows why."
    assert f"hris_groups: {why} First noticed " in ran.out


def test_text_from_outside_cannot_steer_the_terminal(mirror: Shell, source: Source) -> None:
    def renamed(answer: dict[str, dict[str, dict[str, str]]]) -> object:
        answer["data"]["end_user"]["organization_name"] = "evil\x1b[2J\x9b31m"
        return answer

    source.environment.faults.add(Match(path="/v1/integrations/*"), rewritten(renamed), times=None)
    mirror.run("sync", "--model", "hris_groups")
    for ran in (mirror.run("status"), mirror.run("integrations", "list")):
        assert "evil\\x1b[2J\\x9b31m" in ran.out


def test_check_tells_what_would_be_mirrored_and_what_not(mirror: Shell, source: Source) -> None:
    integration = source.environment.integrations[source.integration]
    integration.offers = ("hris_employees", "hris_groups")
    ran = mirror.run("check")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["ok"] * 5
    assert f"ok {source.integration}: mirrors hris_employees, hris_groups\n" in ran.out
    assert f"ok {source.integration}: does not offer hris_locations" in ran.out
    integration.status = "INVALID"
    bad = mirror.run("check", "--json")
    assert (bad.code, bad.json["is_well"]) == (1, False)
    assert any(not each["is_well"] and "INVALID" in each["found"] for each in bad.json["findings"])


def test_check_tells_that_the_service_would_let_everybody_in(mirror: Shell) -> None:
    ran = mirror.run("check", SYNCER_WEB__HOST="0.0.0.0")
    assert ran.code == 1
    assert "not ok web: The status page would be open to everybody who reaches 0.0.0.0:" in ran.out
    assert mirror.run("check", SYNCER_WEB__HOST="0.0.0.0", SYNCER_WEB__TOKEN="a-token").code == 0


def test_check_of_an_integration_that_kombo_does_not_know(mirror: Shell) -> None:
    ran = mirror.run("check", SYNCER_INTEGRATIONS='[{"id": "personio:unknown"}]')
    assert ran.code == 1
    assert "not ok personio:unknown: " in ran.out


def test_of_many_integrations_check_says_what_is_known_unless_it_is_to_ask(
    mirror: Shell, source: Source
) -> None:
    many = [{"id": source.integration}, *({"id": f"personio:{number:02}"} for number in range(24))]
    mirror.settings["SYNCER_INTEGRATIONS"] = json.dumps(many)
    before = len(source.environment.requests)
    ran = mirror.run("check")
    assert ran.code == 0
    assert len(source.environment.requests) == before + 1, "the key alone"
    assert (
        "ok integrations: 25 are mirrored, too many to ask about each; 25 were never asked about. " in ran.out
    )
    assert mirror.run("sync", "--model", "hris_groups").code == 1
    ran = mirror.run("check")
    assert ran.code == 1
    assert "; 1 were well when last asked about, the longest " in ran.out
    assert "not ok personio:19: unknown tool: not known to Kombo when last asked about\n" in ran.out
    assert "not ok personio:20: " not in ran.out
    assert "not ok integrations: 4 more are not well: `syncer integrations list` shows all\n" in ran.out
    one = mirror.run("check", "--integration", source.integration)
    assert (one.code, one.out.count(source.integration)) == (0, 2)
    every = [each for each in mirror.run("check", "--all", "--json").json["findings"] if not each["is_well"]]
    assert [each["subject"] for each in every] == [each["id"] for each in many[1:]]
    wrong = mirror.run("check", "--integration", "personio:0")
    assert (wrong.code, "personio:0 is not mirrored. Did you mean personio:" in wrong.err) == (2, True)


def test_models_are_listed_as_text_and_json(shell: Shell) -> None:
    text, told = shell.run("models"), shell.run("models", "--json").json
    assert [line.split()[0] for line in text.out.splitlines()[1:]] == list(catalogue())
    assert {each["name"]: each["path"] for each in told} == {
        name: model.path for name, model in catalogue().items()
    }
    [employees] = [each for each in told if each["name"] == "hris_employees"]
    assert "hris_employees_groups" in employees["tables"]
    assert employees["features"]["incremental"] is True


def test_integrations_are_listed_added_and_removed(mirror: Shell, source: Source) -> None:
    listed = mirror.run("integrations", "list", "--json").json
    assert [(each["id"], each["from"], each["tool"]) for each in listed] == [
        (source.integration, "config", None)
    ]
    added = mirror.run("integrations", "add", "hibob:2", "--model", "hris_*", "--no-check")
    assert (added.code, added.out, added.err) == (0, "hibob:2 is mirrored from now on.\n", "")
    listed = mirror.run("integrations", "list", "--json").json
    assert {each["id"]: (each["from"], each["models"]) for each in listed} == {
        source.integration: ("config", None),
        "hibob:2": ("command", ["hris_*"]),
    }
    assert "hibob:2" in mirror.run("integrations", "list").out
    assert mirror.run("integrations", "remove", "hibob:2").code == 0
    assert "hibob:2" not in mirror.run("integrations", "list").out

    for wrong in (
        ["remove", "hibob:2"],
        ["remove", source.integration],
        ["add", source.integration],
        ["add", "two words"],
        ["add", "hibob:3", "--model", "nonsense"],
    ):
        ran = mirror.run("integrations", *wrong)
        assert (ran.code, ran.out) == (2, ""), wrong


def test_an_integration_is_added_with_what_kombo_says_of_it(mirror: Shell, source: Source) -> None:
    clock = source.environment.clock
    source.environment.add(Company("hibob:new", clock, seed=3, records=30))
    added = mirror.run("integrations", "add", " hibob:new ", "--model", "hris_g*")
    assert (added.code, added.err) == (0, "")
    assert added.out.startswith("hibob:new is mirrored from now on: Hibob · Firma ")
    assert added.out.endswith(" · ACTIVE · 1 model.\n")
    (listed,) = [
        each for each in mirror.run("integrations", "list", "--json").json if each["id"] == "hibob:new"
    ]
    assert (listed["tool"], listed["status"]) == ("Hibob", "ACTIVE")


def test_an_integration_that_kombo_does_not_know_is_not_added(mirror: Shell) -> None:
    for wrong in ("hibob:unknown", "Hibob:new", "hibob"):
        ran = mirror.run("integrations", "add", wrong)
        assert (ran.code, ran.out) == (2, "")
        assert f"Kombo does not know the integration {wrong}: " in ran.err
        assert wrong not in mirror.run("integrations", "list").out


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"SYNCER_KOMBO__API_KEY": ""}, "There is no API key yet, so Kombo was not asked about it."),
        ({"SYNCER_KOMBO__BASE_URL": "http://127.0.0.1:1/v1"}, "Kombo could not be asked about it: No answer"),
    ],
    ids=["no key", "no server"],
)
def test_an_integration_of_which_kombo_cannot_be_asked_is_added_and_that_is_said(
    mirror: Shell, no_proxy: None, settings: dict[str, str], why: str
) -> None:
    ran = mirror.run("integrations", "add", "hibob:new", **settings)
    assert (ran.code, ran.out) == (0, "hibob:new is mirrored from now on.\n")
    assert ran.err.startswith(why)
    assert ran.err.count("\n") == 1
    assert "hibob:new" in mirror.run("integrations", "list").out


def test_what_is_wrong_with_many_streams_for_one_reason_is_told_once(mirror: Shell) -> None:
    mirror.settings |= {
        "SYNCER_INTEGRATIONS": '[{"id": "personio:unknown"}]',
        "SYNCER_SYNC__MODELS": '["hris_g*", "hris_l*", "hris_s*"]',
    }
    ran = mirror.on_terminal("sync")
    assert ran.code == 1
    reason = "Kombo does not know this integration: check its id and the region."
    assert f"✗ personio:unknown 6 models gone: {reason}" in ran.plain
    status = mirror.run("status").out
    assert f"  6 models: {reason} Next try in " in status
    assert "`syncer sync --integration personio:unknown` tries now." in status
