"""docs/verify.md: the digest of its scripts, made of the API alone, is that of the certificate."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.verification.difference import Apart, Difference, Verdict
from syncer.simulator.server.serve import running_in_thread
from tests.support.pages import DOCS, blocks, text_of
from tests.support.source import Source, make_environment

if TYPE_CHECKING:
    from tests.support.command_line import Shell

PAGE = DOCS / "verify.md"
DIGEST, WITHOUT, REPLACED = blocks(PAGE, "python")
[CERTIFICATE] = blocks(PAGE, "json")


def members(value: Any) -> Any:
    """The names of all members of a JSON value, without its values."""
    if isinstance(value, dict):
        return {name: members(each) for name, each in value.items() if name not in ("kombo", "examples")}
    return [members(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None


@pytest.fixture
def source() -> Iterator[Source]:
    """One company, some lists of which take several pages."""
    environment = make_environment(records=2_000)
    with running_in_thread(environment) as base_url:
        yield Source(environment, base_url)


def test_the_scripts_print_the_digests_of_the_certificate(
    shell: Shell, source: Source, migrated_url: str
) -> None:
    excluded = ["hris_employees.first_name", "hris_groups.name", "*.remote_data"]
    replaced = ["*.work_email", "hris_employees.last_name", "hris_employees.home_address.city"]
    key = shell.directory / "pseudonym.key"
    key.write_text("k" * 32)
    for exclude, pseudonymise in (([], []), (excluded, replaced)):
        shell.settings = {
            **source.settings(migrated_url),
            "SYNCER_PRIVACY__EXCLUDE": json.dumps(exclude),
            "SYNCER_PRIVACY__PSEUDONYMISE": json.dumps(pseudonymise),
            "SYNCER_PRIVACY__PSEUDONYM_KEY_FILE": str(key),
        }
        assert shell.run("sync").code == 0
        done = shell.run("verify", "--certificate", "certificate.json")
        assert done.code == 0
        certificate = json.loads((shell.directory / "certificate.json").read_text(encoding="utf-8"))
        streams = certificate["streams"]
        assert members({**certificate, "streams": streams[:1]}) == members(json.loads(CERTIFICATE))
        for stream in streams:
            script, _, rest = DIGEST.partition("texts =")
            assert bool(stream["excluded"]) <= bool(exclude)
            assert bool(stream["pseudonymised"]) <= bool(pseudonymise)
            path = model_named(stream["model"]).path
            printed = subprocess.run(
                [
                    *(sys.executable, "-c", f"{script}{WITHOUT}{REPLACED}texts ={rest}"),
                    *(f"{source.base_url}{path}", stream["integration"], *stream["excluded"]),
                ],
                env={
                    "KEY": source.environment.api_key,
                    "PSEUDONYM_KEY_FILE": str(key),
                    "PSEUDONYMISED": " ".join(stream["pseudonymised"]),
                },
                capture_output=True,
                encoding="utf-8",
                check=True,
            ).stdout
            assert stream["mirror_digest"] == stream["digest"]
            assert printed.split() == [str(stream["source"]["live"]), stream["digest"]]


def test_the_page_names_every_kind_and_verdict() -> None:
    text = text_of(PAGE)
    for each in (*Difference, *Apart, *Verdict):
        assert f"`{each.value}`" in text, each
