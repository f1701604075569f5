"""Results of a verification in words: lines in a pipe, a table on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncer.cli.output import is_terminal, print_line, print_rich, styled
from syncer.cli.progress import counted
from syncer.cli.tables import report_table
from syncer.domain.durations import describe_elapsed
from syncer.domain.texts.printable import printable
from syncer.domain.verification.difference import Apart, Difference, Verdict

if TYPE_CHECKING:
    from syncer.domain.verification.result import Verification
    from syncer.operations.verify import Verified

#: Ids that are named of a stream.
MOST_IDS = 3
_APART = {
    Apart.NEWER: "newer at Kombo than the mirror's last reading",
    Apart.STALE_COPIES: "with older copies of other records",
    Apart.KEPT: "blanked by Kombo and not here",
    Apart.OUTSIDE_FILTERS: "outside of the filters",
    Apart.ERASED: "erased or forgotten here",
    Apart.UNSETTLED: "unsettled",
}
_COLOURS = {Verdict.EQUAL: "green", Verdict.SKIPPED: "dim", Verdict.DIFFERENT: "red"}


def print_end(found: Verification) -> None:
    """Print the line of a stream that is verified."""
    print_line(printable(_line(found)))


def print_nothing(found: Verification) -> None:
    """Print nothing of a stream: it is in what is printed in the end."""


def print_whole(found: Verified, seconds: float) -> None:
    """Print the end of a verification; on a terminal with all its streams."""
    verdicts = Counter(each.verdict for each in found.streams)
    if is_terminal():
        rows = [
            (
                each.key.integration_id,
                each.key.model,
                each.verdict.value,
                f"{each.source.records:,}" if each.source is not None else "",
                printable(_notes(each)),
            )
            for each in found.streams
            if each.verdict is not Verdict.SKIPPED
        ]
        columns = ("integration", "model", "verdict", "records", "notes")
        colours = {"verdict": lambda verdict: _COLOURS.get(Verdict(verdict), "yellow")}
        if rows:
            print_rich(
                report_table(
                    columns,
                    rows,
                    numbers=("records",),
                    drop=("records", "integration"),
                    folds=("notes",),
                    colours=colours,
                ),
                "",
            )
    records = sum(each.source.records for each in found.streams if each.source is not None)
    words = ", ".join(f"{verdicts[each]:,} {each.value}" for each in Verdict if verdicts[each])
    line = f"{counted(len(found.streams), 'stream')}: {words} · {counted(records, 'record')} compared"
    line += f" · {describe_elapsed(seconds)}"
    if is_terminal():
        mark, colour = ("✓ ", "green") if found.is_well else ("✗ ", "red")
        print_rich(styled(mark, colour).append(line, "default"))
    else:
        print_line(line)


def _line(found: Verification) -> str:
    """Describe a stream in a line."""
    parts = [found.verdict.value]
    if found.source is not None:
        parts[0] += f" ({counted(found.source.records, 'record')}, {counted(found.source.pages, 'page')})"
    notes = _notes(found)
    return f"{found.key.integration_id} {found.key.model}: {', '.join(filter(None, [*parts, notes]))}"


def _notes(found: Verification) -> str:
    return "; ".join(_all_notes(found))


def _all_notes(found: Verification) -> Iterator[str]:
    if found.reason is not None:
        yield found.reason
    findings = found.findings
    if findings.differing:
        kinds = ", ".join(
            f"{findings.differences[each]:,} {each.value}"
            for each in Difference
            if findings.differences[each]
        )
        ids = list(dict.fromkeys(each for some in findings.examples.values() for each in some))[:MOST_IDS]
        yield f"{kinds}, such as {', '.join(ids)}" if ids else kinds
    if findings.unreadable:
        yield f"{findings.unreadable:,} of them cannot be rows (`syncer quarantine list`)"
    for apart, words in _APART.items():
        if findings.apart[apart]:
            yield f"{findings.apart[apart]:,} {words}"
    if (sample := found.sample) is not None:
        differing = f"at most {sample.at_most:,} of {sample.of:,} rows differ (95 % confidence)"
        yield f"{counted(sample.rows, 'row')} compared: {differing}"
