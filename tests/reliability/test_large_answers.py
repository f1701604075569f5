"""Answers that nobody can hold, by HTTP to the service as a process: it stays, within its memory."""

from __future__ import annotations

import json
from pathlib import Path

from syncer.domain.limits import MIB
from syncer.domain.stream_key import StreamKey
from syncer.simulator.server.faults import Match, native_answer
from syncer.simulator.server.large_faults import compressed_bomb, large_headers, large_records
from tests.support.mirror import Mirror
from tests.support.processes import Serve, Service
from tests.support.source import MODELS, make_environment
from tests.support.waiting import until

GROUPS, LOCATIONS, EMPLOYEES = MODELS
STAFF = "staff"
#: What the process may have taken at any time. It takes some 100 MiB without any trouble.
MOST_MEMORY = 400 * MIB


def peak_memory(service: Service) -> int:
    """Read the most memory that the process has had, in bytes."""
    status = Path(f"/proc/{service.process.pid}/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def ended(service: Service) -> set[tuple[str, str]]:
    """List the streams that a run has ended of, by integration and model."""
    return {(each["integration"], each["model"]) for each in service.events() if "outcome" in each}


def test_a_service_bears_answers_that_are_too_large_and_goes_on_with_all_others(
    serve: Serve, migrated_url: str
) -> None:
    environment = make_environment(integrations=2, records=300)
    source, mirror = serve(environment), Mirror(migrated_url)
    troubled, sound = environment.integrations
    script = environment.faults
    script.add(Match(integration=troubled, model=GROUPS), compressed_bomb(), None)
    script.add(Match(integration=troubled, model=LOCATIONS), large_headers(), None)
    script.add(Match(integration=troubled, model=EMPLOYEES), large_records(24 * MIB), None)
    script.add(
        Match(integration=troubled, call="GET *"),
        native_answer(200, f'id,note\n1,"{"x" * 24 * MIB}"\n2,b\n'),
        None,
    )
    staff = {
        "name": STAFF,
        "tool": f"{troubled.partition(':')[0]}/personnel",
        "request": {"path": "/company/employees"},
        "format": "csv",
        "records": "rows",
        "key": ["id"],
    }
    service = source.start(migrated_url, SYNCER_PASSTHROUGH=json.dumps([staff]))

    ran = {(troubled, each) for each in (*MODELS, STAFF)} | {(sound, each) for each in MODELS}
    until(lambda: ran <= ended(service), "a run of every stream")
    assert peak_memory(service) < MOST_MEMORY
    streams = mirror.streams()
    wanted = {GROUPS: "failed", LOCATIONS: "failed", EMPLOYEES: "incomplete", STAFF: "incomplete"}
    assert {each: streams[StreamKey(troubled, each)].state for each in wanted} == wanted
    assert {streams[StreamKey(sound, each)].state for each in MODELS} == {"complete"}
    for model in (GROUPS, LOCATIONS):
        error = streams[StreamKey(troubled, model)].last_error or ""
        assert error.endswith("the most that is read.")
    assert len(mirror.documents(EMPLOYEES, troubled)) == len(mirror.documents(EMPLOYEES, sound)) - 1
    mirror.assert_equals_source(environment, MODELS, integrations=[sound])
    assert service.stop() == 0
