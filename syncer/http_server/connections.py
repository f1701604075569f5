"""Competition for connections: who has them, and which one gives way to a new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol, TypeVar


class Connection(Protocol):
    """A connection as others compete with it.

    peer: who has it. since: when its present request could begin. is_waiting: True while it waits for its
    client, which has not sent the whole request or does not take the response.
    """

    @property
    def peer(self) -> str: ...

    @property
    def since(self) -> float: ...

    @property
    def is_waiting(self) -> bool: ...


_C = TypeVar("_C", bound=Connection)


def peer_of(host: str) -> str:
    """Name the peer of an address: one of IPv4, or the network of IPv6 whose addresses a customer gets."""
    address = ip_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))


def connection_to_close(connections: Iterable[_C], newcomer: str) -> _C | None:
    """Choose which connection gives way to a newcomer's, where there is no room.

    It is one that waits for its client, of a peer that has more of them than the newcomer or is the newcomer;
    of these one of the peer with most, and the oldest. None where all are busy or belong to peers with fewer:
    so one peer never drives out another.
    """
    all_of_them = list(connections)
    counts = Counter(each.peer for each in all_of_them)
    own = counts[newcomer]
    candidates = [
        each for each in all_of_them if each.is_waiting and (each.peer == newcomer or counts[each.peer] > own)
    ]
    return min(candidates, key=lambda each: (-counts[each.peer], each.since), default=None)
