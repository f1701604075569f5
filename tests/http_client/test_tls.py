"""Certificates that are trusted, by the variables that name them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from syncer.domain.errors import UsageError
from syncer.http_client.tls import make_tls_context


def test_without_variables_those_built_in_are_trusted() -> None:
    built_in = make_tls_context({"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""})
    assert len(built_in.get_ca_certs()) > 50
    assert built_in.verify_mode is ssl.CERT_REQUIRED
    assert built_in.check_hostname


def test_a_file_is_trusted_in_their_place(authority_file: Path) -> None:
    assert len(make_tls_context({"SSL_CERT_FILE": str(authority_file)}).get_ca_certs()) == 1


def test_a_directory_is_searched_by_hashes(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "0123abcd.0")
    assert make_tls_context({"SSL_CERT_DIR": str(tmp_path)}).get_ca_certs() == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"])
@pytest.mark.parametrize("kind", ["missing", "wrong", "not text"])
def test_what_cannot_be_used_is_refused_by_the_name_of_its_variable(
    variable: str, kind: str, tmp_path: Path
) -> None:
    named = {"missing": tmp_path / "nowhere" / "file", "not text": Path("a\0b")}.get(kind)
    if named is None:
        named = tmp_path if variable != "SSL_CERT_FILE" else tmp_path / "empty.pem"
        (tmp_path / "empty.pem").touch()
    with pytest.raises(UsageError, match=rf"^{variable} names .*, which .*\.$"):
        make_tls_context({variable: str(named)})


def test_where_nothing_is_encrypted_the_variables_are_checked_and_nobody_is_trusted(
    authority_file: Path,
) -> None:
    context = make_tls_context({"SSL_CERT_FILE": str(authority_file)}, is_used=False)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.get_ca_certs() == []
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        make_tls_context({"SSL_CERT_FILE": "/nowhere/ca.pem"}, is_used=False)
