"""Build requests of Kombo's lists and read their pages. Pure: no I/O.

Above every function stands what it follows: a page of docs.kombo.dev, Kombo's OpenAPI document or its Python
SDK. Other responses are read in ``integrations.py``, error responses in ``errors.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from syncer.domain.catalogue.model import Model
from syncer.domain.errors import AnswerTooLarge, UsageError
from syncer.domain.limits import MOST_RECORDS
from syncer.kombo.envelope import Envelope
from syncer.kombo.errors import RequestInfo, error_from_response, unreadable
from syncer.kombo.headers import read_served_at
from syncer.kombo.lenient_page import Broken, split_page


class Page(Struct, frozen=True):
    """One page of a list.

    results: the JSON text of each record exactly as received; whether it is a usable record is not
    checked. next: the cursor of the next page, None at the end. served_at: the server's time (UTC),
    None if not told. duration: seconds from sending the request to the end of the answer. parent: the
    value of the mirror's row that a native list was asked for. refusal: why it could not be asked for it.
    """

    results: tuple[bytes, ...]
    next: str | None
    served_at: datetime | None
    duration: float = 0.0
    parent: str | None = None
    refusal: str | None = None

    @property
    def started_at(self) -> datetime | None:
        """Server's time when the request was sent, never later than it really was."""
        return None if self.served_at is None else self.served_at - timedelta(seconds=self.duration)


# docs.kombo.dev, "Querying the API"; the parameters of each list in Kombo's OpenAPI document.
def list_params(
    model: Model,
    *,
    page_size: int,
    updated_after: str | None = None,
    cursor: str | None = None,
    filters: Mapping[str, str] | None = None,
    ids: Sequence[str] | None = None,
    remote_ids: Sequence[str] | None = None,
) -> dict[str, str]:
    """Build the query of one page. The cursor does not carry the filters: they are sent with every page.

    What the model's list does not understand is left out, so that the answer may hold more than was
    asked for. A cursor is always sent: only the list itself can have given it.

    Raises UsageError where single records are asked of a list that cannot give them.
    """
    features = model.features
    params = dict(filters or {})
    if features.include_deleted:
        params["include_deleted"] = "true"
    if features.paging:
        params["page_size"] = str(page_size)
    if features.updated_after and updated_after is not None:
        params["updated_after"] = updated_after
    for name, chosen, can in (("ids", ids, features.ids), ("remote_ids", remote_ids, features.remote_ids)):
        if chosen is None:
            continue
        if not can or not chosen:
            raise UsageError(f"{model.name} cannot be asked for {'its' if chosen else 'no'} {name}.")
        params[name] = ",".join(chosen)
    if cursor is not None:
        params["cursor"] = cursor
    return params


# docs.kombo.dev, "Querying the API" (envelope and pagination); an empty next ends as well: Python SDK 1.4.0.
def read_page(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    integration_id: str,
    model_name: str,
    has_cursor: bool,
    hide: Callable[[str], str] = str,
    unsure: frozenset[str] = frozenset(),
) -> Page:
    """Read the page in a response (headers: lower-case names). hide takes secrets out of texts for messages.

    unsure: parameters that were sent although nobody knows whether the list takes them. A record that is not
    valid JSON is passed on like any other. Raises a KomboError by the answer's code and status, which is
    ParametersRefused where it names such parameters; Transient for a success that is not a whole page;
    AnswerTooLarge.
    """
    request = RequestInfo(
        f"{model_name} of {integration_id}",
        integration_id,
        has_cursor=has_cursor,
        hide=hide,
        unsure=unsure,
    )
    if status // 100 != 2:
        raise error_from_response(status, headers, body, request)
    try:
        answer = _decoder.decode(body)
        said, cursor, results = answer.status, answer.data.next, tuple(map(bytes, answer.data.results))
    except msgspec.ValidationError as error:
        raise unreadable(status, headers, body, f"it is not a page: {error}", request) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            said, cursor, results = split_page(body)
        except Broken as error:
            raise unreadable(status, headers, body, str(error), request) from None
    if said != "success":
        raise unreadable(status, headers, body, "it does not say success", request)
    if len(results) > MOST_RECORDS:
        most = f"{MOST_RECORDS:,} records, the most that is read"
        raise AnswerTooLarge(
            f"Kombo's answer for {request.subject} has more than {most}.", integration_id=integration_id
        )
    return Page(results, cursor or None, read_served_at(headers))


class _Data(msgspec.Struct):
    results: list[msgspec.Raw]
    next: str | None = None


_decoder = msgspec.json.Decoder(Envelope[_Data])
