"""Declarations: YAML text to the model, every problem with its place, and back to YAML with comments kept.

    environment.py ide.py project.py schedule.py preferences.py    load one kind
    requirements.py standard.py                             the standard files of other tools
    schema.py scalars.py packages.py                        the keys and the types of their values
    reader.py composer.py quoting.py validation.py          strict YAML
    writer.py                                               ruamel.yaml round trips
    schemas.py reference.py                                 JSON Schemas and docs/yaml.md, generated

`load_…` gives a `Reading`: its value, its problems, its notices; `.get()` raises `DeclarationError` instead.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.declare.environment import Shelf, load_environment
    from workbench.declare.ide import Ides, load_ide
    from workbench.declare.preferences import load_settings
    from workbench.declare.problem import DeclarationError, Problem, Reading
    from workbench.declare.project import load_project
    from workbench.declare.reader import problem_at
    from workbench.declare.schedule import load_schedule
    from workbench.declare.standard import load_standard

__all__ = [
    "DeclarationError",
    "Ides",
    "Problem",
    "Reading",
    "Shelf",
    "load_environment",
    "load_ide",
    "load_project",
    "load_schedule",
    "load_settings",
    "load_standard",
    "problem_at",
]

_HOME = {
    "DeclarationError": "problem",
    "Ides": "ide",
    "Problem": "problem",
    "Reading": "problem",
    "Shelf": "environment",
    "load_environment": "environment",
    "load_ide": "ide",
    "load_project": "project",
    "load_schedule": "schedule",
    "load_settings": "preferences",
    "load_standard": "standard",
    "problem_at": "reader",
}


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: pydantic and yaml are not paid for by commands that read no declaration.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
