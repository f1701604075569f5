"""The questions of docs/queries.md: the page, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "queries.md"


@dataclass(frozen=True)
class Question:
    """A heading that ends in a question mark, with what stands below it.

    sql: statement by database. sample: the header and the rows of the table, cells as they are written.
    """

    title: str
    section: str
    prose: str
    sql: Mapping[str, str]
    parameters: Mapping[str, str]
    sample: tuple[tuple[str, ...], ...]


def read_questions(page: str) -> dict[str, Question]:
    """Take the page apart into its questions by title."""
    found: dict[str, Question] = {}
    for section in re.split(r"^## ", page, flags=re.M)[1:]:
        for part in re.split(r"^### ", section, flags=re.M)[1:]:
            title, _, body = part.partition("\n")
            sql: dict[str, str] = {}
            for dialect, statement in re.findall(r"^```sql ?(\w*)\n(.*?)^```$", body, flags=re.M | re.S):
                for each in (dialect,) if dialect else ("sqlite", "postgresql"):
                    assert each not in sql, f"{title}: two statements for {each}"
                    sql[each] = statement
            sample = re.search(r"^Sample(?:, with (.*))?:$", body, flags=re.M)
            assert sample, f"{title}: no sample"
            found[title] = Question(
                title,
                section.partition("\n")[0],
                body.partition("```")[0].strip(),
                sql,
                dict(re.findall(r"`(\w+)=([^`]*)`", sample[1] or "")),
                tuple(read_table(body[sample.end() :])),
            )
    return found


def read_table(text: str) -> Iterator[tuple[str, ...]]:
    """Read the cells of the first table, header first."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    for line in lines:
        if not re.fullmatch(r"[|\s:-]+", line) or not line.count("-"):
            yield tuple(cell.strip() for cell in line.strip()[1:-1].split("|"))
