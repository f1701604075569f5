"""Every error the program raises on purpose, named after what its reader can do.

SyncerError
├── UsageError                  the command or the configuration is wrong          exit 2
├── DatabaseError               the database cannot be used                        exit 3
│   ├── DatabaseUnavailable     not reachable, locked or read-only: wait and retry
│   │   ├── DatabaseMissing     there is no such file: make it
│   │   └── StatementFailed     it answers, but does not run this: maybe one table is the cause
│   ├── DatabaseRefused         it is not what the command needs: change it, or name another one
│   │   ├── DatabaseOfOthers    another program's tables are in it: give this one a place of its own
│   │   ├── SchemaMismatch      newer or older than this version: upgrade the one or the other
│   │   ├── RightsMissing       the role may not make or change tables: grant it that
│   │   └── ServerUnfit         the server or the encoding cannot hold a mirror: take another
│   └── DatabaseReplaced        another database stands in its place: begin anew with that
├── TableUnavailable            a table of the mirror is locked, gone or changed        exit 3
├── Busy                        another runner keeps the stream: try again later
├── LeaseLost                   another runner owns the stream now: stop writing
├── ProjectionReplaced          another process mirrors the model by other rules: restart this one
└── KomboError                  an answer of the API that is not a page
    ├── Transient               try again: network, 5xx, unreadable answers
    │   ├── RateLimited         429 of the key's budget: wait for the reset
    │   ├── ConcurrencyLimited  429 of one integration: back off there only
    │   └── Unreachable         no connection: the same for all requests
    ├── NotReady                the integration's setup is not finished
    │   └── ParentsUnread       the rows that a list is asked for have not been read yet
    ├── ModelUnavailable        this integration does not offer this model
    ├── IntegrationGone         Kombo does not know the integration (any more)
    ├── CursorRefused           a request that carried a cursor is refused: begin the list again
    ├── ListStuck               page follows page and none brings a new record: look at the source
    ├── KeyRefused              the API key is not accepted                        exit 4
    ├── UnreadableAnswer        an answer that would be as unreadable again
    │   ├── AnswerTooLarge      one that is larger than what is read: ask for less at once
    │   └── AnswerWithheld      one that may hold what nobody is to see: look at the source
    ├── Doubtful                a call that may have been carried out: look before it is sent again
    └── RequestRefused          any other answer that a retry cannot mend

Messages are one sentence for a person. They never contain the API key.
"""

from __future__ import annotations


class SyncerError(Exception):
    """Base of all; the docstring is the message where none is given."""

    exit_code = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class UsageError(SyncerError):
    """The command or the configuration is wrong."""

    exit_code = 2


class DatabaseError(SyncerError):
    """The database cannot be used."""

    exit_code = 3


class DatabaseUnavailable(DatabaseError):
    """The database does not answer, is locked or takes no writes."""


class DatabaseMissing(DatabaseUnavailable):
    """There is no such database."""


class StatementFailed(DatabaseUnavailable):
    """The database answers, but did not run this statement.

    A lock was not given up, or a table is not as it was made. reason: the database's words, as the end of a
    sentence. is_conflict: another transaction was in the way, and the next attempt may pass.
    """

    def __init__(self, message: str, *, reason: str, is_conflict: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.is_conflict = is_conflict


class DatabaseRefused(DatabaseError):
    """The database is not what the command needs."""


class DatabaseOfOthers(DatabaseRefused):
    """The database holds the tables of another program."""


class SchemaMismatch(DatabaseRefused):
    """The tables are those of another version."""


class RightsMissing(DatabaseRefused):
    """The role may not make or change the tables."""


class ServerUnfit(DatabaseRefused):
    """The server or its encoding cannot hold a mirror."""


class DatabaseReplaced(DatabaseError):
    """The database has been replaced while it was in use."""


class TableUnavailable(SyncerError):
    """A table of the mirror cannot be used, while the rest of the database can."""

    exit_code = 3


class Busy(SyncerError):
    """Another runner works on this stream."""


class LeaseLost(SyncerError):
    """Another runner has taken this stream over."""


class ProjectionReplaced(SyncerError):
    """Another process mirrors this list with other exclusions or columns, or is of another version."""


class KomboError(SyncerError):
    """An answer of the API that is not a page.

    reason is the message without what was asked for, where both stand side by side: what is wrong with many
    streams in the same way has one reason. code is Kombo's error code (``PLATFORM.…``) or None, status the
    HTTP status or None where no answer came, integration_id the integration that was asked or None. by_kombo:
    the answer is in Kombo's own form, not that of something before it. unsent: the request has not left this
    host.
    """

    by_kombo = False
    unsent = False

    def __init__(
        self,
        message: str | None = None,
        *,
        reason: str | None = None,
        code: str | None = None,
        status: int | None = None,
        integration_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason or str(self)
        self.code = code
        self.status = status
        self.integration_id = integration_id


class Transient(KomboError):
    """The API could not answer right now.

    answer: hash of an answer that came and could not be read; the same one again is not going to pass.
    """

    answer: bytes | None = None


class RateLimited(Transient):
    """The request budget of the key is used up; reset is in seconds, None if not told."""

    def __init__(
        self,
        message: str | None = None,
        *,
        reset: float | None = None,
        reason: str | None = None,
        code: str | None = None,
        status: int | None = None,
        integration_id: str | None = None,
    ) -> None:
        super().__init__(message, reason=reason, code=code, status=status, integration_id=integration_id)
        self.reset = reset


class Unreachable(Transient):
    """The API cannot be connected to; is_final: another try at once would fail in the same way."""

    unsent = True
    is_final = False


class ConcurrencyLimited(Transient):
    """Too many calls at once run against this integration's tool."""


class NotReady(KomboError):
    """The integration is not set up yet."""


class ParentsUnread(NotReady):
    """The rows that the list is asked for have not been read yet."""


class ModelUnavailable(KomboError):
    """This integration does not offer this model."""


class IntegrationGone(KomboError):
    """Kombo does not know this integration."""


class CursorRefused(KomboError):
    """The API does not accept the cursor any more."""


class ListStuck(KomboError):
    """The list does not end, and brings nothing new."""


class KeyRefused(KomboError):
    """The API key is not accepted."""

    exit_code = 4


class UnreadableAnswer(KomboError):
    """The answer cannot be read, and would be the same again."""


class AnswerTooLarge(UnreadableAnswer):
    """The answer is larger than what is read."""


class AnswerWithheld(UnreadableAnswer):
    """The answer may hold what is excluded or erased, and is not passed on."""


class Doubtful(KomboError):
    """Nobody knows whether the call was carried out."""


class RequestRefused(KomboError):
    """The API refuses the request."""


class ParametersRefused(RequestRefused):
    """The list does not take parameters that it was sent although nobody knew.

    parameters: their names. Without them the same request may pass.
    """

    parameters: frozenset[str] = frozenset()
