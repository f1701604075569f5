"""Mirrored integrations, and Kombo's last answers about them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection, Row, case, literal, or_, select, update

from syncer.domain.clocks import TOLERANCE
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.streams.list_spec import ListSpec
from syncer.domain.streams.state import IntegrationState
from syncer.domain.webhooks.effects import Standing
from syncer.store.db.bulk import insert_statement
from syncer.store.db.in_values import in_values
from syncer.store.db.types import Timestamp, decoded_json
from syncer.store.schema.state_tables import integrations


class IntegrationRow(Struct, frozen=True):
    """Stored state of one integration.

    models: globs of its own, or None for those of the configuration. read_models: webhook name of a model ->
    availability here; empty while unknown. state: None while unknown.
    """

    id: str
    origin: str
    models: tuple[str, ...] | None = None
    removed_at: datetime | None = None
    state: IntegrationState | None = None
    tool: str | None = None
    category: str | None = None
    organisation: str | None = None
    origin_id: str | None = None
    status: str | None = None
    setup_status: str | None = None
    data_expired_at: datetime | None = None
    refreshed_at: datetime | None = None
    read_models: Mapping[str, bool] = field(default_factory=dict)
    checked_at: datetime | None = None
    environment: str = DEFAULT_ENVIRONMENT

    def offers(self, spec: ListSpec) -> bool:
        """Tell whether asking for the list makes sense: the integration has data, and this list of it."""
        return self.state != IntegrationState.WAITING and not self.refuses(spec)

    def refuses(self, spec: ListSpec) -> bool:
        """Tell whether Kombo has said that it does not offer the list for the integration."""
        return spec.webhook_name is not None and self.read_models.get(spec.webhook_name) is False


class IntegrationStore(Struct, frozen=True):
    """Integrations of one environment."""

    environment: str = DEFAULT_ENVIRONMENT

    def add(
        self, connection: Connection, integration_id: str, *, origin: str, models: Sequence[str] | None
    ) -> None:
        """Mirror the integration, from now on or again; its rows and state, if any, are kept."""
        row = {"environment": self.environment, "id": integration_id, "origin": origin}
        connection.execute(insert_statement(connection, integrations).on_conflict_do_nothing(), row)
        connection.execute(
            update(integrations)
            .where(*self._is(integration_id))
            .values(
                origin=origin, removed_at=None, models=None if models is None else json.dumps(list(models))
            )
        )

    def remove(self, connection: Connection, integration_id: str, now: datetime) -> bool:
        """Stop mirroring the integration; its rows stay. False where it was not mirrored."""
        changed = connection.execute(
            update(integrations)
            .where(*self._is(integration_id), integrations.c.removed_at.is_(None))
            .values(removed_at=now)
        )
        return bool(changed.rowcount)

    def blank(self, connection: Connection, integration_id: str) -> None:
        """Forget all that Kombo said of the integration."""
        facts = (
            "tool",
            "category",
            "organisation",
            "origin_id",
            "status",
            "setup_status",
            "data_expired_at",
            "read_models",
        )
        connection.execute(update(integrations).where(*self._is(integration_id)).values(dict.fromkeys(facts)))

    def follow_config(
        self, connection: Connection, configured: Mapping[str, Sequence[str] | None], now: datetime
    ) -> None:
        """Bring the rows that come from the configuration in step with it; one that is so is not written."""
        mirrored = {row.id: row for row in self.all(connection)}
        for integration_id, models in configured.items():
            wanted = "config", None if models is None else tuple(models)
            row = mirrored.get(integration_id)
            if row is None or (row.origin, row.models) != wanted:
                self.add(connection, integration_id, origin="config", models=models)
        for row in mirrored.values():
            if row.origin == "config" and row.id not in configured:
                self.remove(connection, row.id, now)

    def all(self, connection: Connection) -> list[IntegrationRow]:
        """Read the integrations that are mirrored, by id."""
        found = connection.execute(
            select(integrations)
            .where(integrations.c.environment == self.environment, integrations.c.removed_at.is_(None))
            .order_by(integrations.c.id)
        )
        return [_integration(row) for row in found]

    def get(self, connection: Connection, integration_id: str) -> IntegrationRow | None:
        """Read one integration, mirrored or not any more; None where it never was."""
        row = connection.execute(select(integrations).where(*self._is(integration_id))).one_or_none()
        return None if row is None else _integration(row)

    def standing(self, connection: Connection, integration_id: str) -> Standing:
        """Tell what an integration is to this environment."""
        return self.standings(connection, [integration_id])[integration_id]

    def standings(self, connection: Connection, integration_ids: Collection[str]) -> dict[str, Standing]:
        """Tell what integrations are to this environment, by id."""
        found = connection.execute(
            select(integrations.c.id, integrations.c.environment, integrations.c.removed_at).where(
                in_values(connection, integrations.c.id, integration_ids)
            )
        )
        standings = dict.fromkeys(integration_ids, Standing.UNKNOWN)
        for row in found:
            if row.environment != self.environment:
                standings[row.id] = Standing.ELSEWHERE
            else:
                standings[row.id] = Standing.MIRRORED if row.removed_at is None else Standing.REMOVED
        return standings

    def note(self, connection: Connection, integration_id: str, now: datetime, **columns: Any) -> None:
        """Store Kombo's present answer, given by columns; read_models as a mapping.

        Data that had expired and has no more been read anew by Kombo: what was mirrored before is outdated.
        Where a clock that was ahead has noted that, nobody believes it: it counts from now on.
        """
        if "data_expired_at" in columns and columns["data_expired_at"] is None:
            columns["refreshed_at"] = case(
                (
                    or_(
                        integrations.c.data_expired_at.is_not(None),
                        integrations.c.refreshed_at > now + TOLERANCE,
                    ),
                    literal(now, Timestamp),
                ),
                else_=integrations.c.refreshed_at,
            )
        if "read_models" in columns:
            columns["read_models"] = json.dumps(columns["read_models"])
        connection.execute(
            update(integrations).where(*self._is(integration_id)).values(checked_at=now, **columns)
        )

    def _is(self, integration_id: str) -> Iterable[Any]:
        return (integrations.c.environment == self.environment, integrations.c.id == integration_id)


def environments_of(connection: Connection, integration_ids: Iterable[str]) -> dict[str, str]:
    """Find the environments of integrations that are or were mirrored, by integration."""
    found = connection.execute(
        select(integrations.c.id, integrations.c.environment).where(
            in_values(connection, integrations.c.id, list(integration_ids))
        )
    )
    return {row.id: row.environment for row in found}


def _integration(row: Row[Any]) -> IntegrationRow:
    models = decoded_json(row.models)
    return IntegrationRow(
        id=row.id,
        origin=row.origin,
        models=None if models is None else tuple(models),
        removed_at=row.removed_at,
        state=None if row.state is None else IntegrationState(row.state),
        tool=row.tool,
        category=row.category,
        organisation=row.organisation,
        origin_id=row.origin_id,
        status=row.status,
        setup_status=row.setup_status,
        data_expired_at=row.data_expired_at,
        refreshed_at=row.refreshed_at,
        read_models=decoded_json(row.read_models) or {},
        checked_at=row.checked_at,
        environment=row.environment,
    )
