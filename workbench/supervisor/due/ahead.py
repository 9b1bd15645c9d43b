"""Before a due time: what its run will need is warm by then, so that its first cell begins when it is due.

agenda ─▶ due within `LEAD` ─▶ (in a thread) environment built already, kernel of the notebook ─▶ warmth, nursery
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from workbench.engines.base import Workspace
from workbench.errors import WorkbenchError
from workbench.execution.kernels import choose_kernel
from workbench.execution.nursery import Nursery
from workbench.model.environment import EngineName, EnvironmentSpec, Revision
from workbench.model.schedule import ScheduleSpec
from workbench.notebooks.document import parse
from workbench.notebooks.script import content_of
from workbench.services import environments, projects
from workbench.services.spares import revision as revision_now
from workbench.store import environments as environment_rows
from workbench.store import revisions
from workbench.store import schedules as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.due.schedules import Schedules
from workbench.supervisor.queue.workspaces import workspace
from workbench.supervisor.warmth import Warmth

log = logging.getLogger("workbench.supervisor.due.ahead")
LEAD = 20.0  # seconds before a due time
MOST = 50  # schedules that are looked at for one moment: the others wait for a place anyway


@dataclass(frozen=True)
class Need:
    """What a run will need."""

    environment: str
    engine: EngineName
    revision: Revision
    workspace: Workspace
    kernel: str


class Ahead:
    """Looks at the agenda a little into the future."""

    def __init__(self, desk: Desk, schedules: Schedules, warmth: Warmth, nursery: Nursery) -> None:
        self.desk = desk
        self.schedules = schedules
        self.warmth = warmth
        self.nursery = nursery
        self._seen: dict[str, datetime] = {}  # the due time that was prepared for, by schedule
        self._thread: threading.Thread | None = None

    def look(self) -> float | None:
        """Prepare for what is due soon; seconds until something else is, None where nothing is planned."""
        agenda, now = self.schedules.agenda, self.desk.now()
        if not self.desk.settings.warm_kernels or agenda.next is None:
            return None
        until = now + timedelta(seconds=LEAD)
        soon = agenda.soon(until)
        self._seen = {key: moment for key, moment in self._seen.items() if key in soon}
        new = {key: moment for key, moment in soon.items() if moment > now and self._seen.get(key) != moment}
        if new and (self._thread is None or not self._thread.is_alive()):
            self._seen |= new
            files = [file for key in sorted(new, key=lambda one: new[one]) if (file := self.schedules.known.get(key))]
            specs = [file.spec for file in files[:MOST] if file.spec and file.spec.enabled]
            self._thread = self.desk.thread("ahead", partial(self._prepare, specs))
        if soon:
            return 1.0 if len(soon) < 1000 else 5.0
        return (agenda.next - until).total_seconds() + 0.05

    def _prepare(self, specs: Sequence[ScheduleSpec]) -> None:
        with self.desk.read() as connection:
            found = {spec.key: rows.get(connection, spec.key) for spec in specs}
        needs: dict[tuple[object, ...], Need] = {}
        counts: Counter[tuple[object, ...]] = Counter()
        for spec in specs:
            row = found[spec.key]
            if row is None or row.paused:
                continue
            try:
                need = self._need(spec)
            except (WorkbenchError, OSError) as error:  # its run will tell
                log.debug("schedule %s: %s", spec.key, error)
                continue
            if need:
                what: tuple[object, ...] = (
                    need.environment,
                    need.workspace.project_name,
                    need.workspace.cwd,
                    need.kernel,
                )
                counts[what] += 1
                needs[what] = need
        for same, need in needs.items():
            self.warmth.wanted(
                need.environment, need.engine, need.revision, need.workspace, need.kernel,
                count=min(counts[same], self.desk.settings.concurrency), soon=True,
            )  # fmt: skip
        for engine in {need.engine for need in needs.values()}:
            self.nursery.ready(engine)

    def _need(self, schedule: ScheduleSpec) -> Need | None:
        """What the schedule's run will need; None where its environment has to be built first."""
        bench = self.desk.bench
        project = projects.get(bench, schedule.project)
        named = schedule.environment
        spec = environments.spec(bench, named) if named else environments.for_project(bench, project)
        with self.desk.read() as connection:
            chosen = environment_rows.chosen(connection, spec.name)
            revision = revisions.by_id(connection, spec.name, revision_now(connection, spec))
        if chosen is None or revision is None:
            return None
        if chosen.engine is EngineName.DOCKER and not schedule.code.live:
            return None  # what is shown to it is made for each run anew
        notebook = project.path / schedule.notebook
        space = workspace(self.desk, project, notebook.parent, spec)
        return Need(spec.name, chosen.engine, revision, space, self._kernel(spec, revision, schedule))

    def _kernel(self, spec: EnvironmentSpec, revision: Revision, schedule: ScheduleSpec) -> str:
        """The kernel that will run its notebook, where there are several."""
        if len(revision.kernels) < 2:
            return ""
        path = projects.get(self.desk.bench, schedule.project).path / schedule.notebook
        content = path.read_bytes()
        if path.suffix.lower() != ".ipynb":
            content = content_of(content, path.name, title=schedule.notebook)
        document = parse(content, title=schedule.notebook)
        return choose_kernel(document, revision.kernels, None, spec.kernel.name).name
