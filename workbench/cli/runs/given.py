"""Parameters as they are written on a command line, with papermill's options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.grammar import options
from workbench.errors import Refused
from workbench.text import size

if TYPE_CHECKING:
    from workbench.notebooks.parameters import Parameters

LARGEST = 4_000_000  # characters of a file of parameters; what is in it may be smaller still


@dataclass(frozen=True)
class Given:
    """Parameters as written on a command line, each kind in the order it was given."""

    values: Sequence[tuple[str, str]] = ()
    raw: Sequence[tuple[str, str]] = ()
    files: Sequence[str] = ()
    yaml: Sequence[str] = ()
    base64: Sequence[str] = ()

    @property
    def none(self) -> bool:
        """Whether nothing was given."""
        return not (self.values or self.raw or self.files or self.yaml or self.base64)

    def read(self, takes: Parameters | None = None) -> dict[str, Any]:
        """Their values, typed as papermill types them; later kinds win in its order: -b, -f, -y, -p, -r.

        `${…}` in them are references, but for -r, which is text as it stands. `takes`: what is declared as text stays it.
        """
        if self.none:
            return {}
        from workbench.declare.parameters import read_parameters
        from workbench.model.placeholder import escaped
        from workbench.notebooks.parameters import decode_base64, gather

        return gather(
            base64_mappings=[read_parameters(decode_base64(text), title="-b") for text in self.base64],
            file_mappings=[read_parameters(text_of(name), title=name) for name in self.files],
            yaml_mappings=[read_parameters(text, title="-y") for text in self.yaml],
            values=self.values,
            raw=escaped(self.raw),
            takes=takes,
        )


def with_parameters(function: Any) -> Any:
    """Add papermill's options `-p -r -f -y -b`; they arrive as one `Given` named `given`."""
    from functools import wraps

    @wraps(function)
    def wrapper(*args: Any, p: Any, r: Any, f: Any, y: Any, b: Any, **more: Any) -> Any:
        return function(*args, given=Given(p, r, f, y, b), **more)

    pair: dict[str, Any] = {"nargs": 2, "multiple": True, "metavar": "NAME VALUE"}
    return options(
        click.option("-p", "--parameters", "p", **pair, help="A parameter, typed as it is declared; else numbers, True, False and None, as papermill does."),
        click.option("-r", "--parameters_raw", "--parameters-raw", "r", **pair, help="A parameter, as text."),
        click.option(
            "-f", "--parameters_file", "--parameters-file", "f", multiple=True, metavar="FILE",
            type=click.Path(exists=True, dir_okay=False, readable=True), help="A YAML or JSON file of parameters.",
        ),
        click.option("-y", "--parameters_yaml", "--parameters-yaml", "y", multiple=True, metavar="YAML", help="Parameters as YAML."),
        click.option(
            "-b", "--parameters_base64", "--parameters-base64", "b", multiple=True, metavar="TEXT",
            help="Parameters as YAML in base64.",
        ),
    )(wrapper)  # fmt: skip


def text_of(name: str) -> str:
    """The text of a file of values. Raises `Refused`."""
    try:
        with Path(name).open(encoding="utf-8") as file:
            text = file.read(LARGEST + 1)  # a device would have no end
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot be read: {error}", title=os.fsdecode(name)) from error
    if len(text) > LARGEST:
        raise Refused(
            f"larger than {size(LARGEST)}", title=os.fsdecode(name), hint="Put data into a file and pass its name."
        )
    return text
