"""What a notebook takes, as `run NOTEBOOK --help-notebook` tells it, for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.cli.invocation import Invocation
from workbench.cli.shapes.shape import Key, Shape
from workbench.cli.shapes.shape import same as _same
from workbench.cli.shapes.shape import text as _text
from workbench.cli.terminal.output import emit, note, table
from workbench.model.parameter import Declared

if TYPE_CHECKING:
    from workbench.notebooks.parameters import Parameters

PARAMETER: Shape[Declared] = Shape(
    "parameter",
    (
        _text("name", "its name"),
        _text("type", "bool int float str date list dict, or any"),
        Key("default", "value or null", "its value where none is given", lambda one: one.default),
        _text("source", "its default as written; empty for none"),
        _same("required", "boolean", "whether it has to be given"),
        Key("choices", "array", "the values there are; empty for any", lambda one: list(one.choices)),
        Key("min", "value or null", "the least value", lambda one: one.least),
        Key("max", "value or null", "the largest value", lambda one: one.most),
        _text("help", "what it is"),
        Key("declared", "text", "project or notebook: where", lambda one: "project" if one.explicit else "notebook"),
    ),
)


def tell(call: Invocation, takes: Parameters) -> None:
    """Its parameters in order, with type, default, what values there are, and help."""
    if call.json:
        emit([PARAMETER.of(one) for one in takes.declared])
        return
    table(
        call,
        ("NAME", "TYPE", "DEFAULT", "VALUES", "HELP"),
        [
            (one.name, one.kind or "any", one.source or ("required" if one.required else "-"), one.limits, one.help)
            for one in takes.declared
        ],
        empty="It has no parameters that can be seen."
        if takes.has_cell
        else "It has no cell tagged `parameters`, and its project declares none.",
        give=("HELP", "VALUES"),
    )
    if not takes.known and takes.has_cell and not takes.explicit:
        note(call, "Its `parameters` cell cannot be read, so any name is taken.")
