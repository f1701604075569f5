"""Environments of the configuration: ``[kombo]``, which is the default one, and ``[environments.NAME]``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from syncer.config.secrets import ListedSecret, ListedSecretFile
from syncer.config.sections import Budget, Integration, Kombo
from syncer.config.values import list_of_texts
from syncer.config.web import Webhooks
from syncer.domain.environments import DEFAULT_ENVIRONMENT, check_environment_name
from syncer.domain.errors import UsageError
from syncer.domain.suggestions import did_you_mean


def _name(value: str) -> str:
    try:
        return check_environment_name(value)
    except UsageError as error:
        raise ValueError(str(error).removesuffix(".")) from None


EnvironmentName = Annotated[str, AfterValidator(_name)]


class EnvironmentTable(Kombo, Budget):
    """Access to one more Kombo environment, its request limit, and the secrets that sign its webhooks."""

    webhook_secrets: Annotated[
        tuple[ListedSecret, ...], BeforeValidator(partial(list_of_texts, example="whsec_…"))
    ] = Field(
        default=(),
        description='Secrets that sign the webhooks of this environment; those of "default" are `secrets`'
        " of `[webhooks]`.",
    )
    webhook_secret_files: Annotated[
        tuple[ListedSecretFile, ...],
        BeforeValidator(partial(list_of_texts, example="/run/secrets/us_webhook_secret")),
    ] = Field(default=(), description="Files that hold one secret each, besides `webhook_secrets`.")

    def webhooks(self, webhooks: Webhooks) -> Webhooks:
        """Make the section of its webhooks: its own secrets, and what is the same for all environments."""
        own = {"secrets": self.webhook_secrets, "secret_files": self.webhook_secret_files}
        return webhooks.model_copy(update=own)

    def secrets(self) -> Iterator[str]:
        """Collect what must never be shown."""
        yield self.api_key.get_secret_value()
        yield from self.webhooks(Webhooks()).all_secrets


def check_keys(kombo: Kombo | None, environments: Mapping[str, EnvironmentTable]) -> None:
    """Check that no two environments share a key: each would take its whole limit. Raises ValueError."""
    keys: dict[str, str] = {}
    for name, table in _tables(kombo, environments):
        key = table.api_key.get_secret_value()
        if key and keys.setdefault(key, name) != name:
            raise ValueError(f"{keys[key]} and {name} have the same API key: one key is one environment")


def check_webhook_secrets(webhooks: Webhooks, environments: Mapping[str, EnvironmentTable]) -> None:
    """Check that a secret tells the environment. Raises ValueError."""
    owners: dict[str, str] = {}
    sections = {name: each.webhooks(webhooks) for name, each in environments.items()}
    for name, section in {DEFAULT_ENVIRONMENT: webhooks, **sections}.items():
        for secret in section.all_secrets:
            if owners.setdefault(secret, name) != name:
                raise ValueError(
                    f"of {owners[secret]} and {name} have a secret in common: it tells whose events are"
                )


def check_integrations(
    integrations: tuple[Integration, ...], environments: Mapping[str, EnvironmentTable] | None
) -> tuple[Integration, ...]:
    """Check that each is named once, in an environment that there is. Raises ValueError.

    environments: None where they are faulty themselves.
    """
    owners: dict[str, str] = {}
    for each in integrations:
        if each.id in owners:
            if owners[each.id] == each.environment:
                raise ValueError(f"name {each.id} twice")
            raise ValueError(
                f"name {each.id} in two environments, {owners[each.id]} and {each.environment}: "
                "it is in one of them"
            )
        owners[each.id] = each.environment
        known = {DEFAULT_ENVIRONMENT, *(environments or ())}
        if environments is not None and each.environment not in known:
            raise ValueError(
                f"name the environment {each.environment!a} for {each.id}: there is no "
                f"[environments.{each.environment}].{did_you_mean(each.environment, sorted(known))}"
            )
    return integrations


def no_key(environment: str) -> str:
    """Say where a key is set."""
    if environment == DEFAULT_ENVIRONMENT:
        return (
            "There is no API key: `syncer init` asks for it; or set SYNCER_KOMBO__API_KEY, or"
            " kombo.api_key or kombo.api_key_file in the configuration. `syncer demo` needs none."
        )
    section = f"environments.{environment}"
    return (
        f"There is no API key for the environment {environment}: set"
        f" SYNCER_{section.replace('.', '__').upper()}__API_KEY, or {section}.api_key or"
        f" {section}.api_key_file in the configuration."
    )


def _tables(kombo: Kombo | None, environments: Mapping[str, EnvironmentTable]) -> Iterator[tuple[str, Kombo]]:
    if kombo is not None:
        yield DEFAULT_ENVIRONMENT, kombo
    yield from environments.items()
