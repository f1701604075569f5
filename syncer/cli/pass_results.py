"""Results of a pass over streams: as a table, as lines, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from syncer.cli.output import join_models, outcome_of, print_line, print_rich, styled
from syncer.cli.progress import counted, effects, is_problem, line_of
from syncer.cli.tables import report_table
from syncer.domain.durations import describe_elapsed
from syncer.domain.records.change import Counts
from syncer.domain.streams.state import Outcome
from syncer.domain.texts.printable import printable
from syncer.sync.context import Result

_COUNTED = ("created", "updated", "unchanged", "deleted", "restored", "quarantined")


class Summary(Struct, frozen=True):
    """Results of a pass, added up. outcomes: how many streams ended how."""

    outcomes: Counter[Outcome]
    counts: Counts
    pages: int

    @property
    def is_well(self) -> bool:
        """True where every stream is well."""
        return all(outcome.is_well for outcome in self.outcomes)


def summarize(results: Sequence[Result]) -> Summary:
    """Add up results."""
    return Summary(
        Counter(result.outcome for result in results),
        sum((result.counts for result in results), Counts()),
        sum(result.pages for result in results),
    )


def document(results: Sequence[Result], seconds: float) -> dict[str, Any]:
    """Report results as plain values, for JSON."""
    whole = summarize(results)
    return {
        "outcome": outcome_of(whole.is_well),
        "streams": [
            {
                "integration": result.key.integration_id,
                "model": result.key.model,
                "outcome": result.outcome.value,
                "kind": result.kind.value if result.kind else None,
                "pages": result.pages,
                **_numbers(result.counts),
                "error": result.error,
            }
            for result in results
        ],
        "totals": {
            "streams": len(results),
            "outcomes": {outcome.value: number for outcome, number in whole.outcomes.items()},
            "pages": whole.pages,
            **_numbers(whole.counts),
        },
        "seconds": round(seconds, 3),
    }


def print_table(results: Sequence[Result], seconds: float) -> None:
    """Print a line for each integration, then every stream that is not well and why."""
    of_integrations: dict[str, list[Result]] = {}
    for result in results:
        of_integrations.setdefault(result.key.integration_id, []).append(result)
    rows = []
    for integration, group in of_integrations.items():
        part = summarize(group)
        counts = (f"{getattr(part.counts, name):,}" for name in _COUNTED[:5])
        rows.append((integration, _outcomes(part.outcomes), f"{part.pages:,}", *counts))
    numbers = ("pages", *_COUNTED[:5])
    columns = ("integration", "streams", *numbers)
    drop = ("pages", "unchanged", "restored", "deleted", "updated")
    print_rich(report_table(columns, rows, numbers=numbers, drop=drop, folds=("streams",)), "")
    for first, *others in _problems(results):
        models = join_models([each.key.model for each in (first, *others)])
        why = first.error or "no reason was given"
        line = f"{first.key.integration_id} {models} {first.outcome.value}: {why}"
        print_rich(styled("✗ ", "red").append(printable(line), "default"))
    last_line = _last_line(results, seconds)
    if summarize(results).is_well:
        print_rich(styled("✓ ", "green").append(last_line, "default"))
    else:
        print_rich(styled(last_line))


def print_rest(results: Sequence[Result], seconds: float) -> None:
    """Print what the lines so far have left out: what is not well, and the whole."""
    for group in _problems(results):
        print_line(printable(line_of(*group)))
    print_line(_last_line(results, seconds))


def _problems(results: Sequence[Result]) -> list[list[Result]]:
    """Group what is not well: streams of one integration with the same error."""
    alike: dict[tuple[str, Outcome, str | None], list[Result]] = {}
    for result in results:
        if is_problem(result):
            alike.setdefault((result.key.integration_id, result.outcome, result.error), []).append(result)
    return list(alike.values())


def _last_line(results: Sequence[Result], seconds: float) -> str:
    whole = summarize(results)
    news = ", ".join(effects(whole.counts)) or "no records"
    elapsed = describe_elapsed(seconds)
    return f"{counted(len(results), 'stream')}: {_outcomes(whole.outcomes)} · {news} · {elapsed}"


def _outcomes(outcomes: Counter[Outcome]) -> str:
    return ", ".join(f"{number} {outcome.value}" for outcome, number in outcomes.most_common())


def _numbers(counts: Counts) -> dict[str, int]:
    numbers = asdict(counts)
    return {name: numbers[name] for name in _COUNTED}
