"""How the command line is read: options that may stand anywhere, names that may be cut short, commands loaded late."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

import click

from workbench.cli.invocation import Invocation

Function = TypeVar("Function", bound=Callable[..., Any])


def _note(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Keep a common option for the whole call, whichever command it stood at."""
    if not value or context.resilient_parsing:
        return
    if option.name == "no_color":
        context.find_root().color = False
    else:
        setattr(context.ensure_object(Invocation), option.name or "", value)


def common_options(*, all_shown: bool = False) -> list[click.Parameter]:
    """The options every command takes; help of single commands shows only the two that matter there."""

    def option(*names: str, hidden: bool = False, **more: Any) -> click.Option:
        return click.Option(
            names, expose_value=False, callback=_note, hidden=hidden and not all_shown, default=None, **more
        )

    return [
        option("--json", is_flag=True, help="Answer in JSON: an object, or an array for lists."),
        option("-q", "--quiet", is_flag=True, help="Print ids and answers only."),
        option("--home", metavar="FOLDER", hidden=True, help="Work on the home at FOLDER."),
        option("--no-color", is_flag=True, hidden=True, help="No colours, as NO_COLOR=1."),
        option("--read-only", is_flag=True, hidden=True, help="Refuse whatever changes something."),
    ]


class Placed(click.Command):
    """A command whose every misuse is told with its name, so that its help can be pointed to: click leaves some out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


class Command(Placed):
    """A command that also takes the common options."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.params.extend(common_options())

    def get_short_help_str(self, limit: int = 45) -> str:
        """Its line in a list of commands: what of its first sentence fits up to the end of a clause."""
        whole = super().get_short_help_str(limit)
        if self.short_help or not self.help or not whole.endswith("..."):
            return whole
        fitting = " ".join(self.help.split())[:limit]
        for marks in (";:", ","):
            end = max(fitting.rfind(f"{mark} ") for mark in marks)
            if end > 0:
                return f"{fitting[:end]}."
        return whole


class Prefixed(Placed, click.Group):
    """A group whose commands may be cut to a prefix that only one of them has; `also` holds other names for them."""

    def __init__(self, *args: Any, also: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.also = dict(also or {})

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names, in full or in part."""
        word = args[0]
        names = self.list_commands(ctx)
        name = self.also.get(word, word)
        if name not in names and word:
            near = [known for known in names if known.startswith(word)]
            if len(near) > 1:
                raise click.UsageError(f"{word!r} may be {' or '.join(near)}.", ctx)
            name = near[0] if near else word
        command = self.get_command(ctx, name)
        if command is None:
            close = get_close_matches(word, names, n=1, cutoff=0.7)
            root = ctx.find_root()
            alone = ctx is not root and isinstance(root.command, Late) and word in root.command.entries
            more = f" Did you mean {close[0]}?" if close else f" There are: {', '.join(names)}."
            more = f" It stands alone: {root.info_name} {word}." if alone else more
            raise click.UsageError(f"No such command {word!r}.{more}", ctx)
        return name, command, args[1:]


class Noun(Prefixed):
    """A group named after what it is about; without a command's name it does `bare`, which lists."""

    command_class = Command

    def __init__(self, *args: Any, bare: str = "list", **more: Any) -> None:
        super().__init__(*args, **more)
        self.bare = bare

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command's name first where options stand before it, and `bare` where there is none."""
        before: list[str] = []
        rest = list(args)
        while rest and rest[0] in ("--json", "-q", "--quiet", "--no-color", "--read-only", "--home"):
            count = 2 if rest[0] == "--home" else 1
            before += rest[:count]
            rest = rest[count:]
        if not rest or (rest[0].startswith("-") and rest[0] != "--help"):
            rest.insert(0, self.bare)
        if rest[0] != "--help":
            rest[1:1] = before
        return super().parse_args(ctx, rest)


@dataclass(frozen=True)
class Entry:
    """A command that is loaded when it is used: `target` is `module:name`, `help` its line in the list. `more` are modules
    that add commands to a group."""

    target: str
    help: str
    section: str
    more: tuple[str, ...] = ()

    def load(self) -> click.Command:
        """Import it."""
        module, _, name = self.target.partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        for other in self.more:
            import_module(other)
        return command


class Late(Prefixed):
    """The group of all commands, none of them imported before it is called."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **more: Any) -> None:
        super().__init__(*args, **more)
        self.entries = dict(entries)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order of the help page."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that full name, imported."""
        entry = self.entries.get(cmd_name)
        return entry.load() if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands by section, from the table alone."""
        for section in dict.fromkeys(entry.section for entry in self.entries.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [(name, entry.help) for name, entry in self.entries.items() if entry.section == section]
                )


def command(name: str, **more: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of the top level, with the common options; its function gets the `Invocation` first."""

    def wrap(function: Callable[..., Any]) -> click.Command:
        return click.command(name, cls=Command, **more)(click.pass_obj(function))

    return wrap


def subcommand(group: Noun, name: str, **more: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of a group; its function gets the `Invocation` first."""

    def wrap(function: Callable[..., Any]) -> click.Command:
        return group.command(name, **more)(click.pass_obj(function))

    return wrap


def noun(name: str, help_text: str, *, bare: str = "list", also: Mapping[str, str] | None = None) -> Noun:
    """A group of commands."""
    return Noun(name, help=help_text, bare=bare, also=also)


def options(*decorators: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Several options as one decorator, in the order they are to be shown."""

    def wrap(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return wrap


def program_name(argv: Sequence[str]) -> str:
    """`dsw` where it was called so, else `workbench`."""
    called = os.path.basename(argv[0]) if argv else ""
    return "dsw" if called == "dsw" else "workbench"
