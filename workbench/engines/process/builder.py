"""One build: from a declaration to a venv that is whole, in steps that can be cancelled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TextIO

from workbench.engines import room
from workbench.engines.base import Cancelled, Sink
from workbench.engines.process import bytecode, interpreters, offshoot, venv, wanted
from workbench.engines.process.resolution import LOCK, Resolution
from workbench.engines.process.uv import Tool
from workbench.errors import BuildFailed, Refused
from workbench.model.build import BuildProgress
from workbench.model.environment import EngineName, EnvironmentSpec, Revision
from workbench.paths import private_folder

STEPS = ("find Python", "make the venv", "resolve packages", "install packages", "compile", "check the kernel")


class Build:
    """A build of `spec` into `folder`."""

    def __init__(
        self,
        spec: EnvironmentSpec,
        revision_id: str,
        folder: Path,
        *,
        index: str | None,
        sink: Sink,
        cancelled: Event,
        fresh: bool = False,
        before: Sequence[Revision] = (),
    ) -> None:
        self.spec = spec
        self.id = revision_id
        self.folder = folder
        self.index = index
        self.sink = sink
        self.cancelled = cancelled
        self.fresh = fresh
        self.before = before
        self.step = 0
        self._python = ""

    def run(self, log: Path) -> Revision:
        """Build it; nothing is left in `folder` where that fails. Errors as `Engine.build` has them."""
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file, _alone(self.folder, self.cancelled):
            try:
                return self._build(file)
            except BuildFailed as error:
                error.title = self.spec.name
                file.write(f"failed: {error}\n")
                raise
            except Refused as error:
                file.write(f"refused: {error}\n")
                raise BuildFailed(
                    error.message, title=self.spec.name, hint=error.hint, step=STEPS[self.step - 1]
                ) from error
            except OSError as error:
                file.write(f"failed: {error}\n")
                raise BuildFailed(str(error), title=self.spec.name, step=STEPS[self.step - 1]) from error
            except Cancelled:
                file.write("cancelled\n")
                raise
            finally:
                if venv.settle(self.folder) is None:
                    venv.remove(self.folder)

    def _build(self, log: TextIO) -> Revision:
        ready = venv.settle(self.folder)
        if ready and not self.fresh:
            return ready
        if ready:
            self.folder.rename(venv.aside(self.folder))
        venv.remove(self.folder)
        self.folder.mkdir(mode=0o700)
        revision = self._existing(log) if self.spec.use else self._fitted(log)
        venv.write(self.folder, revision)
        log.write(f"ready: {revision.reference}\n")
        return revision

    def _fitted(self, log: TextIO) -> Revision:
        """A venv, begun only where there is room for it; a Python that is there already takes none."""
        if close := room.look(self.spec.name, self.folder, room.needed(self.spec, self.before, image=False)):
            log.write(f"{close}\n")
            self.sink(BuildProgress(close))
        return self._made(log)

    def _made(self, log: TextIO) -> Revision:
        part = self.spec.python
        tool = Tool(
            private_folder(self.folder / "tool"),
            self.spec.name,
            log,
            self.cancelled,
            self._bytes,
            (part and part.index) or self.index,
        )
        place = self.folder / "venv"
        self._begin(1)
        python = interpreters.find(part.version if part else None)
        log.write(f"Python: {python}\n")
        self._begin(2)
        self._python = str(python)
        self._venv(tool, place)
        self._begin(3)
        lines = wanted.lines(self.spec, tool, STEPS[2])
        whole = wanted.resolved_whole(self.spec)
        locked = None if whole else self.spec.locked
        agreeing = [one for one in self.before if not locked or locked.agrees(one.packages)]
        alone = self.fresh or whole or (locked and not agreeing)
        before = [] if alone else venv.before(self.folder, agreeing)
        resolution = Resolution(tool, STEPS[2], place, index=tool.env.get("UV_DEFAULT_INDEX", ""), locked=locked)
        root, added = resolution.run(lines, self.folder, before)
        self._begin(4)
        grown = bool(root and self._grown(root / "venv", place, tool))
        requirements = added if grown else self.folder / LOCK
        if requirements.stat().st_size:
            target = ["--python", str(place / "bin" / "python")]
            tool.run(STEPS[3], ["pip", "install", *target, "--no-deps", "--requirements", str(requirements)])
        self._begin(5)
        self._compile(tool, place, seeded=grown)
        shutil.rmtree(tool.folder, ignore_errors=True)
        self._begin(6)
        return self._asked(place / "bin" / "python", str(place))

    def _venv(self, tool: Tool, place: Path) -> None:
        tool.run(STEPS[1], ["venv", "--python", self._python, "--prompt", self.spec.slug, str(place)])

    def _grown(self, before: Path, place: Path, tool: Tool) -> bool:
        """Whether the new venv could begin as the one before; where not, it is as new as it was."""
        try:
            offshoot.grow(before, place, self._stop_if_asked)
        except OSError as error:
            tool.log.write(f"{before} cannot be begun with: {error}\n")
            venv.remove(place)
            self._venv(tool, place)
            return False
        tool.log.write(f"begun with {before}\n")
        return True

    def _compile(self, tool: Tool, place: Path, *, seeded: bool) -> None:
        own = bytecode.packages(place)
        assert own
        if not seeded:
            others = (
                bytecode.packages(path.parent / "venv") for path in self.folder.parent.parent.glob(f"*/*/{venv.READY}")
            )
            count = bytecode.seed(own, filter(None, others))
            tool.log.write(f"bytecode of {count} files was there already\n")
        left = bytecode.missing(own)
        if left:
            listing = tool.folder / "sources"
            listing.write_text("".join(f"{path}\n" for path in left), encoding="utf-8")
            tool.call(bytecode.compile_command(place / "bin" / "python", listing, len(left)))

    def _existing(self, log: TextIO) -> Revision:
        assert self.spec.use
        self._begin(1)
        python = interpreters.existing(self.spec.use)
        log.write(f"Python that is used as it is: {python}\n")
        self._begin(6)
        return self._asked(python, str(python))

    def _asked(self, python: Path, reference: str) -> Revision:
        facts = interpreters.question(python)
        if facts["kernel"]:
            raise BuildFailed(
                f"{python} has no working kernel: {facts['kernel']}",
                title=self.spec.name,
                hint=f"Install one into it: {python} -m pip install ipykernel",
                step=STEPS[-1],
            )
        self._stop_if_asked()
        found = Revision(
            id=self.id,
            engine=EngineName.PROCESS,
            reference=reference,
            python_version=facts["version"],
            packages=tuple(facts["packages"]),
            kernels=venv.kernels(python, Path(facts["prefix"])),
            size=None if self.spec.use else venv.size(self.folder),
            borrowed=self.spec.use is not None,
        )
        return replace(found, ides=tuple(one.name for one in self.spec.tools if venv.has(found, one)))

    def _begin(self, step: int) -> None:
        self._stop_if_asked()
        self.step = step
        self.sink(BuildProgress(STEPS[step - 1], step, len(STEPS)))

    def _bytes(self, text: str, done: int, total: int) -> None:
        self.sink(BuildProgress(text, self.step, len(STEPS), done, total))

    def _stop_if_asked(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled


@contextmanager
def _alone(folder: Path, cancelled: Event) -> Iterator[None]:
    """One build of a revision at a time; the next waits for it."""
    while True:
        with venv.alone(folder) as held:
            if held:
                yield
                return
        if cancelled.wait(0.2):
            raise Cancelled
