"""Names of channels of PostgreSQL's, which all schemas of a database share: each mirror has its own.

In the schema ``public`` a channel has its plain name; elsewhere that of the schema follows, or a hash of it
where it is long.
"""

from __future__ import annotations


def channel_sql(channel: str) -> str:
    """Write the expression for the name of a channel in the schema of the session; channel: a plain name."""
    return (
        f"CASE WHEN current_schema() = 'public' THEN '{channel}'"
        f" WHEN octet_length(current_schema()) > 48 THEN '{channel}_' || md5(current_schema())"
        f" ELSE '{channel}_' || current_schema() END"
    )
