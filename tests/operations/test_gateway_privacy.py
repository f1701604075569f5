"""What the mirror is not to hold is not in a list of the gateway either, in no copy."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from syncer.domain.gateway.answer import Forwarded
from tests.support.gateway import GatewayLists
from tests.support.world import MakeWorld

EMPLOYEES, GROUPS = "hris_employees", "hris_groups"


def test_a_copy_that_is_brought_up_to_date_shows_no_more_than_it_may(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("k" * 32)
    # Of the managers' own records the name may be seen, and of the groups' as well.
    privacy = {
        "exclude": [f"{EMPLOYEES}.groups.name", f"{EMPLOYEES}.employment_status"],
        "pseudonymise": [f"{EMPLOYEES}.manager.first_name"],
        "pseudonym_key_file": str(key),
    }
    world = make_world(records=1_500, sync={"models": [EMPLOYEES, GROUPS]}, privacy=privacy)
    (company,) = world.environment.companies.values()
    asyncio.run(world.sync())
    lists = GatewayLists(world.app(), company.integration_id)
    with closing(lists.app):
        before = lists.walk(EMPLOYEES)
        listed = {each["id"] for each in before}
        managers = (each["manager"]["id"] for each in before if each["manager"])
        manager = next(each for each in managers if each in listed)
        group = next(entry["id"] for each in before for entry in each["groups"])
        world.environment.clock.advance(timedelta(minutes=10))
        company.update(EMPLOYEES, manager, first_name="Zenobia", last_name="Newname")
        company.update(GROUPS, group, name="Renamed")
        asyncio.run(world.sync())
        after = {each["id"]: each for each in lists.walk(EMPLOYEES)}
        assert after[manager]["first_name"] == "Zenobia"
        copies = [each["manager"] for each in after.values() if each["manager"]]
        of_manager = [each for each in copies if each["id"] == manager]
        assert of_manager
        for each in of_manager:
            assert each["last_name"] == "Newname"
            assert each["first_name"].startswith("p_")
        assert not any("name" in entry for each in after.values() for entry in each["groups"])
        assert isinstance(lists.ask(EMPLOYEES, employment_statuses="ACTIVE"), Forwarded)
