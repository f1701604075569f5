"""All sections of the configuration, with the checks across them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)

from syncer.config.alerts import Alerts
from syncer.config.deliveries import DeliveryTable, each_name_once
from syncer.config.environments import (
    EnvironmentName,
    EnvironmentTable,
    check_integrations,
    check_keys,
    check_webhook_secrets,
)
from syncer.config.exclusions import check_filters, with_configured_lists
from syncer.config.gateway import Gateway
from syncer.config.kept import Changes, Deletions, History, Privacy
from syncer.config.list_names import with_added_lists
from syncer.config.lists import ListTable, each_list_once
from syncer.config.native_lists import Passthrough, each_once
from syncer.config.sections import Budget, Database, Integration, Kombo, Log, Sync
from syncer.config.verify import Verify
from syncer.config.web import Web, Webhooks
from syncer.config.workers import Workers
from syncer.domain.catalogue.lookup import select_names
from syncer.domain.catalogue.tables import views_of
from syncer.domain.errors import UsageError


class CheckedSections(BaseModel):
    """Sections of the configuration, each of which has been checked by itself and beside those before it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    kombo: Kombo = Kombo()
    # Behind the default environment, before whatever names them.
    environments: dict[EnvironmentName, EnvironmentTable] = {}
    database: Database = Database()
    integrations: tuple[Integration, ...] = ()
    sync: Sync = Sync()
    budget: Budget = Budget()
    deletions: Deletions = Deletions()
    verify: Verify = Verify()
    web: Web = Web()
    webhooks: Webhooks = Webhooks()
    gateway: Gateway = Gateway()
    alerts: Alerts = Alerts()
    log: Log = Log()
    # Behind the database, by which it is checked.
    workers: Workers = Workers()
    #: ``lists`` are all that there are.
    lists_: Annotated[tuple[ListTable, ...], AfterValidator(each_list_once)] = Field(
        default=(), alias="lists"
    )
    # Behind the added lists, whose names are taken.
    passthrough: Annotated[tuple[Passthrough, ...], AfterValidator(each_once)] = ()
    # After the lists of the configuration, which its exclusions may name.
    privacy: Privacy = Privacy()
    history: History = History()
    # Behind the native lists and the database, by which it is checked.
    changes: Changes = Changes()
    # Behind the feed, of which they have a part each.
    deliveries: Annotated[tuple[DeliveryTable, ...], AfterValidator(each_name_once)] = ()

    @model_validator(mode="wrap")
    @classmethod
    def _know_added_lists(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        with with_added_lists(given):
            return handler(given)

    @field_validator("environments")
    @classmethod
    def _have_keys_of_their_own(
        cls, environments: dict[str, EnvironmentTable], info: ValidationInfo
    ) -> dict[str, EnvironmentTable]:
        check_keys(info.data.get("kombo"), environments)
        return environments

    @field_validator("integrations", mode="before")
    @classmethod
    def _are_a_list(cls, integrations: object) -> object:
        if isinstance(integrations, str):
            raise ValueError('should be a list such as [{"id": "personio:8d1hpPsbjxUkoCoa1veLZGe5"}]')
        return integrations

    @field_validator("integrations")
    @classmethod
    def _are_in_one_environment(
        cls, integrations: tuple[Integration, ...], info: ValidationInfo
    ) -> tuple[Integration, ...]:
        return check_integrations(integrations, info.data.get("environments"))

    @field_validator("workers")
    @classmethod
    def _have_a_place_for_the_queue(cls, workers: Workers, info: ValidationInfo) -> Workers:
        if (database := info.data.get("database")) is not None:
            workers.check(database)
        return workers

    @field_validator("webhooks")
    @classmethod
    def _tell_the_environment(cls, webhooks: Webhooks, info: ValidationInfo) -> Webhooks:
        check_webhook_secrets(webhooks, info.data.get("environments") or {})
        return webhooks

    @field_validator("passthrough")
    @classmethod
    def _have_names_of_their_own(
        cls, passthrough: tuple[Passthrough, ...], info: ValidationInfo
    ) -> tuple[Passthrough, ...]:
        taken = {name for each in info.data.get("lists_") or () for name in views_of(each.name)}
        for each in passthrough:
            if not taken.isdisjoint(views_of(each.name)):
                raise ValueError(f"has the name {each.name}, which is taken by a list under [[lists]]")
        return passthrough

    @field_validator("privacy", mode="before")
    @classmethod
    def _tell_exclusions_the_lists(cls, privacy: object, info: ValidationInfo) -> object:
        native_lists, added = info.data.get("passthrough"), info.data.get("lists_")
        if native_lists is None or added is None:
            return with_configured_lists(privacy, None, ())
        specs = [each.spec() for each in native_lists]
        return with_configured_lists(privacy, specs, [each.spec() for each in added])

    @field_validator("privacy")
    @classmethod
    def _are_in_no_filter(cls, privacy: Privacy, info: ValidationInfo) -> Privacy:
        sync, names = info.data.get("sync"), _configured_names(info.data)
        if sync is not None and names is not None:
            filters = {name: table.filters.keys() for name, table in sync.model.items()}
            check_filters(privacy.pseudonymise, names, filters)
        return privacy

    @field_validator("changes")
    @classmethod
    def _can_be_told(cls, changes: Changes, info: ValidationInfo) -> Changes:
        database, names = info.data.get("database"), _configured_names(info.data)
        if database is not None and changes.notify and database.is_sqlite:
            raise ValueError("notify works with PostgreSQL alone: SQLite cannot notify other processes")
        if names is not None:
            try:
                select_feed_models(changes, names)
            except UsageError as error:
                raise ValueError(str(error)) from None
        return changes

    @field_validator("deliveries")
    @classmethod
    def _are_of_the_feed(
        cls, deliveries: tuple[DeliveryTable, ...], info: ValidationInfo
    ) -> tuple[DeliveryTable, ...]:
        changes, names = info.data.get("changes"), _configured_names(info.data)
        if changes is not None and names is not None:
            for each in deliveries:
                each.delivery(names, select_feed_models(changes, names))
        return deliveries


def select_feed_models(changes: Changes, configured: Collection[str]) -> frozenset[str]:
    """Select the lists by globs; none without any. Raises UsageError for one that fits none."""
    return frozenset(select_names(changes.models, configured)) if changes.models else frozenset()


def _configured_names(data: Mapping[str, Any]) -> list[str] | None:
    """Name the lists that only the configuration has; None where they are faulty themselves."""
    if data.get("lists_") is None or data.get("passthrough") is None:
        return None
    return [each.name for each in (*data["lists_"], *data["passthrough"])]
