"""Gateway for applications on the service's web server: ``[gateway]``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from syncer.config.list_names import check_glob
from syncer.config.secrets import LEAST_LENGTH, Secret, SecretFile
from syncer.config.section import Section, passes
from syncer.config.values import Duration, PositiveDuration, list_of_texts
from syncer.config.web import Web
from syncer.config.written import Written
from syncer.domain.errors import UsageError


def _unguessable(value: SecretStr) -> SecretStr:
    """Refuse a token that somebody may guess: it stands for Kombo's key."""
    if 0 < len(value.get_secret_value()) < LEAST_LENGTH:
        raise ValueError(f"should have {LEAST_LENGTH} characters or more")
    return value


class Gateway(Section):
    """Gateway: Kombo's API as applications see it through the service."""

    enabled: bool = Field(
        default=False,
        description="Kombo's API for your applications at /gateway/v1 of the web server: lists from the"
        " mirror, everything else forwarded under the request limit: docs/gateway.md.",
    )
    token_file: SecretFile = Field(
        default=None, description="A file that holds the token, instead of `token`."
    )
    token: Annotated[Secret, AfterValidator(_unguessable)] = Field(
        default=SecretStr(""),
        description='What applications send in place of Kombo\'s key, as "Authorization: Bearer TOKEN". The'
        " service does not start without it where the gateway is enabled.",
    )
    serve: Annotated[
        tuple[Annotated[str, passes(check_glob)], ...],
        BeforeValidator(partial(list_of_texts, example="hris_*")),
        Written("list of globs"),
    ] = Field(
        default=("*",),
        description="Models and added lists that are answered from the mirror, as globs; other lists are"
        " forwarded.",
    )
    max_age: PositiveDuration = Field(
        default=timedelta(hours=1),
        description="A list is forwarded where the mirror was not complete within so long.",
    )
    max_wait: Duration = Field(
        default=timedelta(seconds=30),
        description="How long a forwarded call may wait for the request limit; then it is answered 429.",
    )

    def check_access(self, web: Web, keys: Collection[str]) -> None:
        """Check that applications have a way in, and a token of their own. Raises UsageError.

        keys: the API keys of all environments.
        """
        if not self.enabled:
            return
        token = self.token.get_secret_value()
        if not web.enabled:
            raise UsageError(
                "The gateway is served by the web server: set web.enabled = true, or gateway.enabled = false."
            )
        if not token:
            raise UsageError(
                "The gateway would be open to everybody: set gateway.token or gateway.token_file, or"
                " gateway.enabled = false."
            )
        if token in keys:
            raise UsageError("gateway.token is an API key of Kombo's: make one that is of no use elsewhere.")
        if token == web.token.get_secret_value():
            raise UsageError(
                "gateway.token and web.token are the same: applications would read the status page with it."
            )
