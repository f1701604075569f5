"""Read integrations and the check of the key. Pure: responses in, a value or a typed error back.

There is no list of integrations in this API; each is asked for by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from syncer.domain.errors import UsageError
from syncer.domain.native.row_values import has_dot_segment
from syncer.domain.records.values import Unfit
from syncer.domain.records.values import timestamp as parse_timestamp
from syncer.domain.texts.scrub import scrub_code
from syncer.kombo.envelope import Envelope
from syncer.kombo.errors import RequestInfo, error_from_response, unreadable

KEY_CHECK_PATH = "/check-api-key"

_T = TypeVar("_T")


class ReadModel(Struct, frozen=True):
    """Availability of a model in an integration; None: not told.

    is_available: supported by the tool, enabled in the scope and not opted out of. It is true where
    Kombo does not say: the list itself answers when it is asked.
    """

    is_available: bool
    coverage_status: str | None = None
    scope_config_setting: str | None = None
    opted_out: bool = False


class Integration(Struct, frozen=True):
    """One connected tool of one customer; None: not told.

    status is ACTIVE, INVALID or INACTIVE, setup_status INCOMPLETE, FINAL_SYNC_PENDING or COMPLETED, or
    whatever Kombo adds. origin_id is our user's own id of the customer. data_expired_at is set while stored
    data is older than the configuration.
    read_models: by webhook name; a model that is missing there is not known to be unavailable.
    raw: the JSON text of the whole object as received.
    """

    id: str
    tool_id: str | None
    tool_label: str | None
    category: str | None
    status: str | None
    setup_status: str | None
    data_expired_at: datetime | None
    organization_name: str | None
    origin_id: str | None
    read_models: dict[str, ReadModel]
    raw: bytes


# Kombo's OpenAPI document: the id is part of the path, and the integration header is not used.
def integration_path(integration_id: str) -> str:
    """Give the path of an integration; the colon inside ids stays as it is. Raises UsageError."""
    if has_dot_segment(integration_id):
        raise UsageError(f"{integration_id!r} is no id of an integration.")
    return f"/integrations/{quote(integration_id, safe=':')}"


# Python SDK 1.4.0, get_integration_details.
def read_integration(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    integration_id: str,
    hide: Callable[[str], str] = str,
) -> Integration:
    """Read the integration in a response (headers: lower-case names); members may be missing.

    Raises a KomboError by the answer's code and status; Transient where members have another shape.
    """
    request = RequestInfo(f"integration {integration_id}", integration_id, is_integration=True, hide=hide)
    raw, found = _read(_integration_decoder, status, headers, body, request)
    try:
        expired_at = parse_timestamp(found.data_expired_at) if found.data_expired_at else None
    except Unfit:
        raise unreadable(status, headers, body, "data_expired_at is not a timestamp", request) from None
    return Integration(
        id=found.id or integration_id,
        tool_id=found.tool.id if found.tool else None,
        tool_label=found.tool.label if found.tool else None,
        category=found.category,
        status=_code(found.status),
        setup_status=_code(found.setup_status),
        data_expired_at=expired_at,
        organization_name=found.end_user.organization_name if found.end_user else None,
        origin_id=found.end_user.origin_id if found.end_user else None,
        read_models={
            model.id: ReadModel(
                is_available=model.is_available is not False,
                coverage_status=model.coverage_status,
                scope_config_setting=model.scope_config_setting,
                opted_out=bool(model.opted_out_by_customer),
            )
            for model in found.read_models or ()
            if model.id
        },
        raw=raw,
    )


# Kombo's OpenAPI document, GET /check-api-key; customer_id is the older name of the same value.
def read_key_check(
    status: int, headers: Mapping[str, str], body: bytes, *, hide: Callable[[str], str] = str
) -> str:
    """Read the id of the environment that the key opens.

    Raises a KomboError by the response's code and status; Transient where there is no id.
    """
    request = RequestInfo("the check of the API key", hide=hide)
    _, found = _read(_key_check_decoder, status, headers, body, request)
    environment_id = found.environment_id or found.customer_id
    if not environment_id:
        raise unreadable(status, headers, body, "it names no environment", request)
    return environment_id


def _code(status: str | None) -> str | None:
    """Return a status as messages may show it."""
    return None if status is None else scrub_code(status)


def _read(
    decoder: msgspec.json.Decoder[_T],
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    request: RequestInfo,
) -> tuple[bytes, _T]:
    """Read ``data`` as JSON text and decoded. Raises a KomboError."""
    if status // 100 != 2:
        raise error_from_response(status, headers, body, request)
    try:
        envelope = _envelope_decoder.decode(body)
        found = decoder.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(status, headers, body, f"it has another form: {error}", request) from None
    if envelope.status != "success":
        raise unreadable(status, headers, body, "it does not say success", request)
    return bytes(envelope.data), found


class _Tool(msgspec.Struct):
    id: str | None = None
    label: str | None = None


class _EndUser(msgspec.Struct):
    organization_name: str | None = None
    origin_id: str | None = None


class _ReadModel(msgspec.Struct):
    id: str | None = None
    is_available: bool | None = None
    coverage_status: str | None = None
    scope_config_setting: str | None = None
    opted_out_by_customer: bool | None = None


class _Integration(msgspec.Struct):
    id: str | None = None
    tool: _Tool | None = None
    category: str | None = None
    status: str | None = None
    setup_status: str | None = None
    end_user: _EndUser | None = None
    data_expired_at: str | None = None
    read_models: list[_ReadModel] | None = None


class _KeyCheck(msgspec.Struct):
    environment_id: str | None = None
    customer_id: str | None = None


_envelope_decoder = msgspec.json.Decoder(Envelope[msgspec.Raw])
_integration_decoder = msgspec.json.Decoder(_Integration)
_key_check_decoder = msgspec.json.Decoder(_KeyCheck)
