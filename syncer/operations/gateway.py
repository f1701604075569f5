"""Lists for the gateway: answered from the mirror where it holds them whole and fresh enough."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cache

from syncer.domain.catalogue.model import Model
from syncer.domain.catalogue.tables import table_models
from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.domain.gateway.answerable import why_forwarded
from syncer.domain.gateway.copy_places import copied_tables
from syncer.domain.gateway.envelope import page_body
from syncer.domain.gateway.kombo_words import INPUT_INVALID, InvalidInput, error_body
from syncer.domain.gateway.list_cursor import ListCursor, check_cursor, read_list_cursor
from syncer.domain.gateway.list_query import ListQuery, OnlyKombo, read_list_query
from syncer.domain.records.exclude import excluded_from, excluded_from_stored
from syncer.domain.stream_key import StreamKey
from syncer.environments.environment import Environment
from syncer.operations.copy_checks import CopyChecks
from syncer.operations.gateway_records import ListedRecords
from syncer.store.reading.changed_records import read_changed
from syncer.store.reading.list_page import RowsWanted, read_row_page
from syncer.store.reading.list_states import read_list_states


def read_list(
    environment: Environment,
    integration_id: str,
    path: str,
    query: Sequence[tuple[str, str]],
    *,
    serve: Sequence[str],
    max_age: timedelta,
    checks: CopyChecks,
) -> Answered | Forwarded:
    """Answer a list request, or say why Kombo has to. Synchronous: it belongs on a worker thread.

    path: as Kombo's documentation has it, ``/hris/employees``. query: the decoded parameters in their order.
    serve: globs of the lists that are answered from the mirror. max_age: how long ago, by the database's
    clock, the list may have been complete at last; a walk that was begun here goes on here in any case, since
    Kombo knows nothing of its cursor. checks: of the copies in lists. Raises DatabaseError.
    """
    model = environment.settings.kombo_paths.get(path)
    if model is None:
        return Forwarded("the mirror has no such list")
    key = StreamKey(integration_id, model.name)
    excluded = excluded_from(model.name, environment.settings.exclusions)
    wanted: ListQuery | InvalidInput
    cursor = None
    try:
        wanted = read_list_query(model, integration_id, query, excluded)
        if wanted.cursor is not None:
            cursor = read_list_cursor(wanted.cursor)
            if cursor is None:
                return Forwarded("the cursor is one of Kombo's")
            check_cursor(cursor, wanted.fingerprint)
    except OnlyKombo as error:
        return Forwarded(str(error))
    except InvalidInput as error:
        wanted = error
    if cursor is None and not any(fnmatchcase(model.name, each) for each in serve):
        return Forwarded("the configuration has the list forwarded")
    with environment.database.read() as connection:
        lists = frozenset({model.name, *_copied_lists(model).values()})
        states, moment = read_list_states(connection, environment.name, integration_id, lists)
        database = environment.database
        now = database.now(connection) if moment is None else database.adjusted(moment)
        refusals = {name: why_forwarded(states.get(name), now, max_age) for name in lists}
        reason = refusals[model.name]
        if reason is not None and cursor is None:
            return Forwarded(reason)
        if isinstance(wanted, InvalidInput):
            return Answered(400, error_body(INPUT_INVALID, str(wanted)), None)
        current = frozenset(table for table, name in _copied_lists(model).items() if refusals[name] is None)
        state = states.get(model.name)
        kombo_ahead = None if state is None else state.kombo_ahead
        stored = excluded_from_stored(model.name, environment.settings.exclusions)
        records = ListedRecords(connection, key, current, stored, kombo_ahead)
        suspects = checks.suspects(connection, environment, key, now)
        body = _page(records, environment.name, wanted, cursor, suspects)
    if body is None:
        return Forwarded("the list is too long for one answer")
    return Answered(200, body, None if state is None else state.watermark)


def _page(
    records: ListedRecords,
    environment: str,
    query: ListQuery,
    cursor: ListCursor | None,
    suspects: Collection[str] | None,
) -> bytes | None:
    """Write the body of a page; None where the list has no pages and does not fit one."""
    connection, key = records.connection, records.key
    after = "" if cursor is None else cursor.after
    changed = None
    if query.updated_after is not None:
        changed = read_changed(connection, environment, key, query.updated_after, records.current)
    page = read_row_page(connection, RowsWanted(environment, key, query, after, changed))
    following = None
    if page.has_more:
        if query.page_size is None:
            return None
        following = ListCursor(page.rows[-1].id, query.fingerprint).encoded()
    return page_body(records.texts(page.rows, suspects), following)


@cache
def _copied_lists(model: Model) -> Mapping[str, str]:
    """List the tables whose records stand inside those of a model, with the lists that bring their rows.

    Children that the record owns came with it, and are no other than it says.
    """
    owned = {child.table for child in model.children if child.owner is not None}
    return {table: table_models()[table] for table in copied_tables(model.name) - owned}
