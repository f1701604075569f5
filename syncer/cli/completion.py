"""``syncer completion``: scripts by which shells complete commands, options, models and ids."""

from __future__ import annotations

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from syncer.cli.output import write_line

#: Variable by which a shell asks the program for what completes a line.
VARIABLE = "_SYNCER_COMPLETE"
#: In place of click's, to which bash hands words that it has split at colons: ids have these. What is printed
#: takes the place of what follows the last colon, and so do the answers.
_BASH = r"""%(complete_func)s() {
    local IFS=$'\n' response completion type value
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \
        %(complete_var)s=bash_complete "$1")
    COMPREPLY=()
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


@add_completion_class
class ColonBash(BashComplete):
    """Completion of bash that is at home with colons."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Split the line into the arguments that are finished and the one that is not."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        if not words or line[-1:].isspace():
            return words, ""
        return words[:-1], words[-1]

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """List the completions, as far as they take the place of what is typed."""
        found = super().get_completions(args, incomplete)
        if ":" in os.environ.get("COMP_BREAKS", ":"):
            typed = incomplete.rpartition("=")[2] if incomplete.startswith("-") else incomplete
            kept = typed[: typed.rfind(":") + 1]
            for item in found:
                item.value = item.value.removeprefix(kept)
        return found


@click.command(short_help="Print the script by which a shell completes syncer.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the script by which a shell completes commands, options, models and ids of integrations.

    \b
    bash: eval "$(syncer completion bash)"                       in ~/.bashrc
    zsh:  eval "$(syncer completion zsh)"                        in ~/.zshrc, after compinit
    fish: syncer completion fish > ~/.config/fish/completions/syncer.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    root = click.get_current_context().find_root().command
    # Not `source` of bash's, which runs a bash to ask for its version.
    write_line(ShellComplete.source(made(root, {}, "syncer", VARIABLE)).rstrip("\n"))
    return 0
