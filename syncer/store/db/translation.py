"""Translation of the drivers' errors into those of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from syncer.domain.errors import DatabaseRefused, DatabaseUnavailable, StatementFailed
from syncer.store.db.errors import Fault, advice, fault, is_no_database, reason


@contextmanager
def translated(shown_url: Callable[[], str]) -> Iterator[None]:
    """Raise errors of the driver's as ours, except those that show a fault of ours.

    shown_url: gives the address without a password.
    """
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable(f"No connection to {shown_url()} became free in time.") from error
    except DBAPIError as error:
        found, words = fault(error), reason(error)
        if found in {Fault.BUG, Fault.VALUE}:
            raise
        message = f"The database {shown_url()} cannot be used: {words}.{advice(error)}"
        if found is Fault.DATABASE:
            raise (DatabaseRefused if is_no_database(error) else DatabaseUnavailable)(message) from error
        raise StatementFailed(message, reason=words, is_conflict=found is Fault.CONFLICT) from error
