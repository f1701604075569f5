"""Set-up of a new mirror: its database made, the key and the integrations tried at Kombo."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from syncer.app import App
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.ratelimit.budget import Purpose
from syncer.operations.integrations import ask_about, count_models, describe_facts
from syncer.store.state.integrations import IntegrationRow


class Tried(Struct, frozen=True):
    """Settings that work. environment: its id at Kombo. integrations: each in a few words, by id."""

    environment: str
    integrations: dict[str, str]


async def try_settings(app: App, integrations: Sequence[str]) -> Tried:
    """Make the tables, where they are missing, and ask Kombo whether it takes the key and knows these ids.

    Raises DatabaseError, KeyRefused, UnknownIntegration, KomboError where Kombo cannot be asked.
    """
    # The request budget lives there.
    await asyncio.to_thread(lambda: app.migrate(may_create=True))
    environment = app.environments[DEFAULT_ENVIRONMENT]
    async with environment.open() as (context, _):
        environment_id = await context.client.check_key(purpose=Purpose.WEBHOOK)
        described = {}
        for each in integrations:
            facts = cast(dict[str, Any], await ask_about(context, each))
            row = replace(IntegrationRow(each, origin="config"), **facts)
            described[each] = describe_facts(row, count_models(environment.selection, row))
    return Tried(environment_id, described)
