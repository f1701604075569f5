"""Processes of the database as plain values, and in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from syncer.domain.durations import describe_age, describe_span
from syncer.operations.status_report import json_time
from syncer.store.state.processes import SILENT_AFTER, Presence


def report_processes(found: Iterable[Presence], now: datetime) -> list[dict[str, Any]]:
    """Report who works on the database: role, host, pid, version, times, and streams under way."""
    return [
        {
            "role": each.process.role,
            "host": each.process.host,
            "pid": each.process.pid,
            "version": each.process.version,
            "started_at": json_time(each.started_at),
            "up_seconds": round((now - each.started_at).total_seconds()),
            "heartbeat_at": json_time(each.heartbeat_at),
            "silent_seconds": round((now - each.heartbeat_at).total_seconds()),
            "is_alive": now - each.heartbeat_at < SILENT_AFTER,
            "running": each.running,
        }
        for each in found
    ]


def describe_process(process: dict[str, Any]) -> str:
    """Describe a process of the report in a line."""
    who = f"{process['role']} {process['version']} on {process['host']} (pid {process['pid']})"
    if not process["is_alive"]:
        return f"{who}: its last heartbeat was {describe_age(process['silent_seconds'])}"
    return f"{who}: up for {describe_span(process['up_seconds'])}, {process['running']} streams under way"
