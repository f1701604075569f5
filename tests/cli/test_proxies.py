"""The way to Kombo through proxies and by certificates of one's own, and variables that lead nowhere."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from syncer.app import App
from syncer.config.settings import Settings
from syncer.domain.errors import KomboError
from syncer.domain.ratelimit.budget import Purpose
from tests.support.alone import alone
from tests.support.proxies import HOST, MakeProxy

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source

pytestmark = pytest.mark.usefixtures("no_proxy")
PASSWORD = "hunter2:s#cret"
LOGIN = f"corp:{PASSWORD}"
ESCAPED = LOGIN.replace(PASSWORD, "hunter2%3As%23cret")
ON_HTTP, ON_HTTPS = (f"{scheme}://{HOST}/v1" for scheme in ("http", "https"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_kombo_is_reached_through_a_proxy_and_by_a_certificate_of_ones_own(
    mirror: Shell, source: Source, make_proxy: MakeProxy, authority_file: Path, scheme: str
) -> None:
    proxy = make_proxy(source.base_url, on_tls=scheme == "https")
    proxy.login = LOGIN
    ran = mirror.spawn(
        "sync",
        SYNCER_KOMBO__BASE_URL=f"{scheme}://{HOST}/v1",
        SSL_CERT_FILE=str(authority_file),
        NO_PROXY="127.0.0.1,fd00::/8",
        **{f"{scheme}_proxy": f"http://{ESCAPED}@127.0.0.1:{proxy.port}"},
    )
    assert ran.code == 0, ran.err
    assert ran.out.count(": complete") == 3
    if scheme == "https":
        assert set(proxy.asked) == {f"CONNECT {HOST}:443"}
    else:
        assert all(each.startswith(f"GET {ON_HTTP}/") for each in proxy.asked)


def test_a_host_in_no_proxy_is_reached_directly(mirror: Shell) -> None:
    ran = mirror.run("sync", ALL_PROXY="socks5://nowhere", NO_PROXY="localhost,127.0.0.0/8,fd00::/8")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("command", ["sync", "check"])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080"),
        ("http_proxy", f"http://{LOGIN}@proxy.test"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("SSL_CERT_DIR", "/nowhere"),
        ("SSLKEYLOGFILE", "/nowhere/keys"),
    ],
)
def test_a_variable_that_leads_nowhere_is_named_in_one_sentence(
    mirror: Shell, command: str, variable: str, value: str
) -> None:
    ran = mirror.run(command, **{variable: value})
    assert ran.code == 2
    assert re.fullmatch(rf"Error: {variable} .*\.\n", ran.err), ran.err
    assert "hunter2" not in ran.err


def test_the_service_does_not_start_on_a_way_that_leads_nowhere(mirror: Shell) -> None:
    ran = mirror.spawn("run", HTTP_PROXY=f"http://{LOGIN}@proxy.test", SYNCER_WEB__PORT="0")
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("Error: HTTP_PROXY is not the address of a proxy: ")
    assert "hunter2" not in ran.err


def test_no_password_of_a_proxy_shows_even_where_everything_is_shown(mirror: Shell) -> None:
    ran = mirror.run(
        "--debug",
        "sync",
        HTTP_PROXY=f"http://{LOGIN}@proxy.test",
        HTTPS_PROXY="http://t0ken@proxy.test",
        SYNCER_LOG__LEVEL="DEBUG",
        SYNCER_DATABASE__URL="sqlite:///hunter2:s#cret-t0ken/no.db",
    )
    assert ran.code == 3
    assert "Traceback" in ran.err
    assert PASSWORD not in ran.err
    assert "t0ken" not in ran.err


@pytest.mark.parametrize(
    ("login", "refuses", "given", "said"),
    [
        (LOGIN, None, "", "wants user name and password (HTTP 407)"),
        (LOGIN, None, "corp:wr0ng@", "wants another user name and password (HTTP 407)"),
        (None, 403, "", "does not let it through (HTTP 403)"),
        (None, 503, "", "does not let it through (HTTP 503)"),
    ],
)
async def test_a_proxy_that_refuses_is_one_sentence(
    sqlite_url: str,
    make_proxy: MakeProxy,
    login: str | None,
    refuses: int | None,
    given: str,
    said: str,
) -> None:
    proxy = make_proxy("http://127.0.0.1:1")
    proxy.login, proxy.refuses = login, refuses
    address = f"127.0.0.1:{proxy.port}"
    error = await asked(sqlite_url, ON_HTTPS, HTTPS_PROXY=f"http://{given}{address}")
    assert str(error) == (
        f"No answer from {HOST} to /check-api-key: the proxy {address} of HTTPS_PROXY {said}."
    )
    assert error.unsent
    # What a person has to mend is not asked for again and again.
    assert len(proxy.asked) == (3 if refuses == 503 else 1)


async def test_a_plain_proxy_that_wants_a_password_is_not_taken_for_kombo(
    sqlite_url: str, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy("http://127.0.0.1:1")
    proxy.login = LOGIN
    error = await asked(sqlite_url, ON_HTTP, http_proxy=f"127.0.0.1:{proxy.port}")
    assert str(error).endswith(
        f"the proxy 127.0.0.1:{proxy.port} of http_proxy wants user name and password (HTTP 407)."
    )


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://127.0.0.1:1", "the proxy 127.0.0.1:1 of ALL_PROXY cannot be reached: connection refused."),
        (
            "http://corp:hunter2@nowhere.invalid:3128",
            "the proxy nowhere.invalid:3128 of ALL_PROXY cannot be reached: its name cannot be found (",
        ),
    ],
)
async def test_a_proxy_that_is_not_there_is_one_sentence(sqlite_url: str, proxy: str, said: str) -> None:
    error = await asked(sqlite_url, ON_HTTPS, ALL_PROXY=proxy)
    assert said in str(error)
    assert "hunter2" not in str(error)


async def test_certificates_that_are_not_trusted_say_what_to_do_and_are_not_tried_again(
    source: Source, sqlite_url: str, make_proxy: MakeProxy, authority_file: Path
) -> None:
    proxy = make_proxy(source.base_url, on_tls=True)
    error = await asked(sqlite_url, ON_HTTPS, HTTPS_PROXY=f"127.0.0.1:{proxy.port}")
    assert "is signed by nobody who is trusted (unable to get local issuer certificate)" in str(error)
    assert str(error).endswith("name the file with the certificate of your CA in SSL_CERT_FILE.")
    assert len(proxy.asked) == 1
    trusted = {"HTTPS_PROXY": f"127.0.0.1:{proxy.port}", "SSL_CERT_FILE": str(authority_file)}
    error = await asked(sqlite_url, "https://other.test/v1", **trusted)
    assert "is not valid (Hostname mismatch" in str(error)


async def test_a_server_that_speaks_no_tls_is_one_sentence(source: Source, sqlite_url: str) -> None:
    error = await asked(sqlite_url, source.base_url.replace("http:", "https:"))
    assert re.search(r": TLS failed \(SSL: [a-z ]+\); check [a-z_, ]+ region\.$", str(error)), error


async def asked(database_url: str, base_url: str, **environ: str) -> KomboError:
    """Ask something that fails; gives the error."""
    settings = Settings.model_validate(
        {"kombo": {"api_key": "ks_dev_mine", "base_url": base_url}, "database": {"url": database_url}}
    )
    async with App(settings, environ=environ, sleep=lambda _: asyncio.sleep(0)) as app:
        await asyncio.to_thread(app.migrate, may_create=True)
        async with alone(app).open() as (context, _):
            with pytest.raises(KomboError) as failed:
                await context.client.check_key(purpose=Purpose.INCREMENTAL)
    return failed.value
