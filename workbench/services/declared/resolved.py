"""An environment as it resolves: every value with where it comes from, those that nobody declared too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFound
from workbench.model import sizes
from workbench.model.environment import EnvironmentSpec, LocalPackage, NamedFile, Revision
from workbench.model.sizes import Machine
from workbench.paths import shipped
from workbench.services import environments, projects
from workbench.services.bench import Bench
from workbench.services.declared import catalogue
from workbench.services.environments import EnvironmentView
from workbench.text import memory

if TYPE_CHECKING:
    from workbench.declare.origins import Origin, Origins

_PASSWORD = re.compile(r"(://[^/@:\s]*:)[^/@\s]+@")  # of an address
# No values of their own, or said elsewhere.
LEFT_OUT = frozenset({"name", "source", "shipped", "tools", "context", "python.requirements"})
DEFAULT, SETTINGS = "default", "settings"


@dataclass(frozen=True)
class Value:
    """One value. `kind`: declared, extends, size, standard file, settings, chosen, built or default; `origin` says it in words.

    Of a list each item is a value of its own.
    """

    key: str
    value: str
    kind: str
    origin: str
    file: Path | None = None
    line: int = 0


@dataclass(frozen=True)
class Resolved:
    """An environment's values, and the files that say them: its own first, then what it extends."""

    name: str
    files: tuple[Path, ...]
    values: tuple[Value, ...]


def resolved(bench: Bench, name: str) -> Resolved:
    """What an environment resolves to on this machine. Raises `NotFound`, `DeclarationError`."""
    spec = environments.spec(bench, name)
    files, found = _origins(bench, spec)
    settings = _settings(bench)
    size = settings(f"sizes.{spec.size}", "")
    whence = _Whence(
        bench,
        spec,
        files,
        found,
        standard="/" in name and not _ours(spec),
        size="shipped" if size.kind == DEFAULT else size.origin,
    )
    rows = [whence.row(key, item, value) for key, item, value in _flat(spec)]
    there = {row.key for row in rows}
    rows += [row for row in _unsaid(bench, spec, environments.view(bench, name)) if row.key not in there]
    shown = [replace(row, value=_PASSWORD.sub(r"\1…@", row.value)) for row in rows]
    return Resolved(name, tuple(files), tuple(sorted(shown, key=_place)))


class _Whence:
    """Says where the values of one environment come from."""

    def __init__(
        self, bench: Bench, spec: EnvironmentSpec, files: list[Path], found: Origins, *, standard: bool, size: str
    ) -> None:
        self.bench = bench
        self.own = spec.source
        self.lock = catalogue.lock_file(bench, spec)
        self.bases = files[1:]
        self.found = found
        self.standard = standard
        self.size = size

    def row(self, key: str, item: str, value: Any) -> Value:
        origin = self.found.get((key, item)) or self._around(key)
        text = _text(key, value)
        if key.startswith("locked."):
            return Value(key, text, "declared", place(self.bench, self.lock, 0), self.lock)
        if isinstance(value, NamedFile) and self.standard:
            return Value(key, text, "standard file", place(self.bench, value.path, 0), value.path)
        if origin is None:
            if self.standard and self.own and key not in ("ides", "network"):
                return Value(key, text, "standard file", place(self.bench, self.own, 0), self.own)
            return Value(key, text, DEFAULT, "default of the program")
        where = place(self.bench, origin.path, origin.line)
        if origin.via:
            return Value(key, text, "size", f"{origin.via} ({self.size}), {where}", origin.path, origin.line)
        kind = "standard file" if self.standard else "extends" if origin.path in self.bases else "declared"
        return Value(key, text, kind, where, origin.path, origin.line)

    def _around(self, key: str) -> Origin | None:
        """What is said of a part as a whole, for what is in it."""
        while key:
            if (key, "") in self.found:
                return self.found[key, ""]
            key = key.rpartition(".")[0]
        return None


def place(bench: Bench, path: Path, line: int) -> str:
    """A file as people know it, and the line where it is known."""
    home, own = bench.home.root, shipped("environments")
    if path.is_relative_to(own):
        shown = f"shipped {path.relative_to(own)}"
    else:
        shown = str(path.relative_to(home)) if path.is_relative_to(home) else str(path)
    return f"{shown}:{line}" if line else shown


def _origins(bench: Bench, spec: EnvironmentSpec) -> tuple[list[Path], Origins]:
    from workbench.declare.origins import origins, standard_origins

    if spec.source is None:
        return [], {}
    folder = _project_folder(bench, spec)
    if folder and not _ours(spec):
        return standard_origins(folder, spec.source, spec.name)
    return origins(spec.source, shelf=catalogue.shelf(bench), inside=folder, sizes=bench.settings.sizes)


def _ours(spec: EnvironmentSpec) -> bool:
    from workbench.declare.origins import is_ours

    return spec.source is None or is_ours(spec.source)


