"""`environment.yml` of conda. Where it asks for Python and pip packages alone, no conda is needed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic_core import PydanticCustomError

from workbench.declare import packages
from workbench.declare.composer import Keys
from workbench.declare.problem import DeclarationError, Problem
from workbench.declare.reader import Document, read
from workbench.declare.requirements import Requirements, take_line
from workbench.declare.standard import python_files
from workbench.declare.standard.draft import Draft
from workbench.declare.standard.versions import exact, fitting

KEYS = ("name", "channels", "dependencies", "prefix", "variables")
_PYTHON = re.compile(r"python\s*(?:([=<>!~][^\[]*))?", re.ASCII)


def is_conda(document: Document) -> bool:
    """Whether a YAML file is one of conda's rather than ours."""
    return "dependencies" in document.data or "channels" in document.data


def take(draft: Draft, path: Path) -> None:
    """All that the file says."""
    if not draft.folder.safe(path):
        draft.problem(path, "leads out of the project")
        return
    try:
        document = read(path)
    except DeclarationError as error:
        draft.problems += error.problems
        return
    draft.problems += document.problems
    _Reader(draft, document).take()
    draft.gave(path, "conda packages" if draft.conda_packages else "Python packages")
    for name in ("requirements.txt", "Pipfile", "Pipfile.lock", "setup.py"):
        draft.ignored(name, f"{path.name} has the say, as with repo2docker")


class _Reader:
    def __init__(self, draft: Draft, document: Document) -> None:
        self.draft = draft
        self.document = document
        self.wanted = ""  # conda's word for the version of Python
        self.pip = False
        self.unclear: list[Problem] = []

    def take(self) -> None:
        for key in self.document.data:
            if key not in KEYS:
                self.draft.notices.append(
                    self.document.problem((key,), f"{key!r} is not read", at_key=True, notice=True)
                )
        dependencies = self.document.data.get("dependencies") or []
        if not isinstance(dependencies, list):
            self.note(("dependencies",), "expected a list")
            return
        self.draft.python = True
        for number, item in enumerate(dependencies):
            place: Keys = ("dependencies", number)
            if isinstance(item, dict) and set(item) == {"pip"}:
                self.take_pip(item["pip"], (*place, "pip"))
            elif isinstance(item, str):
                self.package(item, place)
            else:
                self.note(place, "expected a package, or `pip:` with a list")
        self.settle()
        self.variables(self.document.data.get("variables") or {})

    def package(self, said: str, place: Keys) -> None:
        """One package: Python and pip are what every environment has, all else needs conda."""
        bare = said.rpartition("::")[2].strip()
        python = _PYTHON.fullmatch(bare)
        if python:
            self.wanted = (python[1] or "").strip()
            self.draft.python_version = self.version(self.wanted, place)
        elif re.fullmatch(r"pip\s*(?:[=<>!~].*)?", bare):
            self.pip = True
        else:
            try:
                self.draft.conda_packages.append(packages.conda_package(said.strip()))
            except PydanticCustomError as error:
                context = error.context or {}
                self.note(place, context["said"], context["hint"])

    def version(self, said: str, place: Keys) -> str | None:
        """The version of Python to ask for where conda is not needed; what is unclear only counts then."""
        try:
            if not said or re.fullmatch(r"=*\s*[\d.*]+(?:=\S+)?", said):
                return exact(said.strip("= ").partition("=")[0].rstrip(".*")) if said else None
            chosen = fitting(SpecifierSet(re.sub(r"^=(?=\d)", "==", said)))
            if chosen != "":
                return chosen
            message, hint = f"no Python that there is goes with {said!r}", ""
        except (InvalidSpecifier, ValueError):
            message, hint = f"which Python {said!r} means is not clear", "write python=3.13"
        self.unclear.append(self.document.problem(place, message, hint))
        return None

    def settle(self) -> None:
        """Where conda is needed, it brings Python too, in whatever way that is asked for."""
        channels = self.document.data.get("channels") or []
        self.draft.channels = [str(channel) for channel in channels if isinstance(channel, str)]
        if self.draft.conda_packages:
            self.draft.conda_packages.insert(0, f"python{self.wanted}")
            self.draft.python_version = None
        else:
            self.draft.problems += self.unclear
        if self.pip and not any(re.match(r"pip\b(?!-)", line) for line in self.draft.packages):
            self.draft.packages.append("pip")

    def take_pip(self, lines: Any, place: Keys) -> None:
        if not isinstance(lines, list):
            self.note(place, "expected a list")
            return
        found = Requirements()
        for number, line in enumerate(lines):
            at = self.document.problem((*place, number), "")
            if isinstance(line, str):
                take_line(found, "".join(line), self.document.path, self.draft.folder.root, at)
            else:
                self.note((*place, number), "expected a package")
        self.draft.problems += found.problems
        self.draft.notices += found.notices
        python_files.take_found(self.draft, found)

    def variables(self, given: Any) -> None:
        if not isinstance(given, dict):
            self.note(("variables",), "expected a mapping")
            return
        for name, value in given.items():
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or not isinstance(value, str):
                self.note(("variables", name), f"{name!r} is no variable with a value", at_key=True)
            else:
                self.draft.env[name] = "".join(value)

    def note(self, place: Keys, message: str, hint: str = "", *, at_key: bool = False) -> None:
        self.draft.problems.append(self.document.problem(place, message, hint, at_key=at_key))
