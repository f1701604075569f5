"""Lists that nobody here knows: told by ``check`` and ``status`` with the lines that mirror them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from syncer.simulator.company.extra_lists import EXTRA_LISTS

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source

LINES = ["[[lists]]", 'name = "hris_shifts"', 'path = "/hris/shifts"']


def test_three_lists_are_told_of_and_mirrored_by_the_lines_that_are_suggested(
    mirror: Shell, source: Source
) -> None:
    assert "nobody here knows" not in mirror.run("check").out
    for name in EXTRA_LISTS:
        source.environment.add_list(name, 7)
    checked = mirror.run("check")
    assert checked.code == 0
    named = ", ".join(EXTRA_LISTS)
    assert f"warning {source.integration}: offers {named}, which nobody here knows\n" in checked.out
    assert "\n".join(f"    {line}" for line in LINES) in checked.out
    mirror.run("sync", "--model", "hris_groups")
    ran = mirror.run("status")
    assert "Kombo has lists that this version does not know: " in ran.out
    assert "\n".join(f"    {line}" for line in LINES) in ran.out
    told = mirror.run("status", "--json").json["unknown_models"]
    assert [each["name"] for each in told] == sorted(EXTRA_LISTS)
    lists = json.dumps([{"name": each["name"], "path": each["path"]} for each in told])
    models = json.dumps(list(EXTRA_LISTS))
    environ = {"SYNCER_LISTS": lists, "SYNCER_SYNC__MODELS": models}
    assert mirror.run("backfill", **environ).code == 0
    for name in EXTRA_LISTS:
        counted = mirror.run(
            "query", f"SELECT count(*) AS rows FROM {name}_live", "--format", "json", **environ
        )
        assert counted.json == [{"rows": 7}]
    assert mirror.run("status", "--json", **environ).json["unknown_models"] == []
    checked = mirror.run("check", **environ)
    assert f"ok {source.integration}: mirrors {', '.join(sorted(EXTRA_LISTS))}\n" in checked.out
    assert "nobody here knows" not in checked.out


def test_the_views_of_an_added_list_are_described(mirror: Shell) -> None:
    lists = json.dumps([{"name": "hris_shifts", "path": "/hris/shifts", "columns": {"hours": "number"}}])
    ran = mirror.run("schema", "hris_shifts", "--format", "json", SYNCER_LISTS=lists)
    assert [each["name"] for each in ran.json["columns"]][:5] == [
        "id",
        "integration_id",
        "remote_id",
        "changed_at",
        "hours",
    ]
