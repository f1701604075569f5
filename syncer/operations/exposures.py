"""Find what stands open around the mirror: nothing fails for it, and somebody should close it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.loopback import is_sent_in_the_clear
from syncer.process.private_files import find_loose
from syncer.store.reading.postgres_guard import excessive_power
from syncer.store.schema.readers import outdated_readers


class Exposure(Struct, frozen=True):
    """One thing that stands open. subject: what it is about; reason: a sentence with what to do."""

    subject: str
    reason: str


async def find_exposures(app: App) -> list[Exposure]:
    """Find all there are; the database is there already. Raises DatabaseError."""
    return [*await asyncio.to_thread(lambda: list(_settings(app))), *await app.database.ask(_roles)]


def _roles(connection: Connection) -> list[Exposure]:
    found = [Exposure("grants", reason) for reason in outdated_readers(connection)]
    power = excessive_power(connection)
    if power is not None:
        reason = f"the role of database.url {power}: give syncer a role of its own that owns its schema"
        found.insert(0, Exposure("database", reason))
    return found


def _settings(app: App) -> Iterator[Exposure]:
    for name, environment in app.environments.items():
        if is_sent_in_the_clear(environment.settings.base_url):
            section = "kombo" if name == DEFAULT_ENVIRONMENT else f"environments.{name}"
            https = f"let {section}.base_url begin with https://"
            yield Exposure("kombo", f"the key and all records cross the network as plain text: {https}")
    for each in app.settings.delivered:
        if is_sent_in_the_clear(each.url):
            https = f"let the url of {each.name} begin with https://"
            yield Exposure("deliveries", f"changes cross the network as plain text: {https}")
    alerts = app.settings.alerts.settings()
    if alerts is not None and is_sent_in_the_clear(alerts.url):
        yield Exposure("alerts", "alerts cross the network as plain text: let alerts.url begin with https://")
    for path in app.settings.secret_files:
        yield from _loose("secrets", path)
    if app.database.file is not None:
        # One finding for the file and its companions.
        yield from _loose("database", *app.database.file.parts)


def _loose(subject: str, *paths: Path) -> Iterator[Exposure]:
    found = list(find_loose(paths))
    if found:
        first, named = found[0], shlex.join(str(each.path) for each in found)
        reason = f"{first.path} is open to {first.who} (mode {first.mode:04o}): run `chmod 600 {named}`"
        yield Exposure(subject, reason)
