"""What the questions of docs/queries.md are asked of, and with what they are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.queries.mirrored import Answers, QueriedMirror, assert_alike, mirrored
from tests.queries.page import PAGE, Question, read_questions
from tests.support.databases import migrated_database

DIALECTS = ("sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-samples", action="store_true", help="Write the samples of docs/queries.md.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``question``: those that the module has answers to, or all."""
    if "question" in metafunc.fixturenames:
        page = read_questions(PAGE.read_text(encoding="utf-8"))
        wanted = getattr(metafunc.module, "ANSWERS", page)
        known = [page[title] for title in wanted if title in page]
        metafunc.parametrize("question", known, ids=[each.title for each in known])


@pytest.fixture(scope="session")
def questions() -> dict[str, Question]:
    """The page's questions by title."""
    return read_questions(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_template: str
) -> Iterator[Callable[[str], str]]:
    """``new_database(dialect)`` gives the URL of a migrated database that lives as long as the tests do.

    The server is asked for here, so that it outlives them.
    """
    with ExitStack() as made:
        yield lambda dialect: made.enter_context(
            migrated_database(request, dialect, tmp_path_factory.mktemp("queries"))
        )


@pytest.fixture(scope="session")
def _firms(new_database: Callable[[str], str]) -> Iterator[dict[str, QueriedMirror]]:
    with mirrored({each: new_database(each) for each in DIALECTS}, with_large=False) as mirrors:
        yield mirrors


@pytest.fixture(scope="session")
def _mirrors(new_database: Callable[[str], str]) -> Iterator[dict[str, QueriedMirror]]:
    with mirrored({each: new_database(each) for each in DIALECTS}, with_large=True) as mirrors:
        yield mirrors


# Of the session are those of both databases: one at a time would be made anew for each file.


@pytest.fixture(params=DIALECTS)
def firm(request: pytest.FixtureRequest, _firms: dict[str, QueriedMirror]) -> QueriedMirror:
    """The firm alone, mirrored on both databases."""
    return _firms[request.param]


@pytest.fixture(params=DIALECTS)
def mirror(request: pytest.FixtureRequest, _mirrors: dict[str, QueriedMirror]) -> QueriedMirror:
    """The firm and the large company, mirrored on both databases."""
    return _mirrors[request.param]


@pytest.fixture
def check(mirror: QueriedMirror) -> Callable[[Question, Answers], None]:
    """``check(question, answers)`` compares what the database says with what the records say."""

    def check(question: Question, answers: Answers) -> None:
        _, rows = mirror.ask(question)
        expected = answers[question.title](mirror.source, **question.parameters)
        assert_alike(rows, expected)

    return check
