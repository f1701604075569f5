"""Progress of a pass over streams: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from syncer.cli.output import join_models
from syncer.domain.durations import describe_elapsed
from syncer.domain.records.change import Counts
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.sync.context import Progress, Result

if TYPE_CHECKING:
    import rich.progress
    from rich.console import Console, RenderableType
    from rich.progress import TaskID


#: Seconds without a page after which the wait is shown.
QUIET = 3.0
#: The same where the request limit is known to be the reason.
QUIET_AT_LIMIT = 1.0
#: Columns of a terminal from which on the bars can spread.
WIDE = 110


class Tally:
    """Count of what a pass has done so far; shows nothing. Give it to the pass as its ``report``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.planned: Sequence[StreamKey] = ()
        self.results: dict[StreamKey, Result] = {}
        self.begun: set[StreamKey] = set()
        self.busy: set[StreamKey] = set()
        self.rows = 0
        self._stored: dict[StreamKey, int] = {}
        self._clock = clock
        self.started = self.last_page = self._limit_until = clock()

    @property
    def seconds(self) -> float:
        """Seconds since the pass began."""
        return self._clock() - self.started

    @property
    def quiet_for(self) -> float:
        """Seconds since the last page came."""
        return self._clock() - self.last_page

    @property
    def limited_for(self) -> float:
        """Seconds for which requests wait for the limit yet."""
        return max(self._limit_until - self._clock(), 0.0)

    def wait_for_limit(self, seconds: float) -> None:
        """Note that requests have to wait so long for the limit."""
        self._limit_until = self._clock() + seconds

    def plan(self, keys: Sequence[StreamKey]) -> None:
        """Note the streams that the pass will run."""
        self.planned = keys

    def __call__(self, step: Progress) -> None:
        key = step.key
        if step.result is not None and step.result.outcome is Outcome.BUSY:
            # It is tried again for a while; its end is in the results of the pass.
            self.busy.add(key)
        elif step.step == "ended" and step.result is not None:
            self.results[key] = step.result
            self.ended(step.result)
        elif step.step == "begun":
            self.busy.discard(key)
            self.begun.add(key)
            self._stored[key] = step.rows
            self.walk_begun(step)
        elif step.step == "page":
            self.last_page = self._clock()
            # A walk that begins again counts its rows from nothing.
            self.rows += max(step.rows - self._stored.get(key, 0), 0)
            self._stored[key] = step.rows
            self.page_stored(step)

    def walk_begun(self, step: Progress) -> None:
        """Show that a walk of a stream begins or goes on."""

    def page_stored(self, step: Progress) -> None:
        """Show that one more page is stored."""

    def ended(self, result: Result) -> None:
        """Show that a run has ended."""

    def stop(self) -> None:
        """Show no more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()


class Lines(Tally):
    """One plain line for each stream as its run ends well; the others are shown together at the end."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        super().__init__()
        self._print = print_line

    def ended(self, result: Result) -> None:
        if not is_problem(result):
            self._print(line_of(result))


