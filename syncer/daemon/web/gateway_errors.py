"""Answers of the gateway's own, in the form of Kombo's errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from starlette.types import Send

from syncer.domain.errors import AnswerWithheld, DatabaseError, Doubtful, KomboError, RateLimited
from syncer.domain.gateway.kombo_words import INPUT_INVALID, error_body
from syncer.domain.gateway.outcome import Outcome
from syncer.domain.limits import MOST_CALL_BYTES, in_mib

#: Seconds after which somebody comes again whom the service could not serve.
RETRY_AFTER = {"retry-after": "5"}


@dataclass(slots=True, eq=False)
class Refusal(Exception):
    """Answer in place of one of Kombo's. code: one of Kombo's; None: it has none for this."""

    outcome: Outcome
    status: int
    code: str | None
    title: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def no_token(cls) -> Self:
        """Refuse who has no token."""
        return cls(
            Outcome.REFUSED,
            401,
            "PLATFORM.AUTHENTICATION_INVALID",
            "Authentication invalid",
            "The token of the gateway is missing or wrong.",
            {"www-authenticate": 'Bearer realm="syncer gateway"'},
        )

    @classmethod
    def invalid(cls, message: str) -> Self:
        """Refuse what cannot be understood in one way alone."""
        return cls(Outcome.INVALID, 400, INPUT_INVALID, "Input invalid", message)

    @classmethod
    def wrong_method(cls, methods: Sequence[str]) -> Self:
        """Refuse a method that the API does not have."""
        return cls(
            Outcome.INVALID,
            405,
            INPUT_INVALID,
            "Method not allowed",
            f"The methods are {', '.join(methods)}.",
            {"allow": ", ".join(methods)},
        )

    @classmethod
    def too_long(cls) -> Self:
        """Refuse a body that is not taken."""
        message = f"The body of a call may have {in_mib(MOST_CALL_BYTES)}. Nothing was sent."
        return cls(Outcome.INVALID, 413, INPUT_INVALID, "Body too large", message)

    @classmethod
    def no_environment(cls) -> Self:
        """Refuse a call of which nobody knows whose key it needs."""
        return cls.invalid(
            "Several environments are configured: name an integration in X-Integration-Id, or an environment"
            " in X-Mirror-Environment."
        )

    @classmethod
    def no_integration(cls) -> Self:
        """Refuse an integration that no environment is known to have."""
        return cls(
            Outcome.INVALID,
            404,
            "PLATFORM.INTEGRATION_NOT_FOUND",
            "Integration not found",
            "The integration is in none of the configured environments, as far as the mirror knows.",
        )

    @classmethod
    def unavailable(cls, message: str) -> Self:
        """Refuse a call that has not been sent, since the service is not able to."""
        text = f"{message} Nothing was sent: try again."
        return cls(Outcome.UNAVAILABLE, 503, None, "Gateway unavailable", text, dict(RETRY_AFTER))

    @property
    def body(self) -> bytes:
        """Its JSON, in the form of Kombo's errors."""
        return error_body(self.code, self.message, self.title)

    async def send(self, send: Send) -> None:
        """Send it."""
        body = self.body
        headers: Mapping[str, str] = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **self.headers,
        }
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})


def refusal_of(error: KomboError | DatabaseError, *, is_read: bool) -> Refusal:
    """Make the answer to a call that Kombo has not answered.

    429: no permit came in time. 503: nothing was sent, so that it can be sent again. 502: it was sent, and no
    answer came, or one that may not be passed on.
    """
    if isinstance(error, DatabaseError):
        return Refusal.unavailable("The database of the mirror cannot be used.")
    if isinstance(error, RateLimited):
        code = "PLATFORM.RATE_LIMIT_EXCEEDED"
        return Refusal(Outcome.LIMITED, 429, code, "Rate limit exceeded", str(error))
    if isinstance(error, Doubtful):
        return Refusal(Outcome.DOUBTFUL, 502, None, "Outcome unknown", str(error))
    if isinstance(error, AnswerWithheld):
        return Refusal(Outcome.WITHHELD, 502, None, "Answer withheld", str(error))
    if error.unsent:
        text = f"{str(error).rstrip('.')}. Nothing was sent: it can be sent again."
        return Refusal(Outcome.UNSENT, 503, None, "Kombo unreachable", text, dict(RETRY_AFTER))
    text = f"{str(error).rstrip('.')}. Nothing was changed: it can be sent again." if is_read else str(error)
    return Refusal(Outcome.DOUBTFUL, 502, None, "No answer", text)
