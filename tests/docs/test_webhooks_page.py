"""docs/webhooks.md: its commands are executed, between the fake Kombo that it starts and a service."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from syncer.config.web import Web
from syncer.daemon.web import webhooks
from syncer.store.db.database import Database
from tests.support.processes import SYNCER
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.command_line import Shell

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "webhooks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL)
#: The port of the page's addresses.
PORT = str(Web().port)


def lines_until(words: str, program: subprocess.Popen[str]) -> list[str]:
    """Read a program's output up to a line with these words."""
    assert program.stdout is not None
    lines: list[str] = []
    while not lines or words not in lines[-1]:
        line = program.stdout.readline()
        assert line, (lines, program.communicate())
        lines.append(line.rstrip("\n"))
    return lines


def test_the_fake_kombo_tells_a_service_of_changes_and_webhooks_by_hand_are_answered_as_the_page_says(
    shell: Shell,
) -> None:
    simulate, by_hand = BLOCKS
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    assert f":{PORT}{webhooks.PATH}" in simulate
    command = shlex.split(simulate.removeprefix("$ syncer ").replace(PORT, port))
    simulator = shell.start(*command, "--port", "0")
    introduction = lines_until("Ctrl-C ends it", simulator)
    exports = [shlex.split(line)[1] for line in introduction if line.strip().startswith("export ")]
    assert introduction[-3].endswith("syncer run")
    shell.settings = dict(each.split("=", 1) for each in exports)
    shell.settings |= {"SYNCER_WEB__PORT": port, "SYNCER_SYNC__MODELS": '["hris_*"]'}
    service = shell.start("run")
    assert service.stderr is not None
    lines_until(": 200 in ", simulator)

    typed = "\n".join(line[2:] for line in by_hand.splitlines() if line.startswith("$ "))
    answers = [line for line in by_hand.splitlines() if not line.startswith("$ ")]
    path = f"{Path(sys.executable).parent}:{Path(SYNCER[0]).parent}"
    done = subprocess.run(
        ["sh", "-ec", f"PATH={path}:$PATH\n{typed.replace(PORT, port)}"],
        cwd=shell.directory,
        env=shell.environ(),
        capture_output=True,
        text=True,
    )
    assert (done.stdout.split(), done.stderr) == (answers, "")
    database = Database(f"sqlite:///{shell.directory / 'simulated.db'}")

    def came() -> object:
        with database.read() as connection:
            return connection.execute(
                text(
                    "SELECT count(*) FROM sync_webhook_events"
                    " WHERE id = 'by-hand-1' AND outcome = 'accepted' AND handled_at IS NOT NULL"
                )
            ).scalar()

    until(came, "the news that the webhook by hand told of")
    database.close()
    for program in (service, simulator):
        program.send_signal(signal.SIGINT)
        program.communicate()
        assert program.returncode == 0


def test_the_proxies_pass_on_the_one_path_and_bodies_of_its_size() -> None:
    (nginx,) = re.findall(r"```nginx\n(.*?)```", PAGE, flags=re.DOTALL)
    (caddy,) = re.findall(r"```caddy\n(.*?)```", PAGE, flags=re.DOTALL)
    assert re.findall(r"location (.*) {", nginx) == [f"= {webhooks.PATH}", "/"]
    assert re.findall(r"handle (.*) {", caddy) == [webhooks.PATH]
    assert webhooks.MOST_BYTES == 1024 * 1024
    assert "client_max_body_size 1m;" in nginx
    assert "max_size 1MiB" in caddy
    for proxy in (nginx, caddy):
        assert f"127.0.0.1:{PORT}" in proxy
