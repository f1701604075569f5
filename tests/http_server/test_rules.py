"""The rules by which connections compete, without a socket."""

from __future__ import annotations

import resource
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.http_server.connections import connection_to_close, peer_of
from syncer.http_server.limits import connections_within
from syncer.http_server.token_bucket import TokenBucket


@dataclass(frozen=True)
class Connection:
    """One that competes for its place."""

    peer: str
    since: float = 0.0
    is_waiting: bool = True


CONNECTIONS = st.lists(
    st.builds(Connection, st.sampled_from("abc"), st.integers(0, 9).map(float), st.booleans()), max_size=12
)


@given(CONNECTIONS, st.sampled_from("abcd"))
def test_nobody_gives_way_who_is_busy_or_has_no_more_than_the_newcomer(
    connections: list[Connection], newcomer: str
) -> None:
    peers = [each.peer for each in connections]
    may = [
        each
        for each in connections
        if each.is_waiting and (each.peer == newcomer or peers.count(each.peer) > peers.count(newcomer))
    ]
    chosen = connection_to_close(connections, newcomer)
    assert (chosen is None) == (not may)
    if chosen is not None:
        assert chosen in may
        assert peers.count(chosen.peer) == max(peers.count(each.peer) for each in may)
        assert (
            chosen.since == min(each.since for each in may if each.peer == chosen.peer)
            or len({each.peer for each in may if peers.count(each.peer) == peers.count(chosen.peer)}) > 1
        )


def test_the_peer_with_most_gives_way_with_its_oldest() -> None:
    one, two = Connection("a", since=1), Connection("a", since=2)
    assert connection_to_close([two, one, Connection("b", since=0)], "c") == one


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_peer_is_an_address_or_what_one_customer_gets(address: str, peer: str) -> None:
    assert peer_of(address) == peer


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(20, 8), (128, 32), (1024, 64), (resource.RLIM_INFINITY, 64)]
)
def test_connections_leave_most_descriptors_to_the_work(descriptors: int, connections: int) -> None:
    assert connections_within(64, descriptors) == connections


def test_so_many_at_once_and_then_so_many_a_second() -> None:
    bucket = TokenBucket(rate=10, burst=3, now=100)
    happened: list[float] = []
    now = 100.0
    while len(happened) < 8:
        delay = bucket.delay(now)
        now += delay
        if not delay:
            bucket.take()
            happened.append(round(now, 6))
    assert happened == [100, 100, 100, 100.1, 100.2, 100.3, 100.4, 100.5]
    assert bucket.delay(1000) == 0
