"""Addresses that stay on this host, and those that cross a network."""

from __future__ import annotations

import pytest

from syncer.domain.loopback import is_sent_in_the_clear


@pytest.mark.parametrize(
    ("url", "is_clear"),
    [
        ("https://api.kombo.dev/v1", False),
        ("http://api.kombo.dev/v1", True),
        ("HTTP://10.0.0.7/v1", True),
        ("http://0.0.0.0/v1", True),
        ("http://localhost.example.com/v1", True),
        ("http://localhost:8080/v1", False),
        ("http://kombo.LOCALHOST./v1", False),
        ("http://127.1.2.3/v1", False),
        ("http://[::1]:80/v1", False),
        ("http://[::ffff:127.0.0.1]/v1", False),
        ("http://[fd00::1]/v1", True),
    ],
)
def test_only_what_stays_on_this_host_may_be_plain(url: str, is_clear: bool) -> None:
    assert is_sent_in_the_clear(url) is is_clear
