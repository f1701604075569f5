"""Readers of lists at the gateway, and of the same lists at the simulated Kombo."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import httpx

from syncer.app import App
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.operations.copy_checks import CopyChecks
from syncer.operations.gateway import read_list
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment

Record: TypeAlias = dict[str, Any]


@dataclass
class GatewayLists:
    """Lists of one integration as the gateway answers them, which checks their copies beside that."""

    app: App
    integration: str
    serve: Sequence[str] = ("*",)
    max_age: timedelta = timedelta(hours=1)
    checks: CopyChecks = field(default_factory=CopyChecks)

    def ask(self, model: str, **parameters: str) -> Answered | Forwarded:
        """Ask for one page."""
        answer = read_list(
            self.app.environment_of(self.integration),
            self.integration,
            self.app.settings.kombo_lists[model].path,
            list(parameters.items()),
            serve=self.serve,
            max_age=self.max_age,
            checks=self.checks,
        )
        while (scan := self.checks.next()) is not None:
            while scan.step():
                pass
            self.checks.keep(scan)
        return answer

    def page(self, model: str, **parameters: str) -> tuple[list[Record], str | None]:
        """Read one page that must be answered; the cursor of the next one."""
        answer = self.ask(model, **parameters)
        assert isinstance(answer, Answered), answer
        return page_of(answer.status, answer.body)

    def walk(self, model: str, **parameters: str) -> list[Record]:
        """Read all pages."""
        records, cursor = self.page(model, **parameters)
        while cursor is not None:
            more, cursor = self.page(model, **parameters, cursor=cursor)
            records += more
        return records

    def now(self) -> datetime:
        """Read the clock by which the gateway goes."""
        with self.app.database.read() as connection:
            return self.app.database.now(connection)


@dataclass
class KomboLists:
    """The same lists at the simulated Kombo, over ASGI."""

    environment: Environment
    integration: str

    def ask(self, model: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        """Ask for one page; its status and body."""
        return asyncio.run(self.asked(model, parameters))

    async def asked(self, model: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        """Ask for one page in a running loop."""
        path = {**catalogue(), **EXTRA_LISTS}[model].path
        key = self.environment.api_key
        headers = {"Authorization": f"Bearer {key}", "X-Integration-Id": self.integration}
        transport = httpx.ASGITransport(app=simulator_app(self.environment))
        async with httpx.AsyncClient(transport=transport, base_url="http://kombo.test/v1") as client:
            answer = await client.get(path, params=dict(parameters), headers=headers)
        return answer.status_code, answer.content

    def walk(self, model: str, **parameters: str) -> list[Record]:
        """Read all pages."""
        records, cursor = page_of(*self.ask(model, parameters))
        while cursor is not None:
            more, cursor = page_of(*self.ask(model, {**parameters, "cursor": cursor}))
            records += more
        return records


def page_of(status: int, body: bytes) -> tuple[list[Record], str | None]:
    """Take a page that is one out of its envelope."""
    answer = json.loads(body)
    assert (status, answer["status"]) == (200, "success"), answer
    assert answer["data"].keys() == {"next", "results"}
    return answer["data"]["results"], answer["data"]["next"]


@dataclass
class NaiveReader:
    """A copy of some lists that is kept as anybody would: with what changed since its own last start."""

    lists: GatewayLists
    models: Sequence[str]
    last_start: datetime | None = None
    copies: dict[str, dict[str, Record]] = field(default_factory=dict)

    def poll(self) -> int:
        """Bring the copy up to date; give how many records came."""
        start, count = self.lists.now(), 0
        for model in self.models:
            features = self.lists.app.settings.kombo_lists[model].features
            parameters: dict[str, str] = {"page_size": "7"} if features.paging else {}
            if features.include_deleted:
                parameters["include_deleted"] = "true"
            if self.last_start is not None and features.updated_after:
                parameters["updated_after"] = self.last_start.isoformat().removesuffix("+00:00") + "Z"
            records = self.lists.walk(model, **parameters)
            self.copies.setdefault(model, {}).update({each["id"]: each for each in records})
            count += len(records)
        self.last_start = start
        return count
