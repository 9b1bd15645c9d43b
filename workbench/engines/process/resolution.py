"""Which versions a venv gets: those of the revision before, and of what is new the newest that go with them.

requirements.in    what is asked for, after a line that names the index by its digest
requirements.lock  the version of each package, as uv writes it
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from workbench.engines.process.uv import Tool
from workbench.errors import BuildFailed
from workbench.model.lock import Lock, name_of

WANTED, LOCK = "requirements.in", "requirements.lock"
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\]\s*)?(?:==|@)")


class Resolution:
    """Resolves for the venv `place`; `index` is where packages come from, `locked` the versions that must be."""

    def __init__(self, tool: Tool, step: str, place: Path, *, index: str, locked: Lock | None = None) -> None:
        self._locked = locked
        self._tool = tool
        self._step = step
        self._place = place
        self._index = hashlib.sha256(index.encode()).hexdigest()[:16]

    def run(self, lines: Sequence[str], folder: Path, before: Sequence[Path]) -> tuple[Path | None, Path]:
        """Write both files into `folder`. `before` have those of revisions before; the versions of the first are kept.

        Where only more is wanted than one of them has, in which nothing has to move: that one, and a file with what
        is to be added to it. Otherwise none, and the lock file.
        """
        asked = [f"# index {self._index}", *lines]
        (folder / WANTED).write_text("".join(f"{line}\n" for line in asked), encoding="utf-8")
        lock = folder / LOCK
        root = next((place for place in before if self._less(place, asked)), None)
        if root and (added := self._on_top(root, asked, lock)):
            return root, added
        if self._locked:
            self._by_lock(folder, self._locked)
            return None, lock
        if before:  # uv keeps the versions that stand in its output file, where they still fit
            shutil.copyfile(before[0] / LOCK, lock)
        self._compile([str(folder / WANTED), "-o", str(lock)])
        return None, lock

    def _by_lock(self, folder: Path, locked: Lock) -> None:
        """Resolve with the versions of the lock alone, and keep its hashes, so that nothing else is installed."""
        lock, pins = folder / LOCK, self._tool.folder / "pins"
        pins.write_text("".join(f"{pin}\n" for pin in locked.pins.values()), encoding="utf-8")
        self._compile([str(folder / WANTED), "--constraints", str(pins), "-o", str(lock)])
        exact = {name_of(line): line for line in locked.python}
        text = lock.read_text(encoding="utf-8").splitlines()
        lines = [exact.get(_name(line), line) if _name(line) else line for line in text]
        lock.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _less(self, place: Path, lines: Sequence[str]) -> bool:
        """Whether a revision has the same Python, and was asked for nothing else."""
        mine, old = ({path.name for path in venv.glob("lib/python*")} for venv in (self._place, place / "venv"))
        return bool(mine) and mine == old and not set(_lines(place)) - set(lines)

    def _on_top(self, before: Path, lines: Sequence[str], lock: Path) -> Path | None:
        """Resolve only what is new, held to the versions of before; None where it has to be done whole."""
        known = _lines(before)
        shutil.copyfile(before / LOCK, lock)
        new = [line for line in lines if line not in known]
        wanted, more = (self._tool.folder / name for name in ("more.in", "more.lock"))
        if not new:
            more.touch()
            return more
        wanted.write_text("".join(f"{line}\n" for line in new), encoding="utf-8")
        words = [str(wanted), "--constraints", str(before / LOCK), "--no-header", "-o", str(more)]
        try:
            self._compile(words)
        except BuildFailed as error:
            if "No solution found" not in "\n".join(error.tail):
                raise
            self._tool.log.write("That does not go with the versions of before: all of it is resolved\n")
            return None
        there = {name for line in lock.read_text(encoding="utf-8").splitlines() if (name := _name(line))}
        added = [
            f"{line}\n"
            for line in more.read_text(encoding="utf-8").splitlines()
            if (name := _name(line)) and name not in there
        ]
        more.write_text("".join(added), encoding="utf-8")
        with lock.open("a", encoding="utf-8") as file:
            file.writelines(added)
        return more

    def _compile(self, words: Sequence[str]) -> None:
        python = str(self._place / "bin" / "python")
        self._tool.run(self._step, ["pip", "compile", "--python", python, "--quiet", *words])


def _lines(place: Path) -> list[str]:
    """What a revision was asked for; a line that nobody asks for where that cannot be known."""
    try:
        return (place / WANTED).read_text(encoding="utf-8").splitlines()
    except OSError:
        return [""]


def _name(line: str) -> str:
    """The package that a line of a lock file pins; empty for other lines."""
    found = _PIN.match(line)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else ""
