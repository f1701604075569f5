"""docs/deliveries.md: its configuration loads, its commands run, and its receivers verify what comes."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from syncer.config.loading import load_settings
from syncer.domain.deliveries.delivery import Delivery
from syncer.domain.deliveries.message import Message, MessageType, changed_message, lost_message, sign
from syncer.domain.feed.feed_change import FeedChange, Lost
from syncer.http_client.receiver import Receiver
from tests.support.receivers import SECRET
from tests.support.records import NOW
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.command_line import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "deliveries.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


[TOML], [SHOWN], [PYTHON], [NODE] = map(blocks, ("toml", "json", "python", "js"))
COMMANDS = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
PROGRAMS = {"receiver.py": (PYTHON, sys.executable), "receiver.mjs": (NODE, "node")}
DELIVERY = Delivery("billing", "http://app.test/", SECRET, frozenset({"hris_groups"}))


def change(sequence: int) -> FeedChange:
    return FeedChange(sequence, NOW, "default", "tool:one", "hris_groups", f"r{sequence}", "created", None)


def changed(*sequences: int, nonce: str = "n") -> Message:
    first, last = sequences[0], sequences[-1]
    return changed_message(DELIVERY, nonce, list(map(change, sequences)), after=first - 1, until=last)


@dataclass
class Running:
    """A receiver of the page under way. output: the file that it prints to."""

    url: str
    output: Path

    async def post(self, message: Message, *, secret: str = SECRET, age: float = 0.0) -> int | None:
        at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - age, UTC)
        async with Receiver(self.url, version="1", environ={}) as receiver:
            return (await receiver.post(message.body, sign(message, secret, at))).status

    @property
    def lines(self) -> list[str]:
        return self.output.read_text(encoding="utf-8").splitlines()


@contextmanager
def running(name: str, directory: Path) -> Iterator[Running]:
    """Run a receiver of the page on a port of its own."""
    text, program = PROGRAMS[name]
    (directory / name).write_text(text, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    output = directory / "output"
    environ = {**os.environ, "PORT": str(port), "WEBHOOK_SECRET": SECRET}
    with (
        output.open("w") as out,
        (directory / "errors").open("w") as errors,
        subprocess.Popen([program, name], cwd=directory, env=environ, stdout=out, stderr=errors) as receiver,
    ):
        try:

            def listens() -> bool:
                assert receiver.poll() is None, (directory / "errors").read_text()
                with socket.socket() as client:
                    return client.connect_ex(("127.0.0.1", port)) == 0

            until(listens, name)
            yield Running(f"http://127.0.0.1:{port}/hooks/mirror", output)
        finally:
            receiver.kill()


@pytest.mark.parametrize(
    "name", ["receiver.py", pytest.param("receiver.mjs", marks=pytest.mark.tool("node"))]
)
async def test_a_receiver_takes_each_change_once_and_nothing_that_is_forged(
    name: str, tmp_path: Path
) -> None:
    with running(name, tmp_path) as receiver:
        other = "whsec_" + "x" * 32
        assert await receiver.post(changed(1, 2), secret=other) == 401
        assert await receiver.post(changed(1, 2), age=3600) == 401
        assert await receiver.post(replace(changed(1), body="{}"), secret=other) == 401
        assert receiver.lines == []
        assert [await receiver.post(changed(1, 2)) for _ in range(2)] == [204, 204]
        assert await receiver.post(changed(2, 3)) == 204
        assert await receiver.post(lost_message(DELIVERY, Lost(3, 9), "2026-03-01T12:00:00Z")) == 204
        assert await receiver.post(changed(9)) == 204
        until(lambda: len(receiver.lines) == 5, "all of its lines")
    created = [f"created hris_groups r{number}" for number in (1, 2, 3, 9)]
    assert receiver.lines == [*created[:3], "copy the tables anew", created[3]]


def test_the_commands_run_on_the_configuration_of_the_page(
    shell: Shell, sqlite_url: str, tmp_path: Path
) -> None:
    assert COMMANDS[0].startswith('echo "whsec_')
    subprocess.run(COMMANDS[0], shell=True, check=True, cwd=shell.directory)
    made = (shell.directory / "billing.secret").read_text().strip()
    with running("receiver.py", tmp_path) as receiver:
        config = shell.directory / "config.toml"
        config.write_text(TOML.replace("https://app.example.com/hooks/mirror", receiver.url), "utf-8")
        [delivery] = load_settings(config, environ={}).delivered
        assert (delivery.secret, delivery.documents) == (made, True)
        (shell.directory / "billing.secret").write_text(SECRET)
        shell.settings = {"SYNCER_DATABASE__URL": sqlite_url, "SYNCER_KOMBO__API_KEY": "key"}
        assert shell.run("migrate").code == 0
        for command in COMMANDS[1:]:
            program, *arguments = shlex.split(command)
            ran = shell.run(*arguments)
            assert (program, ran.code, ran.err) == ("syncer", 0, "")


def test_the_message_that_is_shown_has_the_shape_of_one() -> None:
    shown, made = json.loads(SHOWN), json.loads(changed(1207).body)
    assert (shown.keys(), shown["data"].keys()) == (made.keys(), made["data"].keys())
    assert shown["data"]["changes"][0].keys() == made["data"]["changes"][0].keys()


def test_every_type_of_message_is_in_the_table() -> None:
    assert re.findall(r"^\| `(mirror\.\w+)` \|", PAGE, flags=re.MULTILINE) == list(MessageType)
