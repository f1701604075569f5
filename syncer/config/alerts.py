"""Receiver of alerts that the configuration asks for: ``[alerts]``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo

from syncer.config.receivers import check_receiver
from syncer.config.secrets import Secret, SecretFile
from syncer.config.section import Section
from syncer.config.values import PositiveDuration
from syncer.domain.alerts.message import MessageFormat
from syncer.domain.alerts.settings import AlertSettings


def _receiver(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text:
        check_receiver(text, example="https://app.example.com/alerts", instead="set token")
    return value


def _needed(value: SecretStr, info: ValidationInfo) -> SecretStr:
    """Refuse a token that nobody would get."""
    url = info.data.get("url")
    if "url_file" not in info.data:
        # It is faulty, which is said once.
        return value
    if value.get_secret_value() and url is not None and not url.get_secret_value():
        raise ValueError("has no effect without url")
    return value


class Alerts(Section):
    """Messages on what goes wrong and is over; without url none are sent."""

    url_file: SecretFile = Field(default=None, description="A file that holds the address, instead of `url`.")
    url: Annotated[Secret, AfterValidator(_receiver)] = Field(
        default=SecretStr(""),
        description="Where `syncer run` posts one message when something begins to go wrong, and one when it"
        " is over: docs/alerts.md. Without it none are sent. An address of Slack's is a secret itself.",
    )
    format: MessageFormat = Field(
        default=MessageFormat.JSON, description='"json", or "slack": as Slack\'s incoming webhooks take it.'
    )
    after: PositiveDuration = Field(
        default=timedelta(hours=1), description="For how long something has to last before it is told."
    )
    token_file: SecretFile = Field(
        default=None, description="A file that holds the token, instead of `token`."
    )
    token: Annotated[Secret, AfterValidator(_needed)] = Field(
        default=SecretStr(""),
        description='Sent as "Authorization: Bearer TOKEN", where the receiver wants one.',
    )

    def settings(self) -> AlertSettings | None:
        """Make the settings of alerts; None: there is no receiver."""
        url = self.url.get_secret_value()
        if not url:
            return None
        return AlertSettings(url, self.token.get_secret_value(), self.format, self.after)

    def secrets(self) -> tuple[str, ...]:
        """Collect what must never be shown: the token, and the address, which may hold one."""
        found = (self.token.get_secret_value(), self.url.get_secret_value())
        return tuple(text for text in found if text)
