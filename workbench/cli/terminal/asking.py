"""Questions before what cannot be undone: asked on a terminal, refused where nobody can answer."""

from __future__ import annotations

import sys

import click

from workbench.cli.invocation import Invocation
from workbench.errors import Refused


def interactive() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def sure(call: Invocation, question: str, *, yes: bool) -> None:
    """Go on only where the person says yes; raises `Refused` otherwise."""
    if yes:
        return
    if call.json or not interactive():
        raise Refused(f"not done without a yes: {question}", hint="Add --yes to do it without being asked.")
    if not click.confirm(question, default=False, err=True):
        raise Refused("nothing was changed")