def _project_folder(bench: Bench, spec: EnvironmentSpec) -> Path | None:
    owner, slash, _ = spec.name.partition("/")
    try:
        return projects.get(bench, owner).path if slash else None
    except NotFound:
        return None


def _flat(part: Any, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every value that is set, with its dotted key and, of what is in a list, the item."""
    for field in fields(part):
        key, value = f"{prefix}{field.name}", getattr(part, field.name)
        if key in LEFT_OUT or field.name in ("sha256", "seen", "assumed") or value in (None, "", ()):
            continue
        if isinstance(value, tuple):
            yield from ((key, _text(key, item), item) for item in value)
        elif isinstance(value, Mapping):
            yield from ((f"{key}.{name}", "", item) for name, item in value.items())
        elif is_dataclass(value) and not isinstance(value, NamedFile | LocalPackage):
            yield from _flat(value, f"{key}.")
        else:
            yield key, "", value


def _text(key: str, value: Any) -> str:
    if key in ("limits.memory", "limits.shared_memory") and isinstance(value, int):
        return memory(value)
    if isinstance(value, NamedFile):
        return value.path.name
    if isinstance(value, LocalPackage):
        return f"{value.path}{value.extras}"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value.value if isinstance(value, Enum) else value)


def _unsaid(bench: Bench, spec: EnvironmentSpec, view: EnvironmentView) -> Iterator[Value]:
    """What holds where nothing is declared."""
    settings, home = _settings(bench), bench.settings
    if view.engine:
        chosen = f"chosen at the first build{': ' * bool(view.engine_reason)}{view.engine_reason}"
        yield Value("engine", str(view.engine), "chosen", chosen)
    else:
        yield settings("engine", home.engine)
    if spec.image or spec.dockerfile or not spec.use:
        yield settings("pull", home.pull)
    revision = view.revision if view.state in ("ready", "held") else None
    if not spec.use and (spec.python or spec.conda):
        yield _version("python.version", revision, revision.python_version if revision else None, "what the engine has")
        if home.package_index:
            yield settings("python.index", home.package_index, "package_index")
        else:
            yield Value("python.index", "PyPI", DEFAULT, "or what pip and uv of this machine are set to")
    if spec.r:
        yield _version("r.version", revision, revision.r_version if revision else None, "Debian's")
    yield from _bounds(spec)
    if not spec.use and str(view.engine or spec.engine or "") != "process":
        where = "default of the program, in containers"
        yield Value("limits.pids", str(sizes.PROCESSES), DEFAULT, where)
        yield Value("limits.shared_memory", memory(sizes.SHARED_MEMORY), DEFAULT, where)
        for name in home.registries:
            yield settings(f"registries.{name}", home.registries[name])
    yield Value("kernel.name", "each notebook's own", DEFAULT, "default of the program")


def _version(key: str, revision: Revision | None, built: str | None, otherwise: str) -> Value:
    """Of a language: what was built, else what a build would take."""
    if revision and built:
        return Value(key, built, "built", f"revision {revision.id}")
    return Value(key, otherwise, DEFAULT, "default of the program")


def _bounds(spec: EnvironmentSpec) -> Iterator[Value]:
    """Memory and cores that it may use where it does not say."""
    machine = Machine.this()
    bounded = sizes.bounded(spec.limits, machine)
    reserve = f"{memory(machine.memory)} of this machine less a reserve"
    yield Value("limits.memory", memory(bounded.memory) if bounded.memory else "not bounded", DEFAULT, reserve)
    cores = f"{bounded.cpus:g}" if bounded.cpus else "not bounded"
    yield Value("limits.cpus", cores, DEFAULT, f"this machine has {machine.cpus}")


def _settings(bench: Bench) -> Callable[..., Value]:
    """Makes a value that workbench.yaml says, or that holds where it says nothing."""
    from workbench.declare import DeclarationError
    from workbench.declare.reader import read

    file = bench.home.settings_file
    try:
        lines = {".".join(map(str, keys)): at.line for keys, at in read(file).values.items()}
    except DeclarationError:
        lines = {}

    def value(key: str, said: object, setting: str = "") -> Value:
        line = lines.get(setting or key, 0)
        if not line:
            return Value(key, str(said), DEFAULT, "default of the program")
        return Value(key, str(said), SETTINGS, place(bench, file, line), file, line)

    return value


ORDER = (
    "title", "description", "engine", "image", "pull", "registries", "dockerfile", "use", "python", "r", "conda", "apt",
    "env", "secrets", "size", "limits", "network", "ports", "kernel", "post_build", "start", "idle_stop", "concurrency", "ides",
)  # fmt: skip


def _place(row: Value) -> tuple[int, str]:
    """Values in the order of the reference; those of a list as they stand."""
    top = row.key.partition(".")[0]
    return (ORDER.index(top) if top in ORDER else len(ORDER)), row.key
