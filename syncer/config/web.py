"""Web server of the service: ``[web]``, and the webhooks that come to it: ``[webhooks]``."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from syncer.config.secrets import ListedSecret, ListedSecretFile, Secret, SecretFile
from syncer.config.section import Section
from syncer.config.values import host_name, is_loopback, list_of_texts
from syncer.config.written import Written
from syncer.domain.errors import UsageError


class Served(NamedTuple):
    """Words of errors about a web server. name: of its pages; port: its setting; off: what ends it."""

    name: str
    port: str
    off: str


PAGES = Served("The status page", "web.port", "web.enabled = false")


class Web(Section):
    """Web server of the service."""

    enabled: bool = Field(
        default=True, description="Status page, health, metrics and webhooks of `syncer run`."
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description='The address to listen on. Beyond this machine ("0.0.0.0": on every network) it takes a'
        " token.",
    )
    port: int = Field(
        default=8484, ge=0, le=65535, description="The port to listen on; 0 takes any free one."
    )
    token_file: SecretFile = Field(
        default=None, description="A file that holds the token, instead of `token`."
    )
    token: Secret = Field(
        default=SecretStr(""),
        description='The token that opens the pages, as "Authorization: Bearer TOKEN" or as a browser\'s'
        " password for any user. /healthz and /readyz need none, and webhooks have their signature.",
    )
    hosts: Annotated[
        tuple[Annotated[str, AfterValidator(host_name)], ...],
        BeforeValidator(partial(list_of_texts, example="mirror.example.com")),
    ] = Field(
        default=(),
        description="Names under which clients call the service, besides `host` and this machine's own;"
        " others are refused.",
    )

    def check_access(self, served: Served = PAGES) -> None:
        """Check that not everybody on the network is let in. Raises UsageError."""
        if self.enabled and not is_loopback(self.host) and not self.token.get_secret_value():
            raise UsageError(
                f"{served.name} would be open to everybody who reaches {self.host}: set web.token or "
                f'web.token_file, or web.host = "127.0.0.1", or {served.off}.'
            )


class Webhooks(Section):
    """Webhooks that Kombo sends: who signs them, and the effect of those about integrations.

    secret_files: the texts of the files.
    """

    secrets: Annotated[
        tuple[ListedSecret, ...], BeforeValidator(partial(list_of_texts, example="whsec_…"))
    ] = Field(
        default=(),
        description="Secrets of Kombo's webhooks, which come to /webhooks/kombo of the web server: any of"
        " them signs. Several while one takes the place of another. Without any the address answers 404.",
    )
    secret_files: Annotated[
        tuple[ListedSecretFile, ...],
        BeforeValidator(partial(list_of_texts, example="/run/secrets/webhook_secret")),
    ] = Field(default=(), description="Files that hold one secret each, besides `secrets`.")
    discover: Annotated[
        tuple[Annotated[str, Field(min_length=1, pattern=r"^\S+$")], ...],
        BeforeValidator(partial(list_of_texts, example="personio:*")),
        Written("list of globs"),
    ] = Field(
        default=(),
        description="Integrations to mirror once a webhook tells of them, as globs over their ids, such as"
        ' ["personio:*"].',
    )
    integration_deleted: Literal["keep", "mark", "purge"] = Field(
        default="keep",
        description='When Kombo tells that an integration was deleted, and does not know it any more: "keep"'
        ' its rows, "mark" them deleted, or "purge" everything of it.',
    )

    @property
    def all_secrets(self) -> tuple[str, ...]:
        """Texts that sign webhooks, each of them alone."""
        return tuple(each.get_secret_value() for each in (*self.secrets, *self.secret_files))
