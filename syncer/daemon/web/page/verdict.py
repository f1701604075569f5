"""Verdict of the status page: is the data right, in one sentence. Pure: a status report in, words out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from syncer.domain.streams.state import Severity, StreamState
from syncer.operations.deliveries import is_well


class Verdict(Struct, frozen=True):
    """Answer to the first question of whoever opens the page.

    sentence: the answer. detail: what follows from it, or why; may be empty. needs_look: things that a person
    should look at, which the title of the page counts.
    """

    severity: Severity
    sentence: str
    detail: str = ""
    needs_look: int = 0


def needs_attention(stream: Mapping[str, Any]) -> bool:
    """Tell whether a person should look at a stream: for its state, or for records in quarantine."""
    return StreamState(stream["state"]).meaning.is_trouble or bool(stream["quarantined"])


def judge(status: Mapping[str, Any]) -> Verdict:
    """Judge a status report; what stops everything comes before what stops a part."""
    troubled = sum(map(needs_attention, status["streams"]))
    unwell = sum(not is_well(each) for each in status["deliveries"])
    if status.get("database") is not None:
        return Verdict(
            Severity.ERROR, "Nothing can be stored now.", status["database"], 1 + troubled + unwell
        )
    if status["key"] is not None:
        return Verdict(
            Severity.ERROR,
            _refused(status),
            f"{status['key']['error']} The service asks again every 15 minutes, or once its file or the "
            "configuration has another key, and goes on by itself.",
            1 + troubled + unwell,
        )
    counts: Mapping[str, int] = status["totals"]["streams"]
    all_ = sum(counts.values())
    if not all_:
        return Verdict(
            Severity.NEUTRAL, "Nothing is mirrored yet.", "`syncer integrations add ID` begins.", unwell
        )
    if troubled:
        needs = "needs a look" if troubled == 1 else "need a look"
        return Verdict(
            Severity.ERROR,
            f"{troubled:,} of {_streams(all_)} {needs}.",
            _of_the_rest(all_ - troubled),
            troubled + unwell,
        )
    if unwell:
        needs = "1 delivery needs" if unwell == 1 else f"{unwell:,} deliveries need"
        return Verdict(Severity.ERROR, f"{needs} a look.", "The mirror itself is well.", unwell)
    read = sum(number for state, number in counts.items() if StreamState(state).meaning.is_well)
    if read < all_:
        # Nothing is wrong: what is not well yet is being read.
        return Verdict(
            Severity.NEUTRAL, f"{read:,} of {_streams(all_)} have been read.", "The rest is to come."
        )
    if status["behind"] is not None:
        return Verdict(Severity.WARNING, "Everything is read, but later than planned.")
    return Verdict(Severity.OK, f"Everything is well: {_streams(all_)}.")


def _refused(status: Mapping[str, Any]) -> str:
    if len(status["environments"]) < 2:
        return "Nothing is read now: Kombo refuses the API key."
    return f"Nothing of {status['key']['environment']} is read now: Kombo refuses its API key."


def _streams(number: int) -> str:
    return "1 stream" if number == 1 else f"{number:,} streams"


def _of_the_rest(number: int) -> str:
    return {0: "", 1: "The other one is not affected."}.get(number, f"The other {number:,} are not affected.")
