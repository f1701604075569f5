"""Parsing of requests: what h11 lets pass and this server does not."""

from __future__ import annotations

import h11

from syncer.http_server.limits import Limits

#: Chunks of one body, and one more for so many bytes of it. Each costs time, however small it is.
MOST_CHUNKS = 1000
CHUNK_BYTES = 4096


class RequestParser(h11.Connection):
    """Server's side of an HTTP/1.1 connection, which refuses what is too large or can be read in two ways.

    A refusal is an h11.RemoteProtocolError as any other; ``refused_with`` keeps its status, and ``refusal``
    the JSON that is to go with it.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=limits.head)
        self.refused_with = 400
        self.refusal = b""
        self._limits = limits
        self._most = limits.body
        self._body = self._chunks = 0
        self._too_long = b""
        #: The present request has a body that may take as long as it goes on.
        self.is_upload = False

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Parse the next event. Raises h11.RemoteProtocolError."""
        try:
            event = super().next_event()
            if isinstance(event, h11.Request):
                self._body = self._chunks = 0
                self._check_head(event)
            elif isinstance(event, h11.Data):
                self._check_body(event)
        except h11.RemoteProtocolError as error:
            self.refused_with = error.error_status_hint
            self.refusal = self._too_long if self.refused_with == 413 else b""
            raise
        return event

    def _check_head(self, request: h11.Request) -> None:
        if request.http_version not in (b"1.0", b"1.1"):
            raise h11.RemoteProtocolError("unknown version of HTTP", error_status_hint=505)
        # One that came at once was not measured while it was incomplete.
        if (
            len(request.target) + sum(len(name) + len(value) for name, value in request.headers)
            > self._limits.head
        ):
            raise h11.RemoteProtocolError("head too long", error_status_hint=431)
        self._most = self._limits.body_of(request.target)
        self._too_long = self._limits.refusal_of(request.target)
        self.is_upload = self._limits.upload_of(request.target) is not None
        lengths = [value for name, value in request.headers if name == b"content-length"]
        if any(name == b"transfer-encoding" for name, _ in request.headers):
            # Where a proxy goes by the one and this server by the other, a second request hides here.
            if lengths or request.http_version == b"1.0":
                raise h11.RemoteProtocolError("ambiguous length")
        elif lengths and int(lengths[0]) > self._most:
            raise h11.RemoteProtocolError("body too long", error_status_hint=413)

    def _check_body(self, data: h11.Data) -> None:
        self._body += len(data.data)
        self._chunks += data.chunk_start
        if self._body > self._most or self._chunks > MOST_CHUNKS + self._body // CHUNK_BYTES:
            raise h11.RemoteProtocolError("body too long", error_status_hint=413)
