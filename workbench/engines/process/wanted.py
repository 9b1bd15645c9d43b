"""What a venv is asked for: the declared lines, a lock file's own versions, and packages of the project itself."""

from __future__ import annotations

import hashlib
import shutil

from workbench.engines.process.uv import Tool
from workbench.errors import Refused
from workbench.model.environment import EnvironmentSpec, NamedFile

KERNEL = "ipykernel"


def lines(spec: EnvironmentSpec, tool: Tool, step: str) -> list[str]:
    """Requirement lines in all; a package of the project is installed so that changes of it are seen at once."""
    python = spec.python
    found = [*(python.packages if python else ())]
    if python and python.lock:
        found += _locked(spec, python.lock, tool, step)
    if python and python.constraints:
        bounds = tool.folder / "constraints.txt"
        bounds.write_text("".join(f"{line}\n" for line in python.constraints), encoding="utf-8")
        tool.env["UV_CONSTRAINT"] = str(bounds)
    if python and python.extra_indexes:
        tool.env["UV_INDEX"] = " ".join([*python.extra_indexes, *tool.env.get("UV_INDEX", "").split()])
        tool.env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    if python:
        found += [_local(str(one.path), one.extras, folder=one.path.is_dir()) for one in python.local]
    return [*found, KERNEL, *spec.needs.python]


def resolved_whole(spec: EnvironmentSpec) -> bool:
    """Whether nothing of a revision before is to be kept: a lock says all, and a local package may want anything."""
    return bool(spec.python and (spec.python.lock or spec.python.local))


def _local(path: str, extras: str, *, folder: bool) -> str:
    return f"-e {path}{extras}" if folder else f"{path}{extras}"


def _locked(spec: EnvironmentSpec, lock: NamedFile, tool: Tool, step: str) -> list[str]:
    """The versions of a lock file: read by uv itself where it is uv's own, for the Python at hand."""
    content = lock.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != lock.sha256:
        raise Refused(f"{lock.path} was changed while it was to be built from", title=spec.name, hint="Build again.")
    if lock.path.name != "uv.lock":
        return _plain(content.decode("utf-8"))
    folder = tool.folder / "exact"
    folder.mkdir()
    (folder / "uv.lock").write_bytes(content)
    described = lock.path.with_name("pyproject.toml")
    if described.is_file():
        shutil.copyfile(described, folder / "pyproject.toml")
    pins = tool.folder / "pins.txt"
    export = ["export", "--quiet", "--frozen", "--no-emit-local", "--no-header", "--no-annotate", "--no-hashes"]
    tool.run(step, [*export, "--project", str(folder), "-o", str(pins)])
    return _plain(pins.read_text(encoding="utf-8"))


def _plain(text: str) -> list[str]:
    """Lines without comments, hashes and continuation."""
    words = (line.partition(" #")[0].strip().removesuffix("\\").strip() for line in text.splitlines())
    return [line for line in words if line and not line.startswith(("#", "--hash"))]
