"""How an error looks to the person: two or three lines on stderr, or one JSON object; never a traceback."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from workbench.cli.invocation import Invocation
from workbench.cli.terminal.hints import pasted
from workbench.errors import WorkbenchError
from workbench.text import clean

FAILED = 1
USAGE = 2
UNSUCCESSFUL = 3  # a run that was waited for ended in anything but success
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def refused(call: Invocation, error: WorkbenchError) -> int:
    """An error that says what, where and what to do."""
    message, hint = (pasted(text, call) for text in (error.message, error.hint))
    show(call, type(error).__name__, message, title=error.title, hint=hint)
    return FAILED


def misused(call: Invocation, error: click.ClickException) -> int:
    """A command line that cannot be read."""
    context = getattr(error, "ctx", None)
    hint = f"See: {context.command_path} --help" if context else ""
    show(call, "UsageError", error.format_message(), hint=hint)
    return USAGE


def unexpected(call: Invocation, error: Exception) -> int:
    """A mistake of ours: its traceback goes to a file that is named."""
    import traceback

    where = _write_log(call, "".join(traceback.format_exception(error)))
    show(
        call,
        "Unexpected",
        f"{type(error).__name__}: {error}",
        title="this is a mistake in workbench",
        hint=f"The traceback is in {where}" if where else "",
    )
    return FAILED


def show(call: Invocation, kind: str, message: str, *, title: str = "", hint: str = "") -> None:
    """The error itself, on stderr."""
    if call.json:
        body = {"error": {"kind": kind, "message": clean(message), "title": clean(title), "hint": clean(hint)}}
        click.echo(json.dumps(body), err=True)
        return
    head = f"{title}: {message}" if title else message
    click.echo(click.style("✗ ", fg="red") + clean(head), err=True)
    for line in clean(hint).splitlines():
        click.echo(f"  {line}", err=True)


def _write_log(call: Invocation, text: str) -> str:
    """Append to the home's `cli.log`, else to a new private file; empty where nothing can be written."""
    import tempfile

    from workbench.paths import MARKER, find_home

    head = f"{' '.join(sys.argv)}\n{text}\n"
    state = find_home(call.home) / MARKER
    try:
        if state.is_dir() and state.stat().st_uid == os.getuid():
            path = state / "cli.log"
            descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        else:
            descriptor, name = tempfile.mkstemp(prefix="workbench-", suffix=".log")
            path = Path(name)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(head)
    except OSError:
        return ""
    return str(path)
