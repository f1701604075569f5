"""docs/changes.md: what it says to type ends with copies that equal the mirror, while everything changes."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import Connection, text

from syncer.simulator.company.company import Company
from syncer.store.db.database import Database
from syncer.store.reading.changes import feed_state
from tests.support.environment import without_settings
from tests.support.processes import Serve, Service
from tests.support.source import make_environment
from tests.support.tools import path_of
from tests.support.waiting import PATIENCE, until

if TYPE_CHECKING:
    from tests.support.command_line import Shell

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "changes.md").read_text(encoding="utf-8")
EMPLOYEES = "hris_employees"
#: What the page says where the service is.
ADDRESS = "http://127.0.0.1:8484"
FIELDS = "id, first_name, last_name, work_email"

Person = tuple[Any, ...]


def block(language: str, words: str) -> str:
    """The block of the page in a language that has these words."""
    [found] = [each for each in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if words in each]
    return str(found)


def commands(words: str) -> list[str]:
    return [line.removeprefix("$ ") for line in block("console", words).splitlines()]


@dataclass
class Reader:
    """Somebody who follows the page next to a service, in a company whose people change all the time."""

    shell: Shell
    database: Database
    company: Company
    url: str

    def write(self, name: str, text: str) -> None:
        (self.shell.directory / name).write_text(text.replace(ADDRESS, self.url), encoding="utf-8")

    def do(self, command: str) -> None:
        """Do what the page says to type; nothing of it fails."""
        name, *arguments = shlex.split(command.partition(" > ")[0])
        if name == "syncer":
            ran = self.shell.run(*arguments)
            assert ran.code == 0, ran.err
            if target := command.partition(" > ")[2]:
                (self.shell.directory / target).write_text(ran.out, encoding="utf-8")
        else:
            assert name == "python3"
            subprocess.run([sys.executable, *arguments], cwd=self.shell.directory, check=True)

    @contextmanager
    def running(self, *command: str) -> Iterator[None]:
        """Run a program next to the block; in the end it is killed."""
        with subprocess.Popen(command, cwd=self.shell.directory, env=without_settings()) as process:
            try:
                yield
            finally:
                process.kill()

    def people(self) -> set[Person]:
        """What the mirror says."""
        with self.database.read() as connection:
            return {tuple(row) for row in connection.execute(text(f"SELECT {FIELDS} FROM {EMPLOYEES}_live"))}

    def newest(self) -> int:
        with self.database.read() as connection:
            return feed_state(connection).newest

    def position(self, consumer: str) -> int:
        with self.database.read() as connection:
            asked = text("SELECT sequence FROM sync_consumers WHERE name = :name")
            return int(connection.execute(asked, {"name": consumer}).scalar_one())

    def is_at_end(self, consumer: str) -> bool:
        return self.position(consumer) == self.newest()

    def wait_beyond(self, sequence: int, consumer: str) -> None:
        until(lambda: self.position(consumer) > sequence, f"{consumer} gets on")

    def change(self, rng: Random) -> None:
        """Change somebody: as many come back as leave, however long it goes on."""
        name = rng.choice(self.company.ids(EMPLOYEES, include_deleted=True))
        is_live = name in self.company.ids(EMPLOYEES)
        match rng.randrange(4):
            case 0 if is_live:
                self.company.delete(EMPLOYEES, name)
            case 0 | 1 if not is_live:
                self.company.restore(EMPLOYEES, name)
            case _ if is_live:
                self.company.update(EMPLOYEES, name, first_name=f"Ü {rng.random()}")

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change people and what they belong to, a few times a second, while the block runs."""
        stopped, rng = threading.Event(), Random(3)

        def change() -> None:
            while not stopped.wait(0.05):
                # The simulator's thread reads, and settles, the same lists: some changes do not come about.
                with suppress(RuntimeError, KeyError):
                    self.change(rng)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()


@pytest.fixture
def reader(serve: Serve, shell: Shell, migrated_url: str, database: Database) -> Reader:
    """The page's configuration, and a service that syncs every second."""
    source = serve(make_environment(records=400))
    (shell.directory / "config.toml").write_text(block("toml", "[changes]"), encoding="utf-8")
    shell.settings = {
        **source.settings(migrated_url),
        "SYNCER_SYNC__MODELS": json.dumps([EMPLOYEES, "hris_groups"]),
        "SYNCER_SYNC__EVERY": "1s",
    }
    source.directory = shell.directory
    service: Service = source.start_program((sys.executable, "-m", "syncer", "run"), shell.settings)
    url = str(service.wait_for("pages_served")["url"]).removesuffix("/")
    [company] = source.environment.companies.values()
    made = Reader(shell, database, company, url)
    until(lambda: made.people(), "the service has read some people")
    return made


