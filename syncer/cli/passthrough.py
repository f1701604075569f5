"""``syncer passthrough``: a call of a tool's own API through Kombo."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from syncer.cli.completion_values import complete_integrations
from syncer.cli.interrupt import INTERRUPTED
from syncer.cli.options import environment_option, json_option, pass_session
from syncer.cli.output import is_terminal, print_json, print_line, print_note, write_line
from syncer.cli.preview import preview
from syncer.cli.session import Session
from syncer.cli.streams import write_in_utf8
from syncer.domain.native.call import METHODS, Call
from syncer.domain.texts.printable import printable, printable_json

if TYPE_CHECKING:
    from syncer.kombo.passthrough import NativeAnswer


def complete_apis(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete the name of a known API, with the tool's name."""
    from syncer.domain.native.tools import apis

    return [
        CompletionItem(api.name, help=", ".join(api.labels))
        for api in apis().values()
        if api.name.startswith(begun)
    ]


def complete_methods(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete a method."""
    return [method for method in METHODS if method.startswith(begun.upper())]


class _Passthrough(click.Group):
    """Group of named commands in which anything else is a call."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return self.name, call_tool, args

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the help of a call, then the commands."""
        call_tool.format_help(ctx, formatter)
        self.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        named = [
            CompletionItem(name, help=command.get_short_help_str())
            for name, command in self.commands.items()
            if name.startswith(incomplete)
        ]
        return [*complete_apis(ctx, call_tool.params[0], incomplete), *named]


@click.group(cls=_Passthrough, context_settings={"ignore_unknown_options": True})
def passthrough() -> None:
    """Call a connected tool's own API through Kombo."""


class _Call(click.Command):
    """Command under the group's own name: usage and errors show it as such."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        return super().make_context(info_name, args, parent and parent.parent, **extra)


@click.command("passthrough", cls=_Call)
@click.argument("api", metavar="TOOL/API", shell_complete=complete_apis)
@click.argument(
    "method",
    metavar="METHOD",
    type=click.Choice(METHODS, case_sensitive=False),
    shell_complete=complete_methods,
)
@click.argument("path", metavar="PATH")
@click.option(
    "--integration",
    required=True,
    metavar="ID",
    shell_complete=complete_integrations,
    help="The integration whose tool is called; it need not be mirrored.",
)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A query parameter.")
@click.option(
    "--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header; Kombo adds authentication."
)
@click.option("--data", metavar="JSON|@FILE|-", help="The body: JSON, or XML where the API takes that.")
@click.option(
    "--form", "form", multiple=True, metavar="NAME=VALUE|@FILE", help="A part of a form, sent as multipart."
)
@click.option(
    "--api-option", "options", multiple=True, metavar="NAME=VALUE", help="What Kombo wants to know beyond."
)
@click.option("--base64", "wants_base64", is_flag=True, help="Fetch a file whole: its bytes come as base64.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the body to a file, base64 decoded.",
)
@click.option("--include", is_flag=True, help="Show status and headers, too.")
@click.option("--force", is_flag=True, help="Send the call whatever is known of the API.")
@environment_option
@json_option
@pass_session
def call_tool(
    session: Session,
    api: str,
    method: str,
    path: str,
    integration: str,
    params: tuple[str, ...],
    headers: tuple[str, ...],
    data: str | None,
    form: tuple[str, ...],
    options: tuple[str, ...],
    wants_base64: bool,
    output: Path | None,
    include: bool,
    force: bool,
    environments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Call a connected tool's own API through Kombo.

    A GET is tried again as every read; anything else is sent once, and never again where nobody knows whether
    it was carried out. The exit code is 1 where the tool answers with 400 or above.

    \b
    syncer passthrough hibob/v1 GET /bulk/people/work --integration ID --param limit=50
    syncer passthrough nmbrs/soap POST / --integration ID --api-option service_name=EmployeeService \\
        --data @body.xml
    """
    from syncer.cli import call_arguments as arguments
    from syncer.domain.errors import UsageError
    from syncer.domain.native.tools import apis, check_call
    from syncer.operations import passthrough as operation

    if data is not None and form:
        raise UsageError("A call has either --data or --form, not both.")
    known = apis().get(api)
    named = arguments.parse_headers(headers)
    call = Call(
        api=api,
        method=method,
        path=path,
        params=arguments.parse_pairs("--param", params, hint=": put both into PATH, as in /people?id=1&id=2"),
        headers=named,
        data=arguments.read_body(
            data,
            is_text=(known is not None and known.body == "xml") or arguments.is_other_than_json(named),
            may_be_text=known is None,
        ),
        form=arguments.parse_form(form),
        options=arguments.parse_pairs("--api-option", options),
        wants_base64=wants_base64,
    )
    for doubt in check_call(call, force=force):
        print_note(f"Warning: {doubt}")
    file = arguments.check_writable(output)
    app = session.app()

    async def send() -> NativeAnswer:
        async with app:
            return await operation.passthrough(app, call, integration, force=force, environments=environments)

    try:
        answer = asyncio.run(send())
    except KeyboardInterrupt:
        maybe = "" if call.is_read else f" The {method} may have been carried out all the same."
        print_note(f"Interrupted.{maybe}")
        return INTERRUPTED
    for warning in answer.warnings:
        print_note(f"Warning: {printable(session.hide(warning))}")
    if not answer.is_well:
        print_note(f"Error: {api} answered HTTP {_status(answer)}.")
        # The report of a failure is not the file that was asked for.
        file = None
    if file is not None:
        _write(file, answer.content)
    if as_json:
        print_json(_document(answer, file))
    else:
        _print(answer, include=include, body=file is None)
    return 0 if answer.is_well else 1


passthrough.add_command(preview)


def _write(file: Path, content: bytes) -> None:
    from syncer.domain.errors import SyncerError
    from syncer.process.private_files import write_private

    try:
        write_private(file, content)
    except OSError as error:
        raise SyncerError(
            f"The tool has answered, but {file} cannot be written: {error.strerror or error}."
        ) from None


def _document(answer: NativeAnswer, file: Path | None) -> dict[str, Any]:
    """Report the answer for programs; a body that went into a file is not repeated."""
    body = {"data": answer.data} if file is None else {"output": str(file), "bytes": len(answer.content)}
    return {"status": answer.status, "headers": answer.headers, **body, "warnings": list(answer.warnings)}


def _print(answer: NativeAnswer, *, include: bool, body: bool) -> None:
    if include:
        print_line(f"HTTP {_status(answer)}")
        for name, value in answer.headers.items():
            for each in value if isinstance(value, list) else [value]:
                print_line(printable(f"{name}: {each}"))
        if body:
            print_line()
    if body and answer.body is not None:
        text = _text(answer)
        if not is_terminal():
            write_in_utf8()
        # A pipe gets the body as it is; JSON says the same with its hidden characters escaped.
        (print_line if is_terminal() else write_line)(text)


def _text(answer: NativeAnswer) -> str:
    """Format the body for a person or a pipe."""
    if answer.is_base64 and not answer.is_well:
        return answer.content.decode(errors="replace")
    if isinstance(answer.data, str):
        return answer.data.removesuffix("\n")
    if is_terminal():
        return printable_json(json.dumps(answer.data, indent=2, ensure_ascii=False))
    return printable_json((answer.body or b"").decode(errors="replace"))


def _status(answer: NativeAnswer) -> str:
    try:
        return f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        return str(answer.status)
