"""A declaration of the home, written out of the standard files of a folder or of a repository elsewhere."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import context
from workbench.errors import Conflict, NotFound, Refused
from workbench.model.environment import EnvironmentSpec, LocalPackage, NamedFile
from workbench.model.names import SLUG_RULE, is_slug
from workbench.services.bench import Bench
from workbench.services.code import cloning
from workbench.services.declared import catalogue
from workbench.services.declared.folders import name_for_folder
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.declare import Problem


@dataclass(frozen=True)
class Imported:
    """What was written: the declaration, the folder beside it where files came along, what each file gave, and what was
    not taken over."""

    name: str
    path: Path
    folder: Path | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Problem, ...] = ()


def bring(
    bench: Bench, source: str, *, name: str | None = None, progress: cloning.Progress = lambda _: None
) -> Imported:
    """Write `environments/<name>.yaml` from the standard files at `source`, a folder, a file of one, or an address.

    Raises `Refused` where nothing is found there, `Conflict` where the name is taken, `DeclarationError`.
    """
    if not cloning.is_address(source):
        path = Path(os.path.expanduser(source))
        if not path.exists():
            if not cloning.is_path(source):
                cloning.check(source)
            raise NotFound("folder", one_line(source))
        real = path.resolve()
        return _bring(bench, real, _named(name, real.parent if real.is_file() else real), one_line(str(real)))
    wanted = _named(name, Path(cloning.name_of(source)))
    _free(bench, wanted)
    bench.home.state.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="clone-", dir=bench.home.state) as place:
        folder = Path(place, "repository")
        cloning.clone(source, folder, progress=progress, whole=False)
        commit = cloning.commit_of(folder)
        return _bring(bench, folder.resolve(), wanted, f"{one_line(source)}{f' at {commit[:10]}' if commit else ''}")


def _named(name: str | None, folder: Path) -> str:
    wanted = name_for_folder(folder) if name is None else name
    if not is_slug(wanted):
        raise Refused(f"{one_line(wanted, 80)!r} is no name for an environment", hint=f"{SLUG_RULE}.".capitalize())
    return wanted


def _free(bench: Bench, name: str) -> None:
    for path in (bench.home.environments / f"{name}.yaml", bench.home.environments / name):
        if os.path.lexists(path):
            raise Conflict(f"{path} exists already", hint="Choose another name with --name.")


def _bring(bench: Bench, place: Path, name: str, origin: str) -> Imported:
    from workbench.declare import load_standard, writer
    from workbench.declare.standard import combination, leading

    _free(bench, name)
    root = place.parent if place.is_file() else place
    lead = place.name if place.is_file() else leading(root)
    if lead is None:
        raise Refused(
            f"no standard file was found in {one_line(str(root)) if place.is_dir() else origin}",
            hint="As requirements.txt, environment.yml, renv.lock, a Dockerfile, or those in binder/.",
        )
    spec = load_standard(root / lead, project=name, folder=root, shelf=catalogue.shelf(bench)).get()
    made = combination.combined(root, root / lead, spec.name) if spec.title.startswith("From ") else None
    notices = tuple(one.labelled(root) for one in (made.reading.notices if made else ()))
    given = dict(made.given) if made else {lead: "a declaration of this program's own kind"}
    folder = bench.home.environments / name
    keys = _Keys(spec, root, name).all()
    path = bench.home.environments / f"{name}.yaml"
    text = writer.schema_line(path, "environment", bench.home.root) + _head(origin, given, notices) + writer.dump(keys)
    try:
        carried = _carry(spec, root, folder)
        writer.create_text(path, "environment", text, home=bench.home.root)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Imported(name, path, folder if carried else None, given, notices)


def _head(origin: str, given: Mapping[str, str], notices: tuple[Problem, ...]) -> str:
    """What came from where, and what did not come."""
    lines = [f"Imported from {origin}", *(f"  {name}: {what}" for name, what in given.items())]
    if notices:
        lines += ["Not taken over:", *(f"  {one_line(str(notice), 300)}" for notice in notices)]
    return "".join(f"# {line}\n" for line in lines)


def _carry(spec: EnvironmentSpec, root: Path, folder: Path) -> bool:
    """Copy the files that the declaration names; whether there are any."""
    whole = spec.dockerfile or spec.context or (spec.python and spec.python.local) or (spec.r and spec.r.local)
    if whole:
        context.copy(root, folder, context.rules(root))
    for file in _files(spec):
        target = folder / file.path.resolve().relative_to(root.resolve())
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file.path, target)
    if spec.python and spec.python.lock and spec.python.lock.path.name == "uv.lock":
        described = spec.python.lock.path.with_name("pyproject.toml")
        target = folder / described.resolve().relative_to(root.resolve())
        if described.is_file() and not target.exists():
            shutil.copy2(described, target)
    return folder.exists()


def _files(spec: EnvironmentSpec) -> list[NamedFile]:
    parts: list[NamedFile | None] = [spec.post_build, spec.start]
    parts += [spec.dockerfile.file] if spec.dockerfile else []
    parts += [spec.python.lock] if spec.python else []
    parts += [spec.r.lock, spec.r.script] if spec.r else []
    return [part for part in parts if part]


class _Keys:
    """The keys of a declaration that says what a spec says; its files are named below the folder `name`."""

    def __init__(self, spec: EnvironmentSpec, root: Path, name: str) -> None:
        self.spec = spec
        self.root = root.resolve()
        self.name = name

    def all(self) -> dict[str, Any]:
        """Those that say something, in the order of the reference."""
        spec = self.spec
        keys: dict[str, Any] = {"title": spec.title, "image": spec.image}
        if spec.dockerfile:
            part = spec.dockerfile
            keys["dockerfile"] = _said(
                file=self.place(part.file.path),
                context=self.place(part.context),
                target=part.target,
                args=dict(part.args),
            )
        if spec.python:
            part_ = spec.python
            keys["python"] = _said(
                version=part_.version,
                packages=list(part_.packages),
                lock=self.file(part_.lock),
                index=part_.index,
                extra_indexes=list(part_.extra_indexes),
                constraints=list(part_.constraints),
                local=[self.package(one) for one in part_.local],
            )
        if spec.r:
            keys["r"] = _said(
                version=spec.r.version,
                packages=list(spec.r.packages),
                repository=spec.r.repository,
                lock=self.file(spec.r.lock),
                script=self.file(spec.r.script),
                local=self.package(spec.r.local) if spec.r.local else None,
            )
        if spec.conda:
            keys["conda"] = _said(packages=list(spec.conda.packages), channels=list(spec.conda.channels))
        keys |= {
            "apt": list(spec.apt),
            "env": dict(spec.env),
            "ports": [{"port": one.number, "title": one.title} if one.title else one.number for one in spec.ports],
            "post_build": self.file(spec.post_build),
            "context": self.place(spec.context.folder) if spec.context else None,
            "start": self.file(spec.start),
        }
        empty = ("python", "r")  # an empty part asks for the language alone
        return {key: value for key, value in keys.items() if value or (key in empty and value is not None)}

    def place(self, path: Path) -> str:
        """Where a file or folder of the source is, relative to the declaration."""
        inner = path.resolve().relative_to(self.root).as_posix()
        return self.name if inner == "." else f"{self.name}/{inner}"

    def file(self, named: NamedFile | None) -> str | None:
        """The same for a file that may not be there."""
        return self.place(named.path) if named else None

    def package(self, package: LocalPackage) -> str:
        """A package in a folder, with its extras."""
        return f"{self.place(package.path)}{package.extras}"


def _said(**keys: Any) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if value}
