"""The report of a run, in the browser."""

from __future__ import annotations

from workbench.model.run import ENDED, Run
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.runs import AREA
from workbench.ui.desk import Desk


async def report(desk: Desk, items: list[Run]) -> None:
    """Make it anew and open it; where there is no browser, its path is copied."""
    from workbench.services.history import reports

    path = await desk.call(reports.write, desk.bench, items[0].id)
    if desk.has_browser() and await desk.browse(path.as_uri()):
        desk.say(f"The report of run {items[0].id} is open in the browser")
    else:
        desk.copy(str(path), str(path))


ACTIONS = (
    Action(
        "runs.report", "h", AREA, "report", "runs: open HTML report", Purpose.OPEN, report,
        lambda run: run.state in ENDED and bool(run.attempt), on_item=True, changes=True,
        command=lambda run: f"runs report {run.id}", rank=95,
    ),
)  # fmt: skip
