"""Facts on integrations, fetched from Kombo seldom and by one task at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncer.domain.catalogue.names import unknown_models
from syncer.domain.clocks import TOLERANCE, distrust_future
from syncer.domain.errors import IntegrationGone, KeyRefused, KomboError, ModelUnavailable, NotReady
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.intervals import FRESH_FOR
from syncer.domain.streams.list_spec import ListSpec
from syncer.domain.streams.reasons import UNKNOWN_INTEGRATION
from syncer.domain.streams.state import IntegrationState, Outcome
from syncer.kombo import integrations as kombo
from syncer.process.log import Logger
from syncer.store.state.integrations import IntegrationRow
from syncer.store.state.unknown_models import note_unknown_models
from syncer.sync.context import SyncContext

#: Status at Kombo of an integration that is not paused and whose credentials work.
ACTIVE = "ACTIVE"
#: How long a good answer is good for a list that a webhook has told of: its news say that the integration
#: works, and Kombo tells of changes of that, too. So news cost one request, and not two.
FRESH_WHEN_TOLD = timedelta(days=1)
#: How long a bad one is, and only for the process that asked: long enough for all streams of one pass.
BAD_FOR = timedelta(minutes=1)


log = Logger()


class Integrations:
    """Asks Kombo about integrations and keeps the answers in the database."""

    def __init__(self, context: SyncContext) -> None:
        self._context = context
        self._asking: dict[str, asyncio.Lock] = {}
        self._asked: set[str] = set()
        #: When Kombo last gave no answer about an integration.
        self._unanswered: dict[str, datetime] = {}
        #: When a list's refusal last had an integration asked about.
        self._refused_at: dict[str, datetime] = {}
        self._refusing: dict[str, asyncio.Lock] = {}
        #: Integrations and reasons of the refusals that were logged.
        self._logged: set[tuple[str, str | None]] = set()

    async def known(
        self,
        integration_id: str,
        purpose: Purpose,
        *,
        fresh: bool = False,
        good_for: timedelta = FRESH_FOR,
    ) -> IntegrationRow:
        """Read the integration's row, fetched anew where it is older than that (or fresh is wanted).

        Raises IntegrationGone or KeyRefused. Any other trouble leaves the row as it was: the lists will tell;
        where fresh is wanted it is raised, too. Where Kombo has just not answered, it is left alone for a
        minute: each try takes long, and all streams of the integration wait for it.
        """
        context = self._context
        async with self._asking.setdefault(integration_id, asyncio.Lock()):
            now, row = await context.database.ask(
                lambda connection: (
                    context.database.now(connection),
                    context.integrations.get(connection, integration_id),
                )
            )
            if row is not None and not fresh and self._is_fresh(row, now, good_for):
                if row.state == IntegrationState.GONE:
                    raise IntegrationGone(
                        f"Kombo does not know the integration {integration_id}.",
                        reason=UNKNOWN_INTEGRATION,
                        integration_id=integration_id,
                    )
                return row
            unanswered = distrust_future(self._unanswered.get(integration_id), now, TOLERANCE)
            if not fresh and unanswered is not None and now - unanswered < BAD_FOR:
                return row or IntegrationRow(integration_id, origin="command")
            self._asked.add(integration_id)
            try:
                said = await context.client.integration(integration_id, purpose=purpose)
            except IntegrationGone:
                await self._note(integration_id, {"state": IntegrationState.GONE})
                raise
            except KeyRefused:
                raise
            except KomboError:
                self._unanswered[integration_id] = await context.database.ask(context.database.now)
                if fresh:
                    raise
                return row or IntegrationRow(integration_id, origin="command")
            self._unanswered.pop(integration_id, None)
            offered = [name for name, model in said.read_models.items() if model.is_available]
            unknown = unknown_models(offered, context.added_lists)
            return await self._note(integration_id, facts_of(said), unknown)

    async def refused(self, integration_id: str, error: KomboError, purpose: Purpose) -> KomboError:
        """Bring the integration's row in step with a list's refusal that concerns all of it; give the error
        to report, which is the same for all its lists.

        Raises KeyRefused.
        """
        if isinstance(error, IntegrationGone):
            # Its other lists need not ask.
            self._asked.add(integration_id)
            await self._note(integration_id, {"state": IntegrationState.GONE})
            return IntegrationGone(str(error), reason=UNKNOWN_INTEGRATION, integration_id=integration_id)
        if error.status is None:
            # It is what the row says already.
            return error
        try:
            must_be_set_up(await self._after_refusal(integration_id, purpose))
        except KeyRefused:
            raise
        except (IntegrationGone, NotReady) as found:
            return found
        except KomboError:
            return error
        return error

    def log_refusal(self, integration_id: str, outcome: Outcome, reason: str) -> None:
        """Log that the integration is refused, once for all its streams."""
        if (integration_id, reason) not in self._logged:
            self._logged.add((integration_id, reason))
            log.warning(
                "integration_refused", integration=integration_id, outcome=outcome.value, error=reason
            )

    def forget_refusal(self, integration_id: str, reason: str | None) -> None:
        """Log that a refusal of the integration is over, if there was one for this reason."""
        if (integration_id, reason) in self._logged:
            self._logged.discard((integration_id, reason))
            log.info("integration_accepted", integration=integration_id)

    async def _after_refusal(self, integration_id: str, purpose: Purpose) -> IntegrationRow:
        """Read the integration's row, fetched anew unless a refusal has just had it fetched."""
        async with self._refusing.setdefault(integration_id, asyncio.Lock()):
            now = await self._context.database.ask(self._context.database.now)
            before = self._refused_at.get(integration_id)
            is_known = before is not None and now - before < BAD_FOR
            if not is_known:
                self._refused_at[integration_id] = now
            return await self.known(integration_id, purpose, fresh=not is_known)

    def _is_fresh(self, row: IntegrationRow, now: datetime, good_for: timedelta) -> bool:
        checked_at = distrust_future(row.checked_at, now, TOLERANCE)
        if checked_at is None or row.state is None:
            return False
        if row.state == IntegrationState.READY and row.status in {None, ACTIVE}:
            return now - checked_at < good_for
        return row.id in self._asked and now - checked_at < BAD_FOR

    async def _note(
        self, integration_id: str, said: dict[str, object], unknown: Sequence[str] = ()
    ) -> IntegrationRow:
        """Note what Kombo said of an integration. unknown: names of lists that nobody here knows."""
        context = self._context

        def note(connection: Connection) -> IntegrationRow | None:
            now = context.database.now(connection)
            context.integrations.note(connection, integration_id, now, **said)
            note_unknown_models(connection, context.streams.environment, unknown, now)
            return context.integrations.get(connection, integration_id)

        row = await context.database.write(note)
        return row or IntegrationRow(integration_id, origin="command")


