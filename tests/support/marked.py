"""A mirror on PostgreSQL of records whose every sensitive value is a mark."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import text

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Column, Model
from syncer.domain.native.call import Call
from syncer.domain.native.spec import NativeListSpec
from syncer.simulator.server.faults import Match, rewritten
from syncer.store.db.database import Database
from syncer.store.schema.native_views import make_views
from tests.support.mirror import Mirror
from tests.support.planted import MARK, plant
from tests.support.source import standing_environment
from tests.support.world import World

Page: TypeAlias = dict[str, Any]

NATIVE = NativeListSpec(
    name="people",
    call=Call("hibob/v1", "GET", "/list", is_listing=True),
    integrations=("hibob:*",),
    every=timedelta(hours=1),
    records="@",
    key=("id",),
    columns=(Column("title", "text", "title", path=("title",)),),
)
#: What else may hold values: native lists, changes with former values, texts that are kept.
PLANTED = (
    """
    INSERT INTO passthrough_records (environment, resource, integration_id, record_key, first_seen_at,
        last_seen_at, mirrored_at, content_hash, columns, document)
    SELECT 'e', 'people', :mark, :mark, now(), now(), now(), gen_random_uuid(), document, document
    FROM jsonb_build_object('title', CAST(:mark AS text)) AS made (document)
    """,
    """
    INSERT INTO mirror_changes
        (sequence, at, environment, integration_id, model, record_id, operation, members, before)
    VALUES
        (1, now(), 'e', 'i', 'hris_employees', 'r', 'updated',
            jsonb_build_array('ssn', CAST(:mark AS text), 'first_name'), to_jsonb(CAST(:mark AS text))),
        (2, now(), 'e', 'i', 'people', :mark, 'updated', jsonb_build_array(CAST(:mark AS text)), NULL)
    """,
    "UPDATE sync_runs SET error = :mark",
    "UPDATE sync_integrations SET setup_status = :mark",
)


def mirror_marked(url: str, *, records: int = 300, models: Iterable[str] = ()) -> World:
    """Mirror a company into a migrated database; one employee's record has no id and is in quarantine."""
    world = World(standing_environment(records=records), Mirror(url))
    for model in catalogue().values():
        change = rewritten(partial(_planted, model=model))
        world.environment.faults.add(Match(model=model.name), change, times=None)
    asyncio.run(world.run(models=models))
    database = Database(url)
    with database.begin() as connection:
        make_views(connection, [NATIVE])
        for statement in PLANTED:
            connection.execute(text(statement), {"mark": MARK})
        # For the statistics, which hold values, too.
        connection.exec_driver_sql("ANALYZE")
    database.close()
    return world


def _planted(page: Page, model: Model) -> Page:
    page["data"]["results"] = [plant(model, record) for record in page["data"]["results"]]
    if model.name == "hris_employees":
        del page["data"]["results"][0]["id"]
    return page
