"""Options of ``syncer simulate`` about webhooks: to whom, signed with which secret, with which faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from msgspec import Struct

from syncer.domain.errors import UsageError

#: The secret unless another one is given. It protects made-up data.
DEFAULT_SECRET = "sim-secret"
SECRET_VARIABLE = "SIMULATOR_WEBHOOK_SECRET"
#: Seconds between a change and its webhook, unless given.
LATENCY = 0.1


class WebhookOptions(Struct, frozen=True):
    """Options about webhooks, checked. faults: as they were typed; latency in seconds."""

    url: str
    secret: str
    secret_file: Path | None
    faults: str
    latency: float
    retries: int

    def variables(self) -> dict[str, str]:
        """Give the setting of whoever receives these webhooks, as an environment variable.

        A secret that somebody typed is not repeated: what is typed there is to be replaced by it.
        """
        if self.secret_file is not None:
            return {"SYNCER_WEBHOOKS__SECRET_FILES": json.dumps([str(self.secret_file.absolute())])}
        shown = self.secret if self.secret == DEFAULT_SECRET else "the secret that you gave"
        return {"SYNCER_WEBHOOKS__SECRETS": json.dumps([shown])}


def webhook_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about webhooks; ``read_webhook_options`` takes their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--webhook",
        metavar="URL",
        help="Send signed webhooks there, such as http://127.0.0.1:8484/webhooks/kombo.",
    ),
    click.option(
        "--webhook-secret",
        metavar="SECRET",
        help=f"What they are signed with, {DEFAULT_SECRET} unless given. Better in ${SECRET_VARIABLE} or "
        "in a file: other users of the machine see what is typed here.",
        envvar=SECRET_VARIABLE,
    ),
    click.option(
        "--webhook-secret-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="A file that holds it.",
    ),
    click.option(
        "--webhook-faults",
        metavar="FAULTS",
        help="Shares of the webhooks that are lost and so on, as in "
        "lose=0.3,double=0.3,reorder=0.3,delay=2s,forge=0.1.",
    ),
    click.option(
        "--webhook-latency",
        type=click.FloatRange(0, 3600),
        default=LATENCY,
        show_default=True,
        help="Seconds in which changes are collected into one webhook. Kombo takes about 20.",
    ),
    click.option(
        "--webhook-retries",
        type=click.IntRange(0, 20),
        default=0,
        show_default=True,
        help="How often one is sent again that was not answered with 200. What Kombo does is not documented.",
    ),
)


def read_webhook_options(
    webhook: str | None,
    webhook_secret: str | None,
    webhook_secret_file: Path | None,
    webhook_faults: str | None,
    webhook_latency: float,
    webhook_retries: int,
) -> WebhookOptions | None:
    """Check the options together; None where no webhooks are to be sent. Raises UsageError."""
    if webhook is None:
        if webhook_faults or webhook_secret_file or webhook_retries:
            raise UsageError("The other options about webhooks need --webhook URL: where to send them.")
        return None
    _check_url(webhook)
    return WebhookOptions(
        webhook,
        _secret(webhook_secret, webhook_secret_file),
        webhook_secret_file,
        _checked_faults(webhook_faults or ""),
        webhook_latency,
        webhook_retries,
    )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError(
            f"--webhook {url} is no address: write one such as http://127.0.0.1:8484/webhooks/kombo."
        )


def _secret(given: str | None, file: Path | None) -> str:
    if file is None:
        return given or DEFAULT_SECRET
    if given:
        raise UsageError("The secret of the webhooks is given twice, as itself and as a file: one is enough.")
    return read_secret_file(file)


def read_secret_file(file: Path) -> str:
    """Read a secret from a file, without the blanks around it. Raises UsageError."""
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not a file of UTF-8 text: it should hold the secret alone.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    if not secret:
        raise UsageError(f"{file} is empty: it should hold the secret.")
    return secret


def _checked_faults(text: str) -> str:
    from syncer.simulator.webhooks.faults import WebhookFaults

    try:
        WebhookFaults.parse(text)
    except ValueError as error:
        raise UsageError(f"--webhook-faults: {error}") from None
    return text
