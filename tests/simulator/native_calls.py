"""What tests of the tools' own APIs share: the tools, and how an answer is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment

TOOLS = ("personio", "hibob", "workday", "greenhouse", "nmbrs", "teamtailor", "hroffice", "taleo")
Do = Callable[..., Coroutine[Any, Any, httpx.Response]]


def id_of(tool: str) -> str:
    return f"{tool}:8d1hpPsbjxUkoCoa1veLZGe5"


def environment_of(clock: SimClock, tools: tuple[str, ...] = TOOLS, records: int = 200) -> Environment:
    """One integration of each of the tools."""
    environment = Environment(clock)
    for tool in tools:
        environment.add(Company(id_of(tool), clock, seed=7, records=records))
    return environment


def answered(response: httpx.Response, status: int = 200) -> Any:
    """The tool's body."""
    assert response.status_code == 200, response.text
    envelope = response.json()
    assert (envelope["status"], envelope["warnings"]) == ("success", [])
    assert envelope["data"]["status"] == status, envelope
    return envelope["data"].get("data")


def refused(response: httpx.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]
