"""`pyproject.toml`: the Pythons it goes with, its dependencies, and whether it describes a package."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from workbench.declare.standard.shapes import texts
from workbench.declare.standard.versions import fitting


@dataclass(frozen=True)
class Pyproject:
    """`package`: it can be installed. `python`: a version to choose, None where the usual one does."""

    package: bool
    dependencies: tuple[str, ...] = ()
    python: str | None = None
    project: bool = True


def parse(text: str) -> Pyproject | str:
    """What the file says, or what is wrong with it."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return f"not TOML: {str(error)[:100]}"
    project = data.get("project")
    if not isinstance(project, dict):
        return Pyproject(package=False, project=False)
    wanted = project.get("requires-python")
    version = _version(wanted)
    if version == "":
        return f"no Python that there is goes with requires-python {str(wanted)[:60]!r}"
    return Pyproject(
        package="build-system" in data,
        dependencies=tuple(texts(project.get("dependencies"))),
        python=version,
    )


def _version(said: Any) -> str | None:
    """A version that goes with `requires-python`; empty where none does."""
    if not isinstance(said, str):
        return None
    try:
        wanted = SpecifierSet(said)
    except InvalidSpecifier:
        return ""
    return fitting(wanted)