def facts_of(said: kombo.Integration) -> dict[str, object]:
    """Give what Kombo said of an integration as columns of its row."""
    is_set_up = said.setup_status in {None, "COMPLETED"}
    return {
        "state": IntegrationState.READY if is_set_up else IntegrationState.WAITING,
        "tool": said.tool_label or said.tool_id,
        "category": said.category,
        "organisation": said.organization_name,
        "origin_id": said.origin_id,
        "status": said.status,
        "setup_status": said.setup_status,
        "data_expired_at": said.data_expired_at,
        "read_models": {name: model.is_available for name, model in said.read_models.items()},
    }


def must_be_set_up(integration: IntegrationRow) -> None:
    """Raise NotReady where the integration has no data yet."""
    if integration.state == IntegrationState.WAITING:
        raise NotReady(
            f"The set-up of {integration.id} is not finished at Kombo ({integration.setup_status}).",
            reason=f"The set-up of this integration is not finished at Kombo ({integration.setup_status}).",
            integration_id=integration.id,
        )


def must_be_offered(integration: IntegrationRow, spec: ListSpec) -> None:
    """Raise NotReady or ModelUnavailable where asking for the list makes no sense."""
    must_be_set_up(integration)
    if integration.refuses(spec):
        raise ModelUnavailable(
            f"Kombo does not offer {spec.name} for {integration.id}.",
            reason="Kombo does not offer this model here.",
            integration_id=integration.id,
        )
