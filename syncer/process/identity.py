"""Identity of a process, by which others on its host can tell that it has died.

An owner reads ``host/boot/namespace/pid/start/nonce``. A process can judge only owners of its own boot and
process-id namespace: two containers on one machine share the boot but number their processes apart.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from uuid import uuid4


def this_process() -> str:
    """Make a name for this process that no other process ever has."""
    pid = os.getpid()
    return "/".join([socket.gethostname(), *_place(), str(pid), _start_of(pid) or "-", uuid4().hex[:8]])


def is_dead(owner: str) -> bool:
    """Tell whether the owner is a process of this host that has ended; False where that cannot be known."""
    parts = owner.split("/")
    if len(parts) != 6 or "-" in parts[1:5] or tuple(parts[1:3]) != _place() or not parts[3].isdecimal():
        return False
    return _start_of(int(parts[3])) != parts[4]


def _place() -> tuple[str, str]:
    """Read the machine's boot id and the namespace of process ids; dashes where the system tells neither."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return "-", "-"
    return boot, namespace


def _start_of(pid: int) -> str | None:
    """Read when the process started, in ticks since boot; None if it is not running. Ids are used again."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The command in parentheses may hold anything; the third field, its state, follows.
    state, *fields = stat.rpartition(b")")[2].decode().split()
    # A zombie has ended; only its parent has not taken notice.
    return None if state in {"Z", "X"} else fields[18]
