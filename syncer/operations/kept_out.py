"""Answers of Kombo's to forwarded lists, without what the mirror is not to hold either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, NamedTuple

import msgspec

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import AnswerWithheld
from syncer.domain.gateway.forwarding import ForwardedAnswer, ForwardedRequest
from syncer.domain.gateway.headers import merged, of_another_body
from syncer.domain.gateway.kept_out import KeptOut, Unclean
from syncer.domain.limits import LARGE_ANSWER_BYTES, MOST_ANSWER_BYTES, MOST_RECORDS, in_mib
from syncer.domain.records.exclude import excluded_from
from syncer.domain.stream_key import StreamKey
from syncer.environments.environment import Opened
from syncer.kombo.body import Body, BrokenBody, Oversized, UnknownEncoding
from syncer.kombo.lenient_page import Broken, split_page

#: Members of a page that hold nothing of a record; what else is there may.
_ENVELOPE: Final = ("status", "data")
_DATA: Final = ("next", "results")
#: Status of an answer that has no body.
_NO_CONTENT: Final = 204

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_entries = msgspec.json.Decoder(list[msgspec.Raw])


def read_kept_out(opened: Opened, key: StreamKey) -> KeptOut | None:
    """Read what answers for a list may not show; None: they may be passed on as they come.

    Synchronous: it belongs on a worker thread. Raises DatabaseError.
    """
    environment = opened.environment
    is_undescribed = key.model not in catalogue()
    excluded = excluded_from(key.model, environment.settings.exclusions, is_undescribed=is_undescribed)
    with environment.database.read() as connection:
        erased = opened.context.erasures.read(connection).erased
    return KeptOut(key, excluded, erased) if excluded is not None or erased else None


class CleanAnswers:
    """Answers that are read whole and cleaned. Of large ones there is one at a time."""

    def __init__(self) -> None:
        self._large = asyncio.Lock()

    @asynccontextmanager
    async def answering(
        self, request: ForwardedRequest, answer: ForwardedAnswer, kept_out: KeptOut | None
    ) -> AsyncIterator[ForwardedAnswer]:
        """Give an answer as the application may see it.

        It passes as it comes where nothing is kept out of it, and where it is no success: it has no records
        then. Raises AnswerWithheld where a success cannot be read, and KomboError where it breaks off.
        """
        async with AsyncExitStack() as large:
            if kept_out is None or answer.status // 100 != 2 or answer.status == _NO_CONTENT:
                yield answer
            elif request.method == "HEAD":
                # The length is that of a body that nobody may see.
                yield ForwardedAnswer(answer.status, of_another_body(answer.headers, None), answer.pieces)
            else:
                try:
                    body = await self._whole(answer, large)
                    cleaned = await asyncio.to_thread(clean_page, kept_out, body)
                except Unclean as error:
                    raise AnswerWithheld(
                        f"Kombo's answer to {request.method} {request.path} is not passed on, since what is"
                        f" excluded or erased here cannot be taken out of it: {error}.",
                        status=answer.status,
                    ) from None
                del body
                headers = of_another_body(answer.headers, len(cleaned))
                yield ForwardedAnswer(answer.status, headers, _pieces(cleaned))

    async def _whole(self, answer: ForwardedAnswer, large: AsyncExitStack) -> bytes:
        """Read all of a body, decompressed. Raises Unclean, KomboError."""
        is_alone = False
        try:
            body = Body(merged(answer.headers))
            async for piece in answer.pieces:
                body.add(piece)
                if body.size > LARGE_ANSWER_BYTES and not is_alone:
                    await large.enter_async_context(self._large)
                    is_alone = True
            return body.whole()
        except Oversized:
            most = in_mib(MOST_ANSWER_BYTES)
            raise Unclean(f"it has more than {most}; ask for fewer records at once") from None
        except UnknownEncoding:
            raise Unclean("it is compressed in a way that was not asked for") from None
        except BrokenBody as error:
            raise Unclean(str(error)) from None


class _Page(NamedTuple):
    """Page of a list: members of its envelope and of its data, and the JSON text of each record."""

    envelope: dict[str, msgspec.Raw]
    data: dict[str, msgspec.Raw]
    results: list[bytes]


def clean_page(kept_out: KeptOut, body: bytes) -> bytes:
    """Write a page of a list anew without what is kept out. Raises Unclean."""
    envelope, data, results = _split(body)
    if len(results) > MOST_RECORDS:
        raise Unclean(f"it has more than {MOST_RECORDS:,} records; ask for fewer at once")
    left = [cleaned for cleaned in map(kept_out.clean, results) if cleaned is not None]
    data["results"] = msgspec.Raw(b"[" + b",".join(left) + b"]")
    envelope["data"] = msgspec.Raw(_written(kept_out, data, _DATA))
    return _written(kept_out, envelope, _ENVELOPE)


def _split(body: bytes) -> _Page:
    try:
        envelope = _members.decode(body)
        data = _members.decode(envelope["data"])
        return _Page(envelope, data, [bytes(each) for each in _entries.decode(data["results"])])
    except (KeyError, msgspec.ValidationError):
        raise Unclean("it is not a page of a list") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # One record is of no strict JSON, and the others are well.
        try:
            status, cursor, results = split_page(body)
        except Broken as error:
            raise Unclean(str(error)) from None
        return _Page({"status": _raw(status)}, {"next": _raw(cursor)}, list(results))


def _written(kept_out: KeptOut, members: dict[str, msgspec.Raw], own: Iterable[str]) -> bytes:
    """Write an object of a page; members beside its own are cleaned like a record that nobody describes."""
    known = {name: members.pop(name) for name in own if name in members}
    others = kept_out.clean(msgspec.json.encode(members)) if members else None
    return msgspec.json.encode({**known, **({} if others is None else _members.decode(others))})


def _raw(value: str | None) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body
