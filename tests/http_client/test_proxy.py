"""Which proxy is on the way to Kombo, by the variables that are set."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from syncer.domain.errors import UsageError
from syncer.http_client.proxy import Proxy, find_proxy

KOMBO = "https://api.kombo.dev/v1"


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": " "}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, Proxy("HTTPS_PROXY", "http", "proxy:3128", None)),
        ({"HTTPS_PROXY": "proxy:3128\n"}, Proxy("HTTPS_PROXY", "http", "proxy:3128", None)),
        ({"HTTPS_PROXY": "http://one", "https_proxy": "two"}, Proxy("https_proxy", "http", "two", None)),
        ({"HTTPS_PROXY": "http://one", "https_proxy": ""}, None),
        ({"Https_Proxy": "https://[fd00::1]:8/"}, Proxy("Https_Proxy", "https", "[fd00::1]:8", None)),
        ({"ALL_PROXY": "http://one", "HTTP_PROXY": "two"}, Proxy("ALL_PROXY", "http", "one", None)),
        (
            {"HTTPS_PROXY": "http://one", "ALL_PROXY": "socks5://two"},
            Proxy("HTTPS_PROXY", "http", "one", None),
        ),
        (
            {"all_proxy": "http://corp:p%40ss%2F%23@proxy:1"},
            Proxy("all_proxy", "http", "proxy:1", ("corp", "p@ss/#")),
        ),
        ({"HTTPS_PROXY": "http://token@proxy"}, Proxy("HTTPS_PROXY", "http", "proxy", ("token", ""))),
    ],
    ids=str,
)
def test_the_variable_that_fits_best_names_the_proxy(environ: Mapping[str, str], found: Proxy | None) -> None:
    assert find_proxy(KOMBO, environ) == found


@pytest.mark.parametrize(
    "value",
    [
        "http://corp:hunter2secret#1@proxy",
        "http://corp:hunter2secret/1@proxy:3128",
        "http://corp:hunter2secret?1@proxy",
        "corp:hunter2secret#1@proxy",
        "http://proxy:hunter2secret",
        "http://[hunter2secret",
        "http://",
        "hunter2secret 1",
        "socks5://corp:hunter2secret@proxy",
        "ftp://corp:hunter2secret@proxy",
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
def test_what_is_no_proxy_is_refused_by_the_name_of_its_variable(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=rf"^{variable} .*\.$") as refused:
        find_proxy(KOMBO, {variable: value})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "entries",
    [
        "*",
        "kombo.dev",
        ".kombo.dev",
        "*.kombo.dev",
        "API.KOMBO.DEV",
        "api.kombo.dev.",
        "localhost, api.kombo.dev:443",
        "https://api.kombo.dev",
        "fd00::/8 [::1]:8 kombo.dev",
    ],
)
def test_a_host_that_no_proxy_names_is_reached_directly(entries: str) -> None:
    assert find_proxy(KOMBO, {"HTTPS_PROXY": "socks5://never", "no_proxy": entries}) is None


@pytest.mark.parametrize(
    "entries",
    ["", "dev.kombo", "bo.dev", "api.kombo.dev:80", "10.0.0.0/8", "fd00::/800,[::1,::,/,.,:,://,:x"],
)
def test_other_hosts_are_not(entries: str) -> None:
    assert find_proxy(KOMBO, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": entries}) is not None


@pytest.mark.parametrize(
    ("host", "entries"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3:8000"),
        ("[fd00::7]", "127.0.0.1,fd00::/8"),
        ("[::1]", "[::1]:8000"),
        ("[::1]", "0:0:0:0:0:0:0:1"),
    ],
)
def test_addresses_are_exempt_by_themselves_and_by_their_network(host: str, entries: str) -> None:
    environ = {"HTTP_PROXY": "http://proxy", "NO_PROXY": entries}
    assert find_proxy(f"http://{host}:8000/v1", environ) is None
    assert find_proxy("http://192.0.2.1:8000/v1", environ) is not None


def test_a_password_shows_nowhere() -> None:
    assert "hunter2" not in repr(find_proxy(KOMBO, {"https_proxy": "http://corp:hunter2@proxy"}))
