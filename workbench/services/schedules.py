"""Schedules, all verbs in one place: list, add, pause, run now, backfill, preview, and what became of every due time."""

from __future__ import annotations

from workbench.services.ledger import ledger, lines
from workbench.services.scheduling.adding import add, remove
from workbench.services.scheduling.by_hand import Backfill, backfill, now, plan_backfill
from workbench.services.scheduling.pauses import pause, resume
from workbench.services.scheduling.preview import Preview, measured, of_schedule, preview, read_line
from workbench.services.scheduling.views import (
    STATES,
    ScheduleView,
    get,
    listing,
    newest_run,
    notice,
    problems,
    request,
)
from workbench.services.supervision.tonight import tonight

__all__ = [
    "STATES",
    "Backfill",
    "Preview",
    "ScheduleView",
    "add",
    "backfill",
    "get",
    "ledger",
    "lines",
    "listing",
    "measured",
    "newest_run",
    "notice",
    "now",
    "of_schedule",
    "pause",
    "plan_backfill",
    "preview",
    "problems",
    "read_line",
    "remove",
    "request",
    "resume",
    "tonight",
]  # fmt: skip
