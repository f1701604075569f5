"""Headers that pass the gateway, and those that end there."""

from __future__ import annotations

import pytest

from syncer.domain.errors import UsageError
from syncer.domain.gateway.headers import (
    accepted_encodings,
    merged,
    of_another_body,
    sole,
    to_application,
    to_kombo,
)

TOKEN = (b"authorization", b"Bearer the-token-of-the-gateway")


def test_what_the_application_says_to_kombo_passes_in_its_order() -> None:
    said = [
        (b"x-integration-id", b"personio:1"),
        (b"content-type", b"application/json"),
        (b"user-agent", b"speakeasy-sdk/python 1.4.0"),
        (b"accept", b"application/json"),
        (b"x-own", b"one"),
        (b"x-own", b"two"),
    ]
    assert to_kombo(said) == [*said, (b"accept-encoding", b"identity")]


@pytest.mark.parametrize(
    "header",
    [
        TOKEN,
        (b"Authorization", b"Basic dTpw"),
        (b"host", b"127.0.0.1:8484"),
        (b"content-length", b"12"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"keep-alive"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-authorization", b"Basic dTpw"),
        (b"te", b"trailers"),
        (b"upgrade", b"h2c"),
        (b"expect", b"100-continue"),
        (b"cookie", b"session=of-another-page"),
        (b"x-forwarded-for", b"10.0.0.7"),
        (b"X-Forwarded-Host", b"inside.example"),
        (b"forwarded", b"for=10.0.0.7"),
        (b"x-real-ip", b"10.0.0.7"),
        (b"x-mirror", b"bypass"),
        (b"x-mirror-environment", b"us"),
    ],
    ids=lambda header: header[0].decode(),
)
def test_what_is_between_application_and_gateway_does_not_reach_kombo(header: tuple[bytes, bytes]) -> None:
    assert to_kombo([header]) == [(b"accept-encoding", b"identity")]


def test_a_header_that_connection_names_ends_at_the_hop() -> None:
    headers = [(b"connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"x-end", b"2")]
    assert to_kombo(headers)[:-1] == [(b"x-end", b"2")]
    assert to_application(headers) == [(b"x-end", b"2")]


@pytest.mark.parametrize(
    ("accepted", "left"),
    [
        (b"", b"identity"),
        (b"gzip, deflate, br, zstd", b"gzip, deflate"),
        (b"gzip;q=0.5, identity", b"gzip;q=0.5, identity"),
        (b"br", b"identity"),
        (b"*", b"identity"),
    ],
)
def test_kombo_compresses_as_the_application_and_the_gateway_can_read(accepted: bytes, left: bytes) -> None:
    assert accepted_encodings(accepted) == left


def test_an_answer_keeps_all_but_what_is_of_its_connection() -> None:
    answer = [
        (b"Date", b"Sun, 29 Nov 2026 10:00:00 GMT"),
        (b"Content-Type", b"application/json"),
        (b"Content-Encoding", b"gzip"),
        (b"Content-Length", b"20"),
        (b"ratelimit-remaining", b"298"),
        (b"Concurrency-Limit", b"30"),
        (b"Location", b"https://api.kombo.dev/v1/x"),
    ]
    of_connection = [(b"Connection", b"keep-alive"), (b"Keep-Alive", b"timeout=5")]
    assert to_application([*answer, *of_connection]) == answer


def test_a_length_beside_an_encoding_of_the_transfer_is_not_the_bodys() -> None:
    assert to_application([(b"content-length", b"5"), (b"transfer-encoding", b"chunked")]) == []


def test_only_the_gateway_says_whose_an_answer_is() -> None:
    assert to_application([(b"X-Mirror", b"hit"), (b"x-mirror-complete-as-of", b"now")]) == []


def test_a_header_that_is_there_twice_is_no_header() -> None:
    assert sole([(b"X-Integration-Id", b" a ")], b"x-integration-id") == "a"
    assert sole([], b"x-integration-id") is None
    with pytest.raises(UsageError):
        sole([(b"x-integration-id", b"a"), (b"X-Integration-Id", b"b")], b"x-integration-id")


def test_an_answer_with_another_body_says_nothing_of_the_one_that_came() -> None:
    kept = [(b"date", b"Sat, 21 Nov 2026 09:30:15 GMT"), (b"Content-Type", b"application/json")]
    told = [(b"Content-Length", b"7"), (b"content-encoding", b"gzip"), (b"ETag", b'"a"'), (b"Digest", b"x")]
    came = [*kept, *told, (b"Transfer-Encoding", b"chunked")]
    assert of_another_body(came, None) == kept
    assert to_application(of_another_body(came, 12)) == [*kept, (b"content-length", b"12")]


def test_a_header_that_is_there_twice_is_one_list() -> None:
    assert merged([(b"Content-Encoding", b"gzip"), (b"x", b"1"), (b"content-encoding", b"deflate")]) == {
        "content-encoding": "gzip, deflate",
        "x": "1",
    }
