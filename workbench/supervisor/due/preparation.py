"""What is read shortly before due times, so that they become rows at once: notebooks, environments, repositories."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from workbench.errors import WorkbenchError
from workbench.model.schedule import ScheduleSpec
from workbench.services import schedules
from workbench.services.asking import checking
from workbench.services.asking.memo import Memo
from workbench.supervisor.desk import Desk

LEAD = 1.5  # seconds before a due time
HOLDS = 3.0  # seconds for which what was read is what is so


@dataclass
class Preparation:
    """One thread reads, the loop takes what is there then; what is not it reads itself."""

    desk: Desk
    _for: datetime | None = field(default=None, repr=False)
    _made: tuple[float, Memo] | None = field(default=None, repr=False)

    def begin(self, moment: datetime, specs: Iterable[ScheduleSpec]) -> None:
        """Read what `specs`, due at `moment`, will ask for; once for each moment."""
        if moment == self._for:
            return
        self._for, self._made = moment, None
        each = {(spec.project, spec.notebook, spec.environment): spec for spec in specs if not spec.code.ref}
        self.desk.thread("prepare", lambda: self._read(moment, list(each.values())))

    def memo(self) -> Memo:
        """What was read, where that is done and fresh; else an empty one."""
        made, self._made = self._made, None
        return made[1] if made and time.monotonic() - made[0] < HOLDS else Memo()

    def _read(self, moment: datetime, specs: list[ScheduleSpec]) -> None:
        begun, memo = time.monotonic(), Memo()
        for spec in specs:
            with suppress(WorkbenchError, OSError):  # told when it is due
                checking.check(self.desk.bench, schedules.request(spec, moment), later=True, memo=memo)
        if moment == self._for:
            self._made = begun, memo
