"""``syncer check``: findings on configuration, database, key and integrations."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict

from syncer.cli.options import environment_option, integration_option, json_option, pass_session
from syncer.cli.output import (
    indented,
    is_terminal,
    print_json,
    print_line,
    print_rich,
    styled,
)
from syncer.cli.session import Session
from syncer.domain.errors import SyncerError
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.operations.finding import Finding


@click.command()
@integration_option
@environment_option
@click.option("--all", "every", is_flag=True, help="Ask Kombo about each integration, however many.")
@json_option
@pass_session
def check(
    session: Session,
    integrations: tuple[str, ...],
    environments: tuple[str, ...],
    every: bool,
    as_json: bool,
) -> int:
    """Check configuration, database, key and integrations.

    Reports what would be mirrored, and why not the rest. Of more than 20 integrations it says how they were
    when Kombo was last asked about them.

    \b
    syncer check
    syncer check --integration personio:8d1hpPsbjxUkoCoa1veLZGe5 --json
    """
    from syncer.operations import check as operation
    from syncer.operations.finding import Finding

    findings: list[Finding] = []
    has_several = False

    async def collect() -> None:
        async with session.app() as app:
            nonlocal has_several
            has_several = len(app.select(environments)) > 1
            async for finding in operation.check(app, environments, integrations, asks_all=every):
                # The only key that is refused is what the command fails with: once is enough.
                is_failure = finding.subject == "key" and not finding.is_well and not has_several
                if not as_json and not is_failure:
                    _print(finding, findings[-1] if findings else None, is_named=has_several)
                findings.append(finding)

    failure: SyncerError | None = None
    try:
        asyncio.run(collect())
    except SyncerError as error:
        # It goes to stderr; the document is whole all the same.
        if all(each.found != str(error) for each in findings):
            findings.append(Finding("check", False, str(error)))
        failure = error
    is_well = all(each.is_well for each in findings)
    if as_json:
        print_json({"is_well": is_well, "findings": [asdict(each) for each in findings]})
    if failure is not None:
        raise failure
    return 0 if is_well else 1


def _print(finding: Finding, before: Finding | None, *, is_named: bool) -> None:
    """Print one finding; on a terminal those of the same subject stand together.

    is_named: there are several environments, and findings are of one of them.
    """
    text = printable(finding.found)
    of = f" ({finding.environment})" if is_named and finding.environment is not None else ""
    if not is_terminal():
        verdict = "warning" if finding.is_warning else "ok" if finding.is_well else "not ok"
        print_line(f"{verdict} {finding.subject}{of}: {text}")
        _print_lines(finding)
        return
    mark = styled("✓ ", "green") if finding.is_well else styled("✗ ", "red")
    if finding.is_warning:
        mark = styled("! ", "yellow")
    is_same = (
        before is not None
        and (before.subject, before.environment) == (finding.subject, finding.environment)
        and finding.is_well
        and not finding.is_warning
    )
    if not is_same:
        print_rich(mark.append(finding.subject, "bold").append(of, "dim"))
    print_rich(indented(styled(text)))
    _print_lines(finding)


def _print_lines(finding: Finding) -> None:
    for line in finding.lines:
        print_line(f"    {printable(line)}" if line else "")
