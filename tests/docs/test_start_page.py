"""docs/start.md: whoever types what it says has a mirror, and answers from it."""

from __future__ import annotations

import shlex
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running_in_thread
from tests.support.pages import DOCS, blocks

if TYPE_CHECKING:
    from tests.support.command_line import Shell


def test_the_steps_of_the_page_lead_to_answers(shell: Shell) -> None:
    commands = [
        line.removeprefix("$ ")
        for block in blocks(DOCS / "start.md", "console")
        for line in block.splitlines()
    ]
    export, init, *steps, run = commands
    name, _, key = export.removeprefix("export ").partition("=")
    clock = SimClock(lambda: datetime.now(UTC))
    environment = Environment(clock, api_key=key, limit=RateLimit(time.monotonic))
    environment.add(Company(init.split()[-1], clock, records=300))
    with running_in_thread(environment) as base_url:
        shell.settings = {name: key, "SYNCER_KOMBO__BASE_URL": base_url}
        said = {}
        for command in (init, *steps):
            program, *arguments = shlex.split(command)
            assert program == "syncer"
            ran = shell.run(*arguments)
            assert ran.code == 0, (command, ran.err)
            said[command] = ran.out
    # The service is started as the README starts it, which has a test of its own.
    assert run == "syncer run"
    assert (shell.directory / "kombo.db").exists()
    people, freshness = (said[each] for each in steps if "query" in each)
    assert len(people.splitlines()) == 6, "five rows and the names of their columns"
    assert "hris_employees,complete," in freshness
