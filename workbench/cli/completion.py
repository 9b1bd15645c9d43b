"""`completion`: the script with which a shell completes commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation


@command("completion", short_help="Print the shell's completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(_call: Invocation, shell: str) -> None:
    """Print the script that completes `workbench` and `dsw` in a shell.

    \b
    bash   eval "$(workbench completion bash)"   in ~/.bashrc
    zsh    eval "$(workbench completion zsh)"   in ~/.zshrc
    fish   workbench completion fish | source   in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    for name in ("workbench", "dsw"):
        # The template without `source()`, which would start bash only to ask its version.
        made = kind(root, {}, name, f"_{name.upper()}_COMPLETE")
        click.echo(made.source_template % made.source_vars())