class Bars(Tally):
    """A bar for each stream under way and a line for the whole; streams that end well leave no trace.

    A problem that many streams of an integration share is shown for the first of them.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        from rich.live import Live

        self._bars = _bars(console, ())
        self._tasks: dict[StreamKey, TaskID] = {}
        self._reported: set[tuple[str, Outcome, str | None]] = set()
        self._live = Live(console=console, get_renderable=self.__rich__, transient=True, refresh_per_second=8)
        self._live.start()

    def plan(self, keys: Sequence[StreamKey]) -> None:
        super().plan(keys)
        self._bars = _bars(self._live.console, keys)

    def walk_begun(self, step: Progress) -> None:
        self._drop(step.key)
        self._tasks[step.key] = self._bars.add_task(
            "",
            total=step.expected,
            completed=step.rows,
            integration=step.key.integration_id,
            model=step.key.model,
            rows=counted(step.rows, "row"),
            speed="",
            left="",
        )

    def page_stored(self, step: Progress) -> None:
        task = self._tasks.get(step.key)
        if task is None:
            return
        # What the stream had before is a guess: a walk that finds more has no known end.
        total = step.expected if step.expected is None or step.rows <= step.expected else None
        self._bars.update(task, completed=step.rows, total=total, rows=counted(step.rows, "row"))
        state = self._bars.tasks[self._bars.task_ids.index(task)]
        speed, left = state.speed, state.time_remaining if total else None
        self._bars.update(
            task,
            speed=f"{speed:,.0f}/s" if speed else "",
            left=f"{describe_elapsed(left)} left" if left else "",
        )

    def ended(self, result: Result) -> None:
        self._drop(result.key)
        reason = (result.key.integration_id, result.outcome, result.error)
        if is_problem(result) and reason not in self._reported:
            self._reported.add(reason)
            self._live.console.print(
                f"✗ {result.key.integration_id} {result.key.model} {result.outcome.value}", style="red"
            )

    def note(self, text: str) -> None:
        """Print something for the person who waits, above the bars."""
        self._live.console.print(text, style="yellow")

    def stop(self) -> None:
        self._live.stop()

    def _drop(self, key: StreamKey) -> None:
        task = self._tasks.pop(key, None)
        if task is not None:
            self._bars.remove_task(task)

    def __rich__(self) -> RenderableType:
        """Draw the bars as they are now."""
        from rich.console import Group
        from rich.text import Text

        return Group(*([self._bars] if self._tasks else []), Text(self._overall(), style="bold"))

    def _overall(self) -> str:
        limited = ""
        if self.limited_for and self.quiet_for > QUIET_AT_LIMIT:
            limited = f"waiting for the request limit: {describe_elapsed(self.limited_for)}"
        if not self.planned:
            return " · ".join(filter(None, ["Asking Kombo about the integrations …", limited]))
        parts = [f"{len(self.results)} of {counted(len(self.planned), 'stream')}", counted(self.rows, "row")]
        if self.rows and self.seconds > 1:
            parts.append(f"{self.rows / self.seconds:,.0f}/s")
        parts.append(describe_elapsed(self.seconds))
        if self.busy:
            parts.append(f"{len(self.busy)} wait for another runner")
        if limited:
            parts.append(limited)
        elif self.quiet_for > QUIET and self._tasks:
            parts.append(f"waiting for the next page for {describe_elapsed(self.quiet_for)}")
        return " · ".join(parts)


def _bars(console: Console, keys: Sequence[StreamKey]) -> rich.progress.Progress:
    """Make columns of fixed widths, so that nothing jumps; integrations only where there are several."""
    from rich.progress import BarColumn, ProgressColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    is_narrow = console.width < WIDE

    def column(name: str, width: int, style: str = "", *, is_number: bool = False) -> ProgressColumn:
        justify: Literal["left", "right"] = "right" if is_number else "left"
        place = Column(width=width, no_wrap=True, overflow="ellipsis", justify=justify)
        return TextColumn(
            f"{{task.fields[{name}]}}", style=style, justify=justify, markup=False, table_column=place
        )

    columns = [
        column("model", min(max((len(model) for _, model in keys), default=0), 20 if is_narrow else 40)),
        BarColumn(bar_width=12 if is_narrow else 24, complete_style="cyan", pulse_style="cyan"),
        column("rows", 14, is_number=True),
        column("speed", 9, "dim", is_number=True),
        column("left", 15, "dim", is_number=True),
    ]
    if len({integration for integration, _ in keys}) > 1:
        columns.insert(0, column("integration", 12 if is_narrow else 18, "dim"))
    return Bars(*columns, console=console)


def is_problem(result: Result) -> bool:
    """True for a run that did not end as it should, though nobody told it to stop."""
    return not result.outcome.is_well and result.outcome is not Outcome.STOPPED


def line_of(result: Result, *alike: Result) -> str:
    """Format the result of a run, or of several of one integration that ended alike, as a line of text."""
    results = (result, *alike)
    parts = [result.outcome.value]
    pages = sum(each.pages for each in results)
    if pages and result.kind is not None:
        parts[0] += f" ({result.kind.value}, {counted(pages, 'page')})"
    parts += effects(sum((each.counts for each in results), Counts()))
    if not result.outcome.is_well:
        parts.append(result.error or "no reason was given")
    models = join_models([each.key.model for each in results])
    return f"{result.key.integration_id} {models}: {', '.join(parts)}"


def effects(counts: Counts) -> list[str]:
    """List how many records were created, updated and so on, leaving out zeros."""
    words = ("created", "updated", "deleted", "restored", "unchanged", "quarantined")
    return [f"{getattr(counts, word):,} {word}" for word in words if getattr(counts, word)]


def counted(number: int, thing: str) -> str:
    """Count things in words: ``1 row``, ``12,000 rows``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
