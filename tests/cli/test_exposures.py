"""Files with personal data or secrets: made for nobody else, and warned about where they are open."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from syncer.process.private_files import create_private, find_loose, make_private_folder, write_private
from syncer.store.db.database import Database
from syncer.store.schema.migrate import migrate
from tests.support.databases import sqlite_file

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.readers import MakeReader
    from tests.support.source import Source

KEY = "kombo-key-1234"


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """A umask that forbids nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_database_and_its_companions_are_their_owners_alone(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    migrate(database)
    with database.read():
        made = {each.name: mode(each) for each in sqlite_file(sqlite_url).parent.iterdir()}
    database.close()
    assert made == {"mirror.db": 0o600, "mirror.db-wal": 0o600, "mirror.db-shm": 0o600}


def test_a_database_is_not_made_where_a_dangling_link_points(shell: Shell) -> None:
    (shell.directory / "mirror.db").symlink_to(shell.directory / "elsewhere")
    ran = shell.run("migrate", SYNCER_DATABASE__URL="sqlite:///mirror.db")
    assert ran.code == 3
    assert "mirror.db is a link to a file that is not there" in ran.err
    assert not (shell.directory / "elsewhere").exists()


def test_a_written_file_takes_the_place_of_a_link_or_an_open_file(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    with (tmp_path / "old").open() as reader:
        for name in ("old", "link", "new"):
            write_private(tmp_path / name, b"new")
            assert (mode(tmp_path / name), (tmp_path / name).read_bytes()) == (0o600, b"new")
        assert reader.read() == "old"
    assert {each.name for each in tmp_path.iterdir()} == {"old", "link", "new"}
    write_private(Path("/dev/null"), b"new")
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "old")
    with pytest.raises(OSError, match="No such file"):
        write_private(tmp_path / "none" / "new", b"new")


def test_folders_are_made_for_their_owner_and_left_as_they_are_found(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)
    (tmp_path / "a").chmod(0o755)
    make_private_folder(tmp_path / "a")
    assert mode(tmp_path / "a") == 0o755
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_private_folder(tmp_path / "file")


@pytest.mark.parametrize(
    ("bits", "who"), [(0o600, None), (0o400, None), (0o640, "its group"), (0o604, "everybody")]
)
def test_a_file_is_loose_where_others_may_use_it(tmp_path: Path, bits: int, who: str | None) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(bits)
    found = [each.who for each in find_loose([tmp_path / "file", tmp_path / "none"])]
    assert found == ([who] if who else [])


def test_the_output_of_a_call_is_its_owners_alone(mirror: Shell, source: Source) -> None:
    call = ("personio/personnel", "GET", "/company/employees", "--integration", source.integration)
    (mirror.directory / "out.json").write_text("")
    for _ in range(2):
        assert mirror.run("passthrough", *call, "--output", "out.json").code == 0
        assert mode(mirror.directory / "out.json") == 0o600
    (mirror.directory / "link").symlink_to(mirror.directory / "elsewhere")
    ran = mirror.run("passthrough", *call, "--output", "link")
    assert (ran.code, ran.err) == (
        2,
        "Error: Cannot write to link: it is a link; name the file itself.\n",
    )
    assert not (mirror.directory / "elsewhere").exists()
    assert len(source.environment.requests) == 2


def test_the_demo_follows_no_link(shell: Shell) -> None:
    folder = shell.directory / "demo"
    make_private_folder(folder)
    (folder / "config.toml").symlink_to(shell.directory / "elsewhere")
    ran = shell.run("demo", "--directory", str(folder))
    assert (ran.code, "has links in it" in ran.err) == (2, True)
    assert not (shell.directory / "elsewhere").exists()


# --- what is there already


def test_check_and_the_service_warn_of_a_configuration_with_a_key_and_a_database_that_are_open(
    mirror: Shell, source: Source
) -> None:
    file = sqlite_file(mirror.settings["SYNCER_DATABASE__URL"])
    config = mirror.directory / "config.toml"
    config.write_text(f"[kombo]\napi_key = '{KEY}'\n")
    config.chmod(0o666)
    file.chmod(0o640)
    ran = mirror.run("check")
    assert ran.code == 0
    warned = [line for line in ran.out.splitlines() if line.startswith("warning ")]
    assert warned == [
        f"warning secrets: {config} is open to everybody (mode 0666): run `chmod 600 {config}`",
        f"warning database: {file} is open to its group (mode 0640): "
        f"run `chmod 600 {file} {file}-wal {file}-shm`",
    ]
    told = mirror.run("check", "--json").json
    assert told["is_well"]
    assert [each["subject"] for each in told["findings"] if each["is_warning"]] == ["secrets", "database"]
    service = mirror.start("run", SYNCER_WEB__PORT="0", SYNCER_LOG__FORMAT="json")
    assert service.stderr is not None
    subjects: list[str] = []
    while len(subjects) < 2:
        event = json.loads(service.stderr.readline())
        subjects += [event["subject"]] if event["event"] == "exposure_found" else []
    service.terminate()
    service.communicate()
    assert subjects == ["secrets", "database"]
    for each in (config, file):
        each.chmod(0o600)
    assert "warning" not in mirror.run("check").out


def test_check_warns_of_an_address_beyond_this_host_that_is_not_encrypted(mirror: Shell) -> None:
    ran = mirror.run("check", SYNCER_KOMBO__BASE_URL="http://api.kombo.invalid/v1")
    assert "warning kombo: the key and all records cross the network as plain text" in ran.out
    assert "warning" not in mirror.run("check").out


def test_check_warns_of_a_superuser(mirror: Shell, postgres_url: str) -> None:
    ran = mirror.run("check", SYNCER_DATABASE__URL=postgres_url)
    assert ran.code == 0
    assert (
        "warning database: the role of database.url is a superuser: give syncer a role of its own" in ran.out
    )


def test_check_warns_of_a_role_whose_rights_are_not_todays(
    mirror: Shell, postgres_url: str, make_reader: MakeReader
) -> None:
    settings = {"SYNCER_DATABASE__URL": postgres_url}
    database = Database(postgres_url)
    migrate(database)
    reader = make_reader(database)
    grant = ("migrate", "--grant-read", reader.name, "--without-sensitive")
    assert mirror.run(*grant, **settings).code == 0
    assert "warning grants" not in mirror.run("check", **settings).out
    with database.begin() as connection:
        connection.exec_driver_sql(f"GRANT SELECT (avatar) ON hris_employees TO {reader.name}")
    database.close()
    ran = mirror.run("check", **settings)
    assert ran.code == 0
    assert (
        f"warning grants: role '{reader.name}' could still read hris_employees.avatar, by what was granted "
        f"to it or to PUBLIC; run `syncer {' '.join(grant)}` again\n" in ran.out
    )


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        (f"[kombo]\napi_key = '{KEY}'", True),
        ("[database]\nurl = 'postgresql://syncer:hidden@db/mirror'", True),
        ("[database]\nurl = 'postgresql://syncer@db/mirror?password=hidden'", True),
        ("[database]\nurl = 'postgresql://syncer@db/mirror'", False),
        ("[web]\ntoken = 'hidden'", True),
        (
            "[[passthrough]]\nname = 'absences'\ntool = 'hibob/v1'\nintegrations = ['*']\n"
            "records = 'data'\nkey = ['id']\n[passthrough.request]\n"
            "path = '/x'\nheaders = {'X-Token' = 'hidden-1234'}",
            True,
        ),
        ("[sync]\nevery = '1h'", False),
    ],
)
def test_a_configuration_is_a_secret_where_it_holds_one(shell: Shell, text: str, is_secret: bool) -> None:
    from syncer.config.loading import load_settings

    path = shell.directory / "config.toml"
    path.write_text(text)
    key = {"SYNCER_KOMBO__API_KEY": "another-key", "SYNCER_DATABASE__URL": "sqlite:///own.db"}
    assert load_settings(path, environ=key, secrets=Path("/none")).secret_files == (
        (path,) if is_secret else ()
    )


def test_a_file_that_a_setting_names_is_a_secret_unless_it_is_mounted(shell: Shell) -> None:
    from syncer.config.loading import load_settings

    path, mounted = shell.directory / "config.toml", shell.directory / "mounted"
    mounted.mkdir()
    for file in (shell.directory / "key", mounted / "hook"):
        file.write_text(KEY)
    path.write_text("[kombo]\napi_key_file = 'key'\n[web]\ntoken_file = 'mounted/hook'\n")
    settings = load_settings(path, environ={}, secrets=mounted)
    assert settings.secret_files == (shell.directory / "key",)
