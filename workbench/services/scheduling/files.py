"""The schedule files of all projects, read again only when they change, the last good one kept when they go bad.

scan ─▶ same file as the store knows? what it said ─┐
                └─ else read: good ─▶ kept in the store ─┴▶ ScheduleFile        (bad ─▶ the last good one, and why)
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import __version__
from workbench.errors import StoreError, WorkbenchError
from workbench.model.schedule import ScheduleSpec
from workbench.services.bench import Bench
from workbench.services.scheduling.scan import Found, Unseen, scan
from workbench.services.scheduling.text import from_json, to_json
from workbench.store import declared as rows
from workbench.store.declared import Declared
from workbench.text import one_line

if TYPE_CHECKING:
    from workbench.declare import Problem

UNREADABLE = "cannot be read"  # begins what is told of a file that has no line to point at


@dataclass(frozen=True, slots=True)
class ScheduleFile:
    """A schedule's file as it is. `spec` is what it says, or said when it last could be read; `problem` why it cannot.

    `digest` is of the text as it is now, `changed` when the file was written.
    """

    project: str
    name: str
    path: Path
    spec: ScheduleSpec | None
    problem: str
    problems: tuple[Problem, ...]
    digest: str
    changed: datetime

    @property
    def key(self) -> str:
        """`<project>/<name>`."""
        return f"{self.project}/{self.name}"


Apart = Callable[[str, Callable[[], None], Callable[[str], None]], bool]


def _plainly(_what: str, act: Callable[[], None], _told: Callable[[str], None]) -> bool:
    act()
    return True


@dataclass
class ScheduleFiles:
    """All files of a home. `keep`: what good ones say is kept in the store, so that a bad edit survives a restart and
    the next start need not read them all.

    `apart` reads one file of many, and may see to it that a fault hits no other.
    """

    bench: Bench
    keep: bool = False
    apart: Apart = _plainly
    files: dict[str, ScheduleFile] = field(default_factory=dict, repr=False)  # by key, as of the last look
    folders: set[str] = field(default_factory=set, repr=False)  # where they are, as of the last look
    before: dict[str, ScheduleSpec] = field(
        default_factory=dict, repr=False
    )  # what changed and removed ones said, with `keep`
    _marks: dict[str, str] = field(default_factory=dict, repr=False)
    _known: dict[str, Declared] | None = field(default=None, repr=False)  # by the store, until the first look is over
    _unkept: dict[str, Declared] = field(default_factory=dict, repr=False)
    _forgotten: set[str] = field(default_factory=set, repr=False)
    _looking: threading.Lock = field(default_factory=threading.Lock, repr=False)  # the program looks from threads

    def look(self) -> tuple[dict[str, ScheduleFile], set[str]]:
        """All files by key as they are now, and the keys of those that changed since the last look or are gone."""
        with self._looking:
            changed = self._look()
            return dict(self.files), changed

    def _look(self) -> set[str]:
        zone = self.bench.settings.timezone or "UTC"
        if self._known is None:
            self._known = self._from_store()
        seen: set[str] = set()
        changed: set[str] = set()
        self.folders = set()
        for found in scan(self.bench.home.projects, self.folders):
            if isinstance(found, Unseen):
                changed |= self._unseen(found, seen)
                continue
            key = f"{found.project}/{found.name}"
            mark = f"{_SHAPE}|{zone}|{found.mark}"
            seen.add(key)
            if self._marks.get(key) != mark:
                known = self._taken(key, found, mark)
                if known is None and self.keep and (last := self._last_good(key, found)):
                    self.before[key] = last
                self.files[key] = known or self._read_apart(key, found, zone, mark)
                self._marks[key] = mark
                changed.add(key)
        if self.keep:
            self._gone_meanwhile(seen)
        for key in self.files.keys() - seen:
            last = self.files.pop(key).spec
            if last and self.keep:
                self.before[key] = last
            self._marks.pop(key, None)
            self._forgotten.add(key)
            changed.add(key)
        # Rows are needed once; later a bad edit finds what its file said before in memory.
        self._known = {}
        if self.keep:
            self._keep()
        return changed

    def _gone_meanwhile(self, seen: set[str]) -> None:
        """What files said that went while nothing looked."""
        for key, known in (self._known or {}).items():
            if key in seen:
                continue
            project, _, name = key.partition("/")
            path = folder_of(self.bench, project) / f"{name}.yaml"
            if spec := from_json(known.spec, project, name, path, known.digest):
                self.before[key] = spec
            self._forgotten.add(key)

    def _from_store(self) -> dict[str, Declared]:
        try:
            with self.bench.store.read() as connection:
                return rows.listing(connection)
        except StoreError:  # whoever only looks at files can do without
            return {}

    def _taken(self, key: str, found: Found, mark: str) -> ScheduleFile | None:
        """What the store has of this very file; None where it has another, or none."""
        known = (self._known or {}).get(key)
        if known is None or known.mark != mark:
            return None
        path = Path(found.path)
        spec = from_json(known.spec, found.project, found.name, path, known.digest)
        if spec is None:
            return None
        return ScheduleFile(found.project, found.name, path, spec, "", (), known.digest, found.changed)

    def _last_good(self, key: str, found: Found) -> ScheduleSpec | None:
        """What the file said when it last could be read, by this look's own memory or the store's."""
        if key in self.files:
            return self.files[key].spec
        try:
            with self.bench.store.read() as connection:
                known = rows.get(connection, key)
        except StoreError:
            return None
        return self._said(known, found.project, found.name, Path(found.path)) if known else None

    def _said(self, known: Declared, project: str, name: str, path: Path) -> ScheduleSpec | None:
        from workbench.declare import load_schedule

        spec = from_json(known.spec, project, name, path, known.digest)
        if spec is None and known.text:
            zone = self.bench.settings.timezone or "UTC"
            read = load_schedule(known.text, project=project, name=name, timezone=zone).value
            spec = replace(read, source=path) if read else None
        return spec

    def _unseen(self, found: Unseen, seen: set[str]) -> set[str]:
        """Schedules of a project that cannot be looked into go on as they were, and say so; the keys of those."""
        changed = set()
        begin = f"{found.project}/"
        if self._known:  # nothing was looked at yet: what there was is in the store
            for key in [key for key in self._known if key.startswith(begin) and key not in self.files]:
                path = folder_of(self.bench, found.project) / f"{key.removeprefix(begin)}.yaml"
                spec = self._last_good(key, Found(found.project, path.stem, str(path), "", 0))
                self.files[key] = ScheduleFile(
                    found.project, path.stem, path, spec, "", (), spec.digest if spec else "", self.bench.now()
                )
        for key, file in self.files.items():
            if not key.startswith(begin):
                continue
            seen.add(key)
            problem = f"cannot be looked at: {one_line(found.why)}"
            if file.problem != problem:
                self.files[key] = ScheduleFile(
                    file.project, file.name, file.path, file.spec, problem, (), file.digest, file.changed
                )
                self._marks.pop(key, None)
                changed.add(key)
        return changed

    def _read_apart(self, key: str, found: Found, zone: str, mark: str) -> ScheduleFile:
        made: list[ScheduleFile] = []

        def failed(why: str) -> None:
            last = self._last_good(key, found)
            made.append(
                ScheduleFile(
                    found.project, found.name, Path(found.path), last, f"{UNREADABLE}: {why}", (), "", found.changed
                )
            )

        self.apart(f"file of schedule {key}", lambda: made.append(self._read(key, found, zone, mark)), failed)
        return made[0]

    def _read(self, key: str, found: Found, zone: str, mark: str) -> ScheduleFile:
        from workbench.declare import load_schedule
        from workbench.declare.reader import read_text

        path = Path(found.path)

        def bad(problem: str, problems: tuple[Problem, ...] = (), digest: str = "") -> ScheduleFile:
            last = self._last_good(key, found)
            return ScheduleFile(found.project, found.name, path, last, problem, problems, digest, found.changed)

        try:
            text = read_text(path)
            reading = load_schedule(path, project=found.project, timezone=zone, text=text)
        except (OSError, WorkbenchError) as error:
            why = error.strerror or "unknown error" if isinstance(error, OSError) else error.message
            return bad(f"{UNREADABLE}: {why.removeprefix(f'{UNREADABLE}: ')}")
        problems = tuple(p.labelled(self.bench.home.root) for p in (*reading.problems, *reading.notices))
        if reading.value is None:
            digest = hashlib.sha256(text.encode()).hexdigest()
            return bad(one_line(str(problems[0])) if problems else UNREADABLE, problems, digest)
        spec = reading.value
        if self.keep:
            # With something to tell it is read again at the next start: only what was said is kept then.
            self._unkept[key] = Declared(mark if not problems else "", spec.digest, to_json(spec), text)
            self._forgotten.discard(key)
        return ScheduleFile(found.project, found.name, path, spec, "", problems, spec.digest, found.changed)

    def _keep(self) -> None:
        if not self._unkept and not self._forgotten:
            return
        try:
            with self.bench.store.write() as connection:
                rows.keep(connection, self._unkept, self._forgotten, self.bench.actor)
        except StoreError:
            return  # a full disk: the schedules themselves work; tried again at the next look
        self._unkept.clear()
        self._forgotten.clear()


def folder_of(bench: Bench, project: str) -> Path:
    """Where the schedules of a project are."""
    return bench.home.projects / project / "schedules"


# What a newer program reads into a declaration an older one may not have seen.
_SHAPE = f"{__version__}:{','.join(ScheduleSpec.__dataclass_fields__)}"
_SHAPE = hashlib.sha256(_SHAPE.encode()).hexdigest()[:12]
