"""Settings of alerts: where messages go, in which form, and after how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from syncer.domain.alerts.message import AlertMessage, MessageFormat


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Receiver of messages. token: empty for none. after: for how long a trouble has to last."""

    url: str = field(repr=False)
    token: str = field(repr=False)
    form: MessageFormat
    after: timedelta

    @property
    def host(self) -> str:
        """Host of the receiver, with its port: the rest of an address may be a secret."""
        return urlsplit(self.url).netloc

    def headers(self, message: AlertMessage) -> dict[str, str]:
        """Make the headers of a message: its id in the one by which receivers know a repeated request."""
        authorization = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return {"content-type": "application/json", "idempotency-key": message.id, **authorization}
