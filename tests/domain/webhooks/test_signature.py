"""The signature of webhooks: Kombo's form of it, and no other."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from syncer.domain.webhooks.signature import is_signed, sign

BODY = b'{"id":"e1","type":"data-changed","data":{}}'
SIGNATURE = "5T4ywFPJJ0lX58a9_VKYZZak1SCkbq5YEdEyZRF9S5Q"
DIGEST = hmac.new(b"whsec_test", BODY, hashlib.sha256).digest()


def test_a_body_is_signed_as_kombo_signs_it() -> None:
    assert sign(BODY, "whsec_test") == SIGNATURE
    assert is_signed(BODY, SIGNATURE, ["whsec_test"])


def test_the_secret_is_text_and_not_what_it_encodes() -> None:
    key = "sécret ✓"
    expected = hmac.new(key.encode(), BODY, hashlib.sha256).digest()
    assert sign(BODY, key) == base64.urlsafe_b64encode(expected).decode().rstrip("=")


def test_each_of_several_secrets_signs() -> None:
    secrets = ["whsec_new", "whsec_test"]
    assert is_signed(BODY, sign(BODY, "whsec_new"), secrets)
    assert is_signed(BODY, SIGNATURE, secrets)
    assert not is_signed(BODY, sign(BODY, "whsec_gone"), secrets)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        SIGNATURE + "=",
        f" {SIGNATURE}",
        f"{SIGNATURE}\n",
        SIGNATURE[:-1],
        SIGNATURE.swapcase(),
        "sha256=" + SIGNATURE,
        DIGEST.hex(),
        base64.b64encode(DIGEST).decode(),
        base64.b64encode(DIGEST).decode().rstrip("="),
        DIGEST.decode("latin-1"),
        "\udcff",
    ],
)
def test_another_form_of_the_signature_is_none(signature: str | None) -> None:
    assert not is_signed(BODY, signature, ["whsec_test"])


def test_another_body_is_not_signed() -> None:
    assert not is_signed(BODY.replace(b"e1", b"e2"), SIGNATURE, ["whsec_test"])
    assert not is_signed(BODY + b"\n", SIGNATURE, ["whsec_test"])


def test_without_secrets_nothing_is_signed() -> None:
    assert not is_signed(BODY, SIGNATURE, [])
    assert not is_signed(BODY, "", [])
