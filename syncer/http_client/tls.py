"""Certificates that are trusted: those built in, or those that SSL_CERT_FILE and SSL_CERT_DIR name."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi

from syncer.domain.errors import UsageError

#: Name under which OpenSSL finds a certificate in a directory.
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


def make_tls_context(environ: Mapping[str, str], *, is_used: bool = True) -> ssl.SSLContext:
    """Make the context of TLS connections. Raises UsageError that names the variable and what it names.

    is_used: False where nothing is to be encrypted; the context trusts nobody then: reading certificates
    takes a while.
    """
    _check_key_log(environ.get("SSLKEYLOGFILE"))
    file, directories = environ.get("SSL_CERT_FILE") or None, environ.get("SSL_CERT_DIR") or None
    if directories is not None:
        _check_directories(directories.split(os.pathsep))
    if file is not None:
        _check_file(file)
    if not is_used:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if file is not None:
        return _trust(file, directories)
    return ssl.create_default_context(cafile=None if directories else certifi.where(), capath=directories)


def _trust(file: str, directories: str | None) -> ssl.SSLContext:
    """Make the context with the certificates of a file, which is read once: that takes a while."""
    try:
        return ssl.create_default_context(cafile=file, capath=directories)
    except ssl.SSLError:
        raise UsageError(f"SSL_CERT_FILE names {file}, which holds no certificates in PEM format.") from None
    except OSError as error:
        raise _unreadable(file, error) from None


def _check_file(file: str) -> None:
    try:
        Path(file).open("rb").close()
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None


def _unreadable(file: str, error: Exception) -> UsageError:
    return UsageError(f"SSL_CERT_FILE names {file}, which cannot be read: {_reason(error)}.")


def _check_directories(directories: list[str]) -> None:
    names: list[str] = []
    for directory in directories:
        try:
            names += os.listdir(directory)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"SSL_CERT_DIR names {directory}, which cannot be read: {_reason(error)}."
            ) from None
    if not any(map(_HASHED.fullmatch, names)):
        shown = os.pathsep.join(directories)
        raise UsageError(
            f"SSL_CERT_DIR names {shown}, which holds no certificate under its hash: "
            f"run `openssl rehash {shown}`."
        )


def _check_key_log(file: str | None) -> None:
    """Check the file into which Python writes the keys of connections, for those who look into them."""
    try:
        if file:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = file
    except (OSError, ValueError) as error:
        raise UsageError(f"SSLKEYLOGFILE names {file}, which cannot be written: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
