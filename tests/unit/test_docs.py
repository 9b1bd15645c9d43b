"""The command lines and links in the written pages are true."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from workbench.cli.invocation import Invocation
from workbench.cli.program import program

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("projects/*/README.md"))
    if path.name not in {"design.md", "cli.md"}
)
# Words that stand for something of the reader's.
SKIPPED = {"…"}


def command_lines() -> Iterator[tuple[str, str]]:
    """`(place, command line)` of every line of code that calls the program, in blocks and in running text."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            calls = [line.strip()] if line.startswith("workbench ") else re.findall(r"`(workbench [^`]+)`", line)
            for call in calls:
                if not SKIPPED & set(call):
                    yield f"{page.relative_to(ROOT)}:{number}", call


LINES = list(command_lines())


def parse(line: str) -> None:
    """Read `line` as the program would, without doing it. Raises `click.UsageError`."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = program()
    context = command.make_context("workbench", words, obj=Invocation())
    while isinstance(command, click.Group):
        left = [*context._protected_args, *context.args]
        if not left:
            return
        name, found, rest = command.resolve_command(context, left)
        assert found is not None
        command = found
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize(("place", "line"), LINES, ids=[f"{place} {line}" for place, line in LINES])
def test_every_command_line_in_the_docs_is_read(place: str, line: str) -> None:
    """A command shown in README, guide or contributing page exists, with the options it is shown with."""
    try:
        parse(line)
    except click.exceptions.Exit:
        pass
    except click.UsageError as error:
        if isinstance(error, click.BadParameter) and "does not exist" in error.message:
            return  # a folder of the reader's
        pytest.fail(f"{place}: {line}\n{error.format_message()}", pytrace=False)


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link and picture in the pages is there."""
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in (*PAGES, *ROOT.glob("docs/cli.md"), *ROOT.glob("docs/design.md"))
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_modules_named_to_contributors_exist() -> None:
    """Every path that CONTRIBUTING.md names is there, so that a reader finds it."""
    named = re.findall(r"`((?:workbench|tests|docs|scripts)/[^`]*)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert named
    assert [path for path in named if not any(ROOT.glob(path.rstrip("/")))] == []
