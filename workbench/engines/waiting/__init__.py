"""Kernels that wait: a process that has loaded a kernel's language and modules, and becomes the kernel when a run takes it.

    supervisor ─ starts ─▶ process, loads, opens the pipe `go` ─ waits ◀─ order ─ runner that has taken it

    records/spare@<mark>/ ──rename──▶ records/<run>@<mark>/        who renames it has it

It was started as the kernel itself would be: folder, variables, files, limits. Handed over are the words of its command
line and the variables of the run alone. What a kernel makes of itself (sockets, its shell, the notebook's names) it makes
then, so that nothing in a notebook tells it from one that was started for it.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath

from workbench.model.environment import KernelSpec

SPARE = "spare"  # stands in the name of a record where that of a run does later
GOING = "gone"  # stands there once nobody may take it any more
FACTS = "spare.json"  # in the record of one that can be taken
GO = "go"  # the pipe, in the folder of the sockets
CONNECTION = "kernel.json"  # the connection file there
LONGEST = 1200  # seconds one waits before it ends by itself: its supervisor may have been killed
LAUNCHER, R_MAIN = ("-m", "ipykernel_launcher"), "IRkernel::main()"
PYTHON_NAME = re.compile(r"python[0-9.]*", re.ASCII)
R_STARTS_WITH = (".Rprofile", ".Renviron")  # read in the folder an R is started in
PYTHON_STARTS_WITH = ("sitecustomize.py", "usercustomize.py")


@dataclass(frozen=True)
class Waiting:
    """How a kernel of one kind waits: `program` of ours in `file`, started by `argv` (with the connection file in its place)."""

    file: str
    argv: tuple[str, ...]

    def install(self, folder: Path) -> Path:
        """Its program, in `folder`: readable by all, for it is no secret."""
        path = folder / "waiting"
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write(self.text)
        return path

    @property
    def text(self) -> bytes:
        """The program itself."""
        return (files(__package__) / self.file).read_bytes()


def waiting(kernel: KernelSpec, program: str, preload: Sequence[str] = ()) -> Waiting | None:
    """How kernels of this kind wait, None where they cannot; `program` is where the process sees ours."""
    argv = list(kernel.argv)
    if tuple(argv[-1:]) == ("{connection_file}",) and R_MAIN in argv and PurePosixPath(argv[0]).name == "R":
        at = argv.index(R_MAIN) - 1
        if argv[at] == "-e":
            return Waiting("program.R", (*argv[:at], "-e", f'source("{program}",local=new.env())', *argv[at:]))
    if PYTHON_NAME.fullmatch(PurePosixPath(argv[0]).name) and "-m" in argv:
        at = argv.index("-m")
        options = argv[1:at]
        if tuple(argv[at : at + 2]) == LAUNCHER and all(word.startswith("-") for word in options):
            return Waiting("program.py", (*argv[:at], program, "{connection_file}", json.dumps(list(preload))))
    return None


def starts_alike(cwd: Path, env: Mapping[str, str]) -> bool:
    """Whether nothing a person may edit runs before a kernel does: then one started earlier is no other."""
    places = [cwd / name for name in R_STARTS_WITH]
    paths = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    places += [cwd / path / name for path in paths for name in PYTHON_STARTS_WITH]
    return not any(map(os.path.lexists, places))


def make_pipe(folder: Path) -> Path:
    """The pipe by which one is told to go on."""
    path = folder / GO
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    return path


def waits(folder: Path) -> bool:
    """Whether a process waits at the pipe in `folder`."""
    pipe = _open(folder)
    if pipe is None:
        return False
    os.close(pipe)
    return True


def hand_over(folder: Path, argv: Sequence[str], env: Mapping[str, str]) -> bool:
    """Let the process that waits in `folder` become the kernel; False where none does."""
    order = json.dumps({"argv": list(argv), "env": dict(env)}).encode() + b"\n"
    pipe = _open(folder)
    if pipe is None:
        return False
    try:
        return os.write(pipe, order) == len(order)
    except OSError:  # longer than what a pipe holds
        return False
    finally:
        os.close(pipe)
        with suppress(OSError):
            (folder / GO).unlink()


def _open(folder: Path) -> int | None:
    """The pipe for writing; None where nobody reads."""
    try:
        return os.open(folder / GO, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT, errno.ELOOP):
            return None
        raise
