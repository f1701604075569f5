"""Requirements of a limit to integrations: a server that has it, an owner for whom it holds, integrations."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select, text

from syncer.domain.errors import UsageError
from syncer.domain.suggestions import did_you_mean
from syncer.store.schema.state_tables import integrations

#: The first version in which it is supported.
_SINCE = 15
#: An owner of tables and views for whom no policy holds, or who is not us.
_OWNERS = text("""
    SELECT o.rolname, o.rolsuper OR o.rolbypassrls
    FROM pg_class c
    JOIN pg_roles o ON o.oid = c.relowner
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(:relations)
        AND (o.rolsuper OR o.rolbypassrls OR o.rolname <> current_user)
    LIMIT 1
""")


#: A role that it is or can become which sees more rows: by an attribute, as the owner, as another reader.
_MORE_ROWS = text("""
    SELECT r.rolname, r.rolname = me.rolname, r.rolbypassrls
    FROM pg_roles me
    JOIN pg_roles r ON pg_has_role(me.oid, r.oid, 'MEMBER')
    CROSS JOIN LATERAL (
        SELECT array_agg(l.integration_id) AS ids FROM sync_readers l WHERE l.role = r.rolname
    ) limits
    WHERE me.rolname = :role AND (
        r.rolbypassrls
        OR r.oid <> me.oid AND NOT coalesce(limits.ids <@ CAST(:integrations AS text[]), false) AND EXISTS (
            SELECT FROM pg_class c
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(:relations)
                AND (c.relowner = r.oid OR EXISTS (
                    SELECT FROM aclexplode(c.relacl) g WHERE g.grantee = r.oid
                    UNION ALL
                    SELECT FROM pg_attribute a, aclexplode(a.attacl) g
                    WHERE a.attrelid = c.oid AND g.grantee = r.oid
                ))
        )
    )
    ORDER BY 2 DESC LIMIT 1
""")


def require_limits(connection: Connection, wanted: Iterable[str], ours: Iterable[str]) -> None:
    """Raise UsageError where a role cannot be limited to these integrations.

    ours: names of the tables and views of the mirror.
    """
    version = connection.dialect.server_version_info or ()
    if version < (_SINCE,):
        raise UsageError(
            f"PostgreSQL {version[0] if version else '?'} is too old to limit a role to integrations: "
            f"that takes {_SINCE} or newer."
        )
    known = set(connection.execute(select(integrations.c.id)).scalars())
    for each in wanted:
        if each not in known:
            raise UsageError(f"There is no integration {each!r} in the mirror.{did_you_mean(each, known)}")
    for owner, sees_all in connection.execute(_OWNERS, {"relations": list(ours)}):
        if sees_all:
            raise UsageError(
                f"The mirror belongs to {owner!r}, for whom no limit of rows holds, nor for its views: give "
                "it to a role of its own that is no superuser and has no BYPASSRLS."
            )
        raise UsageError(f"The mirror belongs to {owner!r}: only as that role a limit of rows can be set.")


def find_more_rows(
    connection: Connection, role: str, ours: Iterable[str], limits: Iterable[str]
) -> str | None:
    """Say how the role could read rows of other integrations than these; None where it cannot."""
    asked = {"role": role, "relations": list(ours), "integrations": list(limits)}
    found = connection.execute(_MORE_ROWS, asked).first()
    if found is None:
        return None
    other, is_itself, bypasses = found
    way = f"by BYPASSRLS{'' if is_itself else f' of {other!r}'}" if bypasses else f"as a member of {other!r}"
    return f"could still read rows of other integrations, {way}: take that from it first"
