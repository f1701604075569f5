"""``webhook sign``: the header over exactly the bytes of a file, by the secret that is configured."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from syncer.domain.webhooks.signature import sign
from tests.support.processes import SYNCER

if TYPE_CHECKING:
    from tests.support.command_line import Shell

#: Kombo's own example.
BODY = b'{"id":"e1","type":"data-changed","data":{}}'
HEADER = "X-Kombo-Signature: 5T4ywFPJJ0lX58a9_VKYZZak1SCkbq5YEdEyZRF9S5Q\n"
SECRET = "whsec_test"


def test_a_file_is_signed_byte_by_byte_with_the_first_secret_of_the_configuration(shell: Shell) -> None:
    shell.settings = {"SYNCER_WEBHOOKS__SECRETS": f'["{SECRET}", "another secret"]'}
    (shell.directory / "event.json").write_bytes(BODY)
    ran = shell.run("webhook", "sign", "event.json")
    assert (ran.code, ran.out, ran.err) == (0, HEADER, "")
    # Other bytes, although the same JSON.
    raw = BODY + b"\r\n\xff"
    (shell.directory / "event.json").write_bytes(raw)
    assert shell.run("webhook", "sign", "event.json").out == f"X-Kombo-Signature: {sign(raw, SECRET)}\n"


def test_standard_input_is_signed_as_it_comes_with_a_secret_from_a_file(shell: Shell) -> None:
    # A configuration that cannot be read is none of its business.
    (shell.directory / "config.toml").write_text("nonsense")
    (shell.directory / "secret").write_text(f"{SECRET}\n")
    for given in ([], ["-"]):
        done = subprocess.run(
            [*SYNCER, "webhook", "sign", *given, "--secret-file", "secret"],
            cwd=shell.directory,
            env=shell.environ(),
            input=BODY,
            capture_output=True,
        )
        assert (done.returncode, done.stdout.decode(), done.stderr) == (0, HEADER, b"")


def test_without_a_secret_it_says_where_one_goes(shell: Shell) -> None:
    (shell.directory / "event.json").write_bytes(BODY)
    ran = shell.run("webhook", "sign", "event.json")
    assert (ran.code, ran.out) == (2, "")
    assert "webhooks.secrets" in ran.err
    (shell.directory / "empty").write_text("\n")
    ran = shell.run("webhook", "sign", "event.json", "--secret-file", "empty")
    assert (ran.code, "empty" in ran.err) == (2, True)
    assert shell.run("webhook", "sign", "nothing.json").code == 2
