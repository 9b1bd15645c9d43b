"""An environment out of its YAML file, with what it extends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from workbench.declare import named_files
from workbench.declare.coherence import Teller, conflicts, notices
from workbench.declare.composer import Keys
from workbench.declare.ide import Ides
from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.reader import TEXT, Document, read
from workbench.declare.requirements import read_requirements
from workbench.declare.schema import EnvironmentKeys
from workbench.declare.schema.port import ports_of
from workbench.declare.validation import validate
from workbench.model import forward, sizes
from workbench.model.environment import (
    CondaPart,
    EngineName,
    EnvironmentSpec,
    KernelPart,
    Limits,
    Pull,
    PythonPart,
    RPart,
)
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.sizes import Machine
from workbench.paths import shipped as shipped_folder

SUFFIX = ".yaml"
# Said of one file only: what extends it says its own.
_OWN = ("title", "description", "extends")


@dataclass(frozen=True)
class Shelf:
    """Folders of environments by name; a file of the same name in an earlier one wins. `ides`: what they may list."""

    folders: tuple[Path, ...] = ()
    ides: Ides = field(default_factory=lambda: Ides((shipped_folder("ides"),)))

    def find(self, name: str, beside: frozenset[Path] = frozenset()) -> Path | None:
        """The file that declares `name`, those in `beside` passed over; None where there is none."""
        for folder in self.folders:
            path = folder / f"{name}{SUFFIX}"
            if path not in beside and os.path.lexists(path):
                return path
        return None

    def files(self) -> dict[str, Path]:
        """All declared names with their files, in order of name."""
        found: dict[str, Path] = {}
        for folder in reversed(self.folders):
            if folder.is_dir():
                found.update((path.stem, path) for path in sorted(folder.glob(f"*{SUFFIX}")))
        return dict(sorted((name, path) for name, path in found.items() if not name.startswith(".")))


@dataclass(frozen=True)
class Link:
    """One file of a chain of `extends`: what it says, and its requirements."""

    document: Document
    said: Mapping[str, Any]
    own: EnvironmentKeys


def load_environment(
    source: Path | str,
    *,
    name: str | None = None,
    shelf: Shelf | None = None,
    inside: Path | None = None,
    machine: Machine | None = None,
    sizes: Mapping[str, Limits] | None = None,
    shipped: bool = False,
) -> Reading[EnvironmentSpec]:
    """An environment out of a file or text.

    `name` is the file's where it is not given; `shelf` has what it may extend. Files it names must lie in `inside`
    where that is given, as for a project's own declaration. Limits are checked against `machine`; `sizes` are those
    a home declares.
    """
    chain = Chain(shelf or Shelf(), inside, machine, sizes or {})
    path = source if isinstance(source, Path) else TEXT
    slug = path.stem if name is None else name
    if source is path and name is None and not is_slug(slug):
        chain.problems.append(Problem(path, 0, 0, f"{slug!r} is no name for an environment", SLUG_RULE))
    chain.follow(source)
    if chain.problems or not chain.links:
        return Reading(None, tuple(chain.problems))
    made = replace(_spec(chain.links, slug, path, shipped), read=tuple(chain.read))
    spec = chain.shelf.ides.equip(made)
    tell = _teller(chain.links)
    problems = conflicts(spec, tell)
    return Reading(None, tuple(problems)) if problems else Reading(spec, notices=tuple(notices(spec, tell)))


class Chain:
    """Follows `extends` from a file to its last base; `links` has the base first."""

    def __init__(
        self, shelf: Shelf, inside: Path | None, machine: Machine | None, declared: Mapping[str, Limits]
    ) -> None:
        self.shelf = shelf
        self.inside = inside
        self.machine = machine
        self.declared = declared
        self.links: list[Link] = []
        self.problems: list[Problem] = []
        self.read: list[Path] = []  # files of requirements

    def follow(self, source: Path | str) -> None:
        seen: list[Path] = []
        inside = self.inside
        while True:
            path = source if isinstance(source, Path) else TEXT
            seen.append(path)
            document, keys = self.load(source)
            if document is None:
                return
            if keys:
                self.add(document, keys, inside)
            wanted = keys.extends if keys else document.data.get("extends")
            if not isinstance(wanted, str) or not is_slug(wanted):
                return
            base = self.shelf.find(wanted, frozenset(seen))
            if base is None:
                self.problems.append(self.lost(document, wanted, seen))
                return
            source, inside = base, None

    def load(self, source: Path | str) -> tuple[Document | None, EnvironmentKeys | None]:
        try:
            document = read(source)
        except DeclarationError as error:
            self.problems += error.problems
            return None, None
        reading = validate(document, EnvironmentKeys, self.machine)
        self.problems += [*reading.problems, *self.unknown_ides(document)]
        return document, reading.value

    def add(self, document: Document, keys: EnvironmentKeys, inside: Path | None) -> None:
        said = keys.model_dump(exclude_unset=True)
        if keys.python and keys.python.requirements:
            path = document.path.parent / os.path.expanduser(keys.python.requirements)
            found = read_requirements(path, inside)
            self.read += found.files
            for problem in found.problems:
                whole = problem.path == path and not problem.line
                at = document.problem(("python", "requirements"), problem.message, problem.hint)
                self.problems.append(at if whole else problem)
            python = said["python"]
            python["requirements"] = path
            python["packages"] = [*python.get("packages", []), *found.lines]
            if found.index:
                python.setdefault("index", found.index)
            for key, more in (("extra_indexes", found.extra_indexes), ("constraints", found.constraints)):
                if more:
                    python[key] = [*python.get(key, []), *more]
            folder = document.path.parent
            local = [
                os.path.relpath((at.parent / place).resolve(), folder.resolve()) + extras
                for place, extras, at in found.local
            ]
            if local:
                python["local"] = [*python.get("local", []), *local]
        self.problems += named_files.resolve(document, said, inside)
        if keys.ports:
            said["ports"] = list(ports_of(keys.ports))
        if keys.size:
            said["limits"] = {**self.size(document, keys.size), **(said.get("limits") or {})}
        self.links.insert(0, Link(document, said, keys))

    def size(self, document: Document, name: str) -> dict[str, Any]:
        """The limits of a named size that are set; what `limits:` of the same file says comes over them."""
        known = {**sizes.shipped(self.machine or Machine.this()), **self.declared}
        if name in known:
            return {key: value for key, value in asdict(known[name]).items() if value is not None}
        close = get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
        self.problems.append(document.problem(("size",), f"no size named {name!r}", hint))
        return {}

    def unknown_ides(self, document: Document) -> list[Problem]:
        """Names of IDEs that are none, each where it is written."""
        said = document.data.get("ides")
        names = tuple(str(name) for name in said) if isinstance(said, list) else ()
        return [document.problem(("ides", number), *words) for number, *words in self.shelf.ides.problems(names)]

    def lost(self, document: Document, wanted: str, seen: list[Path]) -> Problem:
        known = self.shelf.files()
        if wanted in known:
            circle = " → ".join([*(path.stem for path in seen), wanted])
            return document.problem(("extends",), f"extends goes round in a circle: {circle}")
        close = get_close_matches(wanted, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(list(known)[:12]) or 'none'}"
        return document.problem(("extends",), f"no environment named {wanted!r}", hint)


def _merged(links: list[Link]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for link in links:
        merged = _merge({key: value for key, value in merged.items() if key not in _OWN}, link.said)
    return merged


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lists append, mappings merge key by key, single values replace."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            merged[key] = _merge(old, value)
        elif isinstance(value, list) and isinstance(old, list):
            merged[key] = list(dict.fromkeys([*old, *value]))
        else:
            merged[key] = value
    return merged


def _spec(links: list[Link], name: str, path: Path, shipped: bool) -> EnvironmentSpec:
    said = _merged(links)
    engine = said.get("engine")
    python = said.get("python")
    if python is None and not any(said.get(key) for key in ("image", "dockerfile", "use", "r", "conda")):
        python = {}
    r = said.get("r")
    return EnvironmentSpec(
        name=name,
        source=None if path is TEXT else path,
        engine=None if engine in (None, "auto") else EngineName(engine),
        image=said.get("image"),
        use=os.path.expanduser(said["use"]) if said.get("use") else None,
        pull=Pull(said["pull"]) if said.get("pull") else None,
        dockerfile=said.get("dockerfile"),
        python=None if python is None else PythonPart(**_fixed(python)),
        r=None if r is None else RPart(**_fixed(r)),
        conda=CondaPart(**_fixed(said["conda"])) if said.get("conda") else None,
        apt=tuple(said.get("apt", ())),
        env=said.get("env", {}),
        secrets=tuple(dict.fromkeys(said.get("secrets", ()))),
        size=said.get("size"),
        limits=Limits(**(said.get("limits") or {})),
        network=said.get("network", True),
        ports=forward.merged(said.get("ports", ())),
        kernel=KernelPart(**_fixed(said.get("kernel") or {})),
        post_build=said.get("post_build"),
        start=said.get("start"),
        idle_stop=said.get("idle_stop"),
        concurrency=said.get("concurrency"),
        context=said.get("context"),
        ides=tuple(said.get("ides", ("jupyter",))),
        title=said.get("title", ""),
        description=said.get("description", ""),
        shipped=shipped,
    )


def _fixed(said: Mapping[str, Any]) -> dict[str, Any]:
    """With its lists as they stand in the model."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}


def _teller(links: list[Link]) -> Teller:
    """Makes problems at the newest file that has the keys, else at the newest file."""

    def tell(keys: Keys, message: str, hint: str = "", *, notice: bool = False) -> Problem:
        for link in reversed(links):
            if keys in link.document.keys:
                return link.document.problem(keys, message, hint, at_key=True, notice=notice)
        return links[-1].document.problem((), message, hint, notice=notice)

    return tell