def test_copies_in_python_and_sql_that_were_begun_under_load_equal_the_mirror(reader: Reader) -> None:
    reader.write("load.py", block("python", "# load.py"))
    reader.write("follow.py", block("python", "# follow.py"))
    begin, update, lost = (block("sql", words) for words in ("CREATE TABLE", "DELETE FROM", "AS lost"))
    *steps, follow = commands("syncer changes ack people newest")
    assert follow == "python3 follow.py"
    with reader.changing():
        first, *others = steps
        reader.do(first)
        before = reader.newest()
        in_one_transaction(reader.database, begin)
        until(lambda: reader.newest() > before, "something changes before the tables are read")
        for each in others:
            reader.do(each)
        for _ in range(3):
            # Killed at any moment it goes on where it was.
            with reader.running(sys.executable, "follow.py"):
                reader.wait_beyond(reader.position("people"), "people")
            in_one_transaction(reader.database, update)

    def copied() -> set[Person]:
        with sqlite3.connect(reader.shell.directory / "people.db") as copy:
            return set(copy.execute(f"SELECT {FIELDS} FROM people"))

    with reader.running(sys.executable, "follow.py"):
        until(
            lambda: reader.is_at_end("people") and copied() == reader.people(), "the copy equals the mirror"
        )
    with reader.database.begin() as connection:
        for statement in statements(update):
            connection.execute(text(statement))
        assert people_of(connection, "people") == people_of(connection, f"{EMPLOYEES}_live")
        assert not connection.execute(text(lost)).scalar_one()


def statements(sql: str) -> list[str]:
    return [each for each in sql.split(";") if each.strip()]


def people_of(connection: Connection, table: str) -> set[Person]:
    return {tuple(row) for row in connection.execute(text(f"SELECT {FIELDS} FROM {table}"))}


def in_one_transaction(database: Database, sql: str) -> None:
    """Run statements as the page says; SQLite's transactions are such by themselves."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            for statement in statements(sql):
                connection.execute(text(statement))


@pytest.mark.tool("tsc")
@pytest.mark.tool("node")
@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_the_consumer_in_typescript_compiles_and_its_copy_equals_the_mirror(reader: Reader) -> None:
    tsc, node = path_of("tsc"), path_of("node")
    assert tsc is not None
    assert node is not None
    reader.write("follow.ts", block("typescript", "// follow.ts"))
    (reader.shell.directory / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    options = [
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--types",
        "node",
        "--typeRoots",
    ]
    types = Path(tsc).parents[1] / "@types"
    subprocess.run([tsc, *options, types, "follow.ts"], cwd=reader.shell.directory, check=True)

    def copied() -> set[Person]:
        lines = (reader.shell.directory / "people.jsonl").read_text(encoding="utf-8").split("\n")
        people = (json.loads(line) for line in lines if line)
        return {tuple(each.get(name) for name in FIELDS.split(", ")) for each in people}

    with ExitStack() as running:
        with reader.changing():
            reader.do("syncer changes ack people-ts newest")
            [query] = [each for each in commands("syncer changes ack people newest") if "jsonl >" in each]
            reader.do(query)
            running.enter_context(reader.running(node, "follow.js"))
            reader.wait_beyond(reader.position("people-ts"), "people-ts")
        until(
            lambda: reader.is_at_end("people-ts") and copied() == reader.people(),
            "the copy equals the mirror",
        )


def test_every_other_command_and_request_of_the_page_works(reader: Reader) -> None:
    for words in ("--limit 20", "ack nightly 0"):
        for command in commands(words):
            reader.do(command)
    example = json.loads(block("json", "4711"))
    with httpx.Client(base_url=reader.url, timeout=PATIENCE) as client:
        [told] = client.get("/changes?limit=1").json()["changes"]
        assert told.keys() == example.keys()
        # Numbers of the page are of a feed that is further.
        newest = reader.newest()
        rows = re.findall(r"^\| `(GET|POST) (/changes\S*)`(.*?) \|", PAGE, re.MULTILINE)
        assert len(rows) == 5
        for method, path, more in rows:
            path = re.sub(r"after=\d+", f"after={newest}", path)
            if "text/event-stream" in more:
                with client.stream(method, path, headers={"Accept": "text/event-stream"}) as answer:
                    assert next(answer.iter_lines()).startswith("id: ")
            else:
                assert client.request(method, path).status_code == 200, path
