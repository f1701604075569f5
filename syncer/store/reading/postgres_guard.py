"""Guard of a query on PostgreSQL: it reads as a role that can do nothing else, where there is one.

A transaction that only reads forbids neither files of the server nor other sessions to whoever may use them,
and ``set_config`` would undo a change of roles in the middle of a statement. So what does that, or runs a
text as SQL, is not run at all: a function can be called by its name alone.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from syncer.domain.errors import UsageError

#: Names that a statement may not hold: other settings and roles, SQL in texts, files, other sessions and the
#: server itself, large objects, what a session keeps, secrets of roles and connections.
_FORBIDDEN = re.compile(
    r"""(?<!\w)(
      set_config | \w+_to_xml\w* | ts_stat | ts_rewrite | dblink\w* | crosstab\w* | connectby | xpath_table
    | pg_read_\w*file | pg_ls_\w+ | pg_stat_file | pg_file_\w+ | pg_hba_\w+ | pg_ident_\w+
    | pg_show_all_file_\w+ | pg_file_settings
    | pg_(terminate|cancel)_backend | pg_reload_conf | pg_rotate_\w+ | pg_current_logfile | pg_promote
    | pg_switch_\w+ | pg_create_\w+ | pg_drop_\w+ | pg_copy_\w+ | pg_\w*backup\w* | pg_wal_replay_\w+
    | pg_\w*replication\w+ | pg_logical_\w+ | pg_sync_\w+ | pg_stat_reset\w* | pg_(clear|restore)_\w+
    | pg_log_\w+ | pg_extension_\w+ | pg_import_\w+ | pg_export_snapshot | pg_notify | binary_upgrade_\w+
    | brin_(de)?summarize\w+ | gin_clean_\w+ | pg_prewarm | autoprewarm\w* | pg_nextoid | setval | nextval
    | lo_\w+ | loread | lowrite | pg_largeobject\w* | pg_(try_)?advisory_(un)?lock\w*
    | pg_authid | pg_shadow | pg_user_mappings? | pg_subscription | \w*_fdw_\w+
    | u&(?=")
    )""",
    re.IGNORECASE | re.VERBOSE,
)
#: A role without a login that may read the mirror, as compose.yaml has it; PostgreSQL's own, for superusers.
READER, _ANY_READER = "syncer_reader", "pg_read_all_data"
_READERS = f"""
    SELECT r.rolname, array_to_string(ARRAY(SELECT quote_ident(unnest(current_schemas(false)))), ', ')
    FROM pg_roles r
    WHERE r.rolname IN ('{READER}', '{_ANY_READER}') AND pg_has_role(r.oid, :right)
      AND (r.rolname = '{READER}' OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
      AND has_schema_privilege(r.oid, current_schema(), 'USAGE')
      AND NOT EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v')
          AND NOT has_table_privilege(r.oid, pg_class.oid, 'SELECT')
      )
    ORDER BY r.rolname = '{READER}' DESC LIMIT 1
"""
_POWERS = text("""
    SELECT r.rolname FROM pg_roles r
    WHERE (r.rolname = current_user AND r.rolsuper)
       OR (r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
           AND pg_has_role(r.oid, 'MEMBER')
           AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
    ORDER BY 1 LIMIT 1
""")


def check_names(sql: str) -> None:
    """Raise UsageError where the statement holds a name that reaches beyond reading."""
    found = _FORBIDDEN.search(sql)
    if found is not None:
        raise UsageError(
            f"The statement holds {found[1]}, which `syncer query` does not run: it reads the mirror alone. "
            "A text that looks so can be a --param."
        )


def become_reader(connection: Connection) -> None:
    """Go on as a role that only reads, until the transaction ends; stay who we are where there is none."""
    version = connection.dialect.server_version_info or ()
    right = "SET" if version >= (16,) else "MEMBER"
    found = connection.execute(text(_READERS), {"right": right}).first()
    if found is not None:
        # What $user means in the search path is not to change with the role.
        connection.exec_driver_sql(f"SET LOCAL search_path = {found[1]}")
        connection.exec_driver_sql(f"SET LOCAL ROLE {found[0]}")


def excessive_power(connection: Connection) -> str | None:
    """Describe what the role may do that no mirror needs; None where it is nothing."""
    if connection.dialect.name != "postgresql":
        return None
    found: str | None = connection.execute(_POWERS).scalar()
    if found is None:
        return None
    return f"is a member of {found}" if found.startswith("pg_") else "is a superuser"
