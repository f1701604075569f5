"""docs/queries.md: every statement runs on both databases, and the samples are its answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import UsageError
from syncer.store.schema.classification import classes
from tests.queries.mirrored import QueriedMirror
from tests.queries.page import Question

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "queries.md"
#: A sample shows so many rows, and one of dots where there are more.
SAMPLE_ROWS = 8

ABOUT_DELETED_ROWS = {
    "Who has no manager, or one who is gone?",
    "Who left in the last 30 days?",
    "What has disappeared in the last week, and who found out?",
    "Which employees have changed today?",
    "Who had which manager before?",
}
#: Table -> names of its sensitive columns.
SENSITIVE = {
    table: [name for name, privacy in columns.items() if privacy.is_sensitive]
    for table, columns in classes().items()
}


def test_a_question_is_written_as_people_ask_it_and_says_why_the_answer_is_right(question: Question) -> None:
    assert question.title.endswith("?")
    assert question.prose.count(". ") + question.prose.count(".\n") >= 1, "at least two sentences"
    assert set(question.sql) == {"sqlite", "postgresql"}


def test_there_are_at_least_twenty_questions_and_a_test_of_answers_for_every_section(
    questions: dict[str, Question],
) -> None:
    assert len(questions) >= 20
    files = {f"test_{each.section.lower().replace(' ', '_')}.py" for each in questions.values()}
    assert files <= {each.name for each in HERE.glob("test_*.py")}


def test_deleted_rows_are_left_out_unless_the_question_is_about_them(question: Question) -> None:
    models = {table for table, _ in _read(question.sql["sqlite"]) if not table.endswith("_live")}
    assert question.title in ABOUT_DELETED_ROWS or not models & set(catalogue())


def test_every_sensitive_column_that_is_read_is_named(question: Question) -> None:
    sql = re.sub("'[^']*'", "''", question.sql["sqlite"])
    sensitive = {
        name
        for table, alias in _read(sql)
        for name in SENSITIVE.get(re.sub("_(live|history)$", "", table), ())
        if re.search(rf"\b{alias}\.{name}\b" if alias else rf"(?<![.\w])(?<!AS ){name}\b", sql)
    }
    told = re.search(r"^Sensitive: (.*)$", question.prose, flags=re.M)
    assert sensitive == set(re.findall(r"`(\w+)`", told[1] if told else ""))


def test_the_sample_is_the_answer_for_the_firm(
    question: Question, firm: QueriedMirror, pytestconfig: pytest.Config
) -> None:
    columns, rows = firm.ask(question)
    sample = [columns, *(tuple(map(_shown, row)) for row in rows[:SAMPLE_ROWS])]
    if len(rows) > SAMPLE_ROWS:
        sample.append(("…",) * len(columns))
    if pytestconfig.getoption("--write-samples", False) and firm.dialect == "sqlite":
        _write(question.title, sample)
    else:
        assert list(question.sample) == sample


def test_days_can_be_written_as_the_page_says(question: Question, firm: QueriedMirror) -> None:
    ago = {"sqlite": "date('now', '-30 days')", "postgresql": "CURRENT_DATE - 30"}[firm.dialect]
    assert f"`{ago}`" in PAGE.read_text(encoding="utf-8").replace("\n", " ")
    sql = question.sql[firm.dialect].replace(":today", "CURRENT_DATE").replace(":since", ago)
    columns, _ = firm.run(sql, question.parameters)
    assert columns == firm.ask(question)[0]


def test_the_statement_of_the_readme_runs_as_it_stands(firm: QueriedMirror) -> None:
    readme = (HERE.parents[1] / "README.md").read_text(encoding="utf-8")
    statements = re.findall(r"^```sql\n(.*?)^```$", readme, flags=re.M | re.S)
    assert statements
    for sql in statements:
        assert firm.run(sql)[1]


@pytest.mark.parametrize(
    "sql", ["DELETE FROM hris_employees", "UPDATE hris_groups SET name = ''", "DROP VIEW hris_groups_live"]
)
def test_a_statement_that_writes_is_refused(mirror: QueriedMirror, sql: str) -> None:
    with pytest.raises(UsageError):
        mirror.run(sql)
    assert mirror.run("SELECT count(*) > 0 FROM hris_employees")[1] == [(1,)]


def _read(sql: str) -> list[tuple[str, str]]:
    """The tables and views that a statement names, each with its alias or nothing."""
    return re.findall(r"\b(?:FROM|JOIN) (\w+)\b(?:(?: AS)? ([a-z]\w*))?", sql)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _write(title: str, sample: list[tuple[str, ...]]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    start = re.search(r"^Sample.*:\n\n", page[(here := page.index(f"### {title}\n")) :], flags=re.M)
    assert start
    begin = here + start.end()
    end = begin + len(re.match(r"(\|.*\n)*", page[begin:])[0])  # type: ignore[index]
    lines = [" | ".join(row).join(("| ", " |")) for row in sample]
    lines.insert(1, "|" + "---|" * len(sample[0]))
    PAGE.write_text(page[:begin] + "\n".join(lines) + "\n" + page[end:], encoding="utf-8")
