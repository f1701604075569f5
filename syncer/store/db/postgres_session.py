"""Settings with which sessions of PostgreSQL's begin, whoever opens them.

A role, a database or a server can have other defaults than PostgreSQL's own. What our statements depend on is
set for the session or, behind a pooler that may give each transaction another session, for the transaction.
"""

from __future__ import annotations

#: Seconds to wait for PostgreSQL to accept a connection.
CONNECT_TIMEOUT = 10
#: Forms in which values come and go; the driver reads no other. Moments near the years 1 and 9999 can lie
#: outside what Python holds in another zone than UTC.
_FORMS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
}
#: Limits where the address, the role or the database has none of its own: for a lock that somebody else does
#: not give up, so that only those who want that table fail; and for a transaction in which nothing happens
#: any more, since a process that is stopped, or a host that is lost, locks rows that others wait for.
LIMITS = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"}
#: Compresses what is written from now on by lz4 where the server offers it and nobody has chosen otherwise:
#: to write documents takes the server a third less, for an eighth more room.
_COMPRESSION = (
    "(SELECT set_config(name, 'lz4', false) FROM pg_settings WHERE name = 'default_toast_compression'"
    " AND source = 'default' AND 'lz4' = ANY (enumvals))"
)


def connect_arguments(schema: str | None) -> dict[str, object]:
    """Give the driver's parameters of every connection, beside those of the address."""
    return {
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": application_name(schema),
        "client_encoding": "utf8",
    }


def application_name(schema: str | None) -> str:
    """Name the sessions of one mirror, for whoever looks at those of the server."""
    return "syncer" if schema is None else f"syncer {schema}"


def session_settings(schema: str | None) -> str:
    """Make the statement with which a session that is ours begins.

    schema: the only one in which it looks for tables, and makes them.
    """
    # Transactions ask for their level by themselves.
    alone = "set_config('default_transaction_isolation', 'read committed', false)"
    return f"{_settings(schema, is_local=False)}, {alone}, {_COMPRESSION}"


def transaction_settings(schema: str | None) -> str:
    """Make the statement with which a transaction begins whose session others have, too.

    It gives the number of the session.
    """
    return _settings(schema, is_local=True)


def _settings(schema: str | None, *, is_local: bool) -> str:
    """Ask for what our statements need, and for the number of the session."""
    forms = _FORMS if schema is None else {**_FORMS, "search_path": schema}
    scope = "true" if is_local else "false"
    asked = [f"set_config('{name}', '{value}', {scope})" for name, value in forms.items()]
    limits = [
        f"CASE current_setting('{name}') WHEN '0' THEN set_config('{name}', '{value}', {scope}) END"
        for name, value in LIMITS.items()
    ]
    return f"SELECT pg_backend_pid(), {', '.join(asked + limits)}"
