"""A paging style that is added to the table of styles, and to nothing else, works everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = '{ style = "token", answer_header = "X-Next", header = "X-Here" }'


def walked(folder: Path, page: str, cursor: str | None = None, pages: int = 9) -> dict[str, Any]:
    """Walk so many pages from the cursor in a process that knows the style."""
    config = folder / "config.toml"
    config.write_text(
        f"""
        [[passthrough]]
        name = "made_up"
        tool = "hibob/v1"
        request = {{ path = "/list" }}
        records = "@"
        key = ["id"]
        page = {page}
        """,
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "tests.config.made_up_style", str(config), cursor or "", str(pages)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_list_is_walked_by_a_style_that_only_the_table_knows(tmp_path: Path) -> None:
    found = walked(tmp_path, PAGE)
    assert [each["X-Here"] for each in found["sent"]] == ["t0", "t2", "t4"]
    assert (found["ids"], found["cursor"]) == ([1, 2, 3, 4, 5], None)


def test_another_process_goes_on_where_one_has_stopped(tmp_path: Path) -> None:
    begun = walked(tmp_path, PAGE, pages=1)
    resumed = walked(tmp_path, PAGE, cursor=begun["cursor"])
    assert resumed["sent"][0]["X-Here"] == "t2"
    assert begun["ids"] + resumed["ids"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ('{ style = "token" }', " of style token needs answer_header."),
        ('{ style = "token", answer_header = "X-N", param = "p" }', " of style token takes no param."),
        ('{ style = "link", answer_header = "X-N" }', " of style link takes no answer_header."),
        (
            '{ style = "token", answer_header = "Next" }',
            ".answer_header should be a header that begins with X-.",
        ),
        (
            '{ style = "token", answer_header = "X-N", first = -1 }',
            ".first should be greater than or equal to 0.",
        ),
        ('{ style = "tokn" }', ".style should be 'none', 'cursor', 'offset', 'page', 'link' or 'token'."),
    ],
)
def test_its_keys_are_checked_as_it_declares_them(tmp_path: Path, page: str, said: str) -> None:
    assert walked(tmp_path, page)["fault"].endswith(f": passthrough[0].page{said}")


def test_a_key_that_is_written_wrong_is_told_with_its_own(tmp_path: Path) -> None:
    page = '{ style = "token", answer_hedaer = "X-N" }'
    assert "Did you mean passthrough[0].page.answer_header?" in walked(tmp_path, page)["fault"]
