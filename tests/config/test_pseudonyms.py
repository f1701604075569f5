"""Pseudonyms in the configuration: what names a member, and the file with the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.loads import Load, refusal

KEY = "0123456789abcdef" * 2
MAKES = "`(umask 077; openssl rand -hex 32 > FILE)` makes one"
LIST = """
[[passthrough]]
name = "mine"
tool = "hibob/v1"
request = {path = "/people"}
records = "employees"
key = ["id"]
columns = {born = {type = "date", path = "personal.birth"}, title = "text"}
"""


def privacy(*members: str, file: str | None = "key") -> str:
    named = "" if file is None else f"pseudonym_key_file = '{file}'\n"
    return f"[privacy]\npseudonymise = {list(members)}\n{named}"


@pytest.fixture
def load(load: Load, tmp_path: Path) -> Load:
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "short").write_text("guess-me")
    return load


def test_a_member_is_replaced_by_pseudonyms_of_the_key_in_the_file(load: Load) -> None:
    settings = load(privacy("*.work_email", "mine.email") + LIST)
    found = {str(each).partition("=")[0]: each.pseudonyms for each in settings.exclusions}
    assert set(found) == {"*.work_email", "mine.email"}
    assert {each and each.secret for each in found.values()} == {KEY.encode()}


def test_the_key_is_a_secret(load: Load, tmp_path: Path) -> None:
    settings = load(privacy("*.work_email"))
    assert KEY in settings.secrets()
    assert KEY not in f"{settings!r} {settings.exclusions!r}"
    assert tmp_path / "key" in settings.secret_files


def test_a_key_may_be_there_before_it_is_used(load: Load) -> None:
    assert load("[privacy]\npseudonym_key_file = 'key'\n").exclusions == frozenset()


def test_what_is_excluded_goes_before(load: Load) -> None:
    settings = load("[privacy]\nexclude = ['*.work_email']\n" + privacy("*.work_email").split("\n", 1)[1])
    assert [each.pseudonyms for each in settings.exclusions] == [None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            privacy("*.work_email", file=None),
            f"privacy.pseudonymise needs a key: name a file that holds one in pseudonym_key_file; {MAKES}.",
        ),
        (
            privacy("*.work_email", file="gone"),
            "privacy.pseudonym_key_file cannot be read in",
        ),
        (privacy("*.work_email", file="gone"), MAKES),
        (
            privacy("*.work_email", file="short"),
            f"privacy.pseudonym_key_file should hold 32 characters or more that nobody guesses; {MAKES}.",
        ),
        (
            privacy("hris_employees.date_of_birth"),
            "privacy.pseudonymise[0]: 'hris_employees.date_of_birth' cannot be pseudonymised:"
            " hris_employees.date_of_birth is a date, and only texts can be. Exclude it instead.",
        ),
        (
            privacy("hris_employees.id"),
            "privacy.pseudonymise[0]: The mirror keeps its rows by id: 'hris_employees.id' cannot be"
            " pseudonymised.",
        ),
        (
            privacy("mine.id") + LIST,
            "privacy.pseudonymise[0]: 'mine.id' keeps out what the native list mine makes its keys or",
        ),
        (
            privacy("mine.personal.birth") + LIST,
            "privacy.pseudonymise[0]: 'mine.personal.birth' cannot be pseudonymised: the column born of the"
            " native list mine is made of it, and has the type date. Exclude it instead.",
        ),
        (
            privacy("hris_employees.work_email")
            + LIST.replace('key = ["id"]', 'key = ["for_each.email"]').replace(
                "records =", 'for_each = {table = "hris_employees_live", param = "email", column ='
                ' "work_email"}\nrecords ='
            ),
            "'hris_employees.work_email' keeps out hris_employees.work_email, and the native list mine asks",
        ),
        (
            privacy("*.work_email") + "[sync.model.hris_employees.filters]\nwork_emails = ['ann@firm']\n",
            "privacy: '*.work_email' cannot be pseudonymised: the filter work_emails of"
            " sync.model.hris_employees names its values, and is kept in the database."
            " Leave out one of them.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_to_do(load: Load, text: str, message: str) -> None:
    found = refusal(load, text)
    assert message in found
    assert "ann@firm" not in found
    assert "guess-me" not in found
