"""Retention: which ended runs are kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workbench.model.run import RunState


@dataclass(frozen=True)
class Keep:
    """A run is kept while any of these holds: it is among the newest `last` of its name, it is younger than `seconds`,
    it did not succeed and `failed` is set, it has a tag. With neither `last` nor `seconds` everything is kept.

    The newest run and the newest success of a name are kept in any case: the next run may refer to them.
    """

    last: int | None = None
    seconds: float | None = None
    failed: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing ever goes."""
        return self.last is None and self.seconds is None


@dataclass(frozen=True)
class Old:
    """An ended run that may go: its `rank` among the runs of its name, 1 for the newest."""

    run: int
    project: str
    name: str
    schedule: str | None
    state: RunState
    created: datetime
    output: str
    rank: int
    newest_success: bool


def goes(old: Old, keep: Keep, now: datetime) -> bool:
    """Whether an untagged run goes by a policy."""
    if keep.everything or old.rank == 1 or old.newest_success:
        return False
    if keep.last is not None and old.rank <= keep.last:
        return False
    if keep.seconds is not None and (now - old.created).total_seconds() < keep.seconds:
        return False
    return old.state is RunState.SUCCEEDED or not keep.failed
