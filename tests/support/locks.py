"""Question of PostgreSQL: how many wait for a lock."""

from __future__ import annotations

#: How many of this database's sessions wait for a lock of another one.
WAITING_FOR_LOCKS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
