"""Two runs side by side, on the screen."""

from __future__ import annotations

from workbench.model.run import ENDED, Run
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.runs import AREA
from workbench.ui.desk import Desk


async def compare(desk: Desk, items: list[Run]) -> None:
    """Two that are marked, or one with the success before it."""
    from workbench.services.history import comparison

    numbers = sorted(run.id for run in items)
    if len(numbers) > 2:
        desk.warn("Mark two runs to compare them.")
        return
    if len(numbers) == 1:
        numbers.insert(0, await desk.call(comparison.before, desk.bench, numbers[0]))
    found = await desk.call(comparison.compare, desk.bench, *numbers)
    one, other = (str(number).rjust(len(str(numbers[1]))) for number in numbers)
    lines = [line for name, left, right in found.rows for line in (name, f"  {one}  {left}", f"  {other}  {right}", "")]
    await desk.show(f"Runs {numbers[0]} and {numbers[1]}", "\n".join(lines) or "They do not differ.")


ACTIONS = (
    Action(
        "runs.compare", "m", AREA, "compare", "runs: compare with the success before, or two marked", Purpose.OPEN, compare,
        lambda run: run.state in ENDED and bool(run.attempt), on_item=True, many=True,
        command=lambda run: f"runs compare {run.id}", rank=96,
    ),
)  # fmt: skip
