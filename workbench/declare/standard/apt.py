"""`apt.txt`: Debian packages, one a line."""

from __future__ import annotations

from pathlib import Path

from pydantic_core import PydanticCustomError

from workbench.declare import packages
from workbench.declare.problem import Problem


def parse(path: Path, text: str) -> tuple[list[str], list[Problem]]:
    """Its packages, and what is wrong in it. Several may stand in one line."""
    found: list[str] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        for word in line.partition("#")[0].split():
            try:
                found.append(packages.apt_package(word))
            except PydanticCustomError as error:
                said = error.context or {}
                problems.append(Problem(path, number, line.index(word) + 1, said["said"], said["hint"], line))
    return list(dict.fromkeys(found)), problems
