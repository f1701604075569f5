"""Sentences on why a stream is not complete."""

from __future__ import annotations

import pytest

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.reasons import describe_share, held_reason, quarantine_reason


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (160, 384, "160 of 384 rows (42%)"),
        (14, 20, "14 of 20 rows (70%)"),
        (1, 1, "1 of 1 row (100%)"),
        (1, 60_000, "1 of 60,000 rows (<1%)"),
        (59_999, 60_000, "59,999 of 60,000 rows (>99%)"),
        (0, 5, "0 of 5 rows (0%)"),
        (0, 0, "0 of 0 rows (0%)"),
    ],
)
def test_a_share_never_rounds_something_to_nothing_nor_a_part_to_all(
    part: int, whole: int, words: str
) -> None:
    assert describe_share(part, whole) == words


def test_the_command_in_the_sentence_on_held_rows_selects_their_stream_alone() -> None:
    assert held_reason(160, 384, StreamKey("personio:1", "hris_employees")) == (
        "160 of 384 rows (42%) are missing at Kombo and held back: `syncer reconcile --approve "
        "--integration personio:1 --model hris_employees` marks what is still missing as deleted."
    )
    assert "--integration 'personio:a b'" in held_reason(1, 2, StreamKey("personio:a b", "hris_groups"))


def test_records_in_quarantine_are_counted() -> None:
    assert quarantine_reason(1, "hibob:1 2") == (
        "1 record is in quarantine: `syncer quarantine list --integration 'hibob:1 2'` shows why."
    )
    assert quarantine_reason(1_200, "hibob:1").startswith("1,200 records are in quarantine")
