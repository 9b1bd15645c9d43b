"""Tags of runs: words to find them by, which also keep them."""

from __future__ import annotations

import re

from workbench.model.run import Run
from workbench.text import plural
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.runs import AREA
from workbench.ui.desk import Desk


async def tag(desk: Desk, items: list[Run]) -> None:
    """Ask for the tags; those that all of them have stand there, and what is taken from the line is taken off."""
    from workbench.services.history import tags
    from workbench.ui.modals.line import LineModal

    numbers = [run.id for run in items]
    known = await desk.call(tags.of, desk.bench, numbers)
    common = set.intersection(*(set(known.get(number, ())) for number in numbers))
    which = f"run {numbers[0]}" if len(numbers) == 1 else plural(len(numbers), "run")
    hint = "words with spaces between; a tagged run is kept   enter ok   esc close"
    said = await desk.form(LineModal(f"Tags of {which}", " ".join(sorted(common)), hint=hint))
    if said is None:
        return
    wanted = {word for word in re.split(r"[\s,]+", said) if word}
    await desk.call(tags.change, desk.bench, numbers, sorted(wanted - common), sorted(common - wanted))
    desk.say(f"Tags of {which}: {', '.join(sorted(wanted)) or 'none'}")
    desk.screen.forget_marks()
    desk.look()


ACTIONS = (
    Action(
        "runs.tag", "T", AREA, "tag", "runs: tag, to find and to keep", Purpose.ACT, tag, on_item=True, many=True,
        changes=True, command=lambda run: f"runs tag {run.id} --add TAG", rank=0,
    ),
)  # fmt: skip
