"""What needs somebody and is in no row: a supervisor that does not work, files that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.text import plural

if TYPE_CHECKING:
    from workbench.services.bench import Bench
    from workbench.services.supervision.control import SupervisorStatus


def of_service(supervisor: SupervisorStatus, *, active: int, pending: int, due: int) -> list[dict[str, Any]]:
    """What the store cannot know: that nobody works on what is asked for."""
    from workbench.services.supervision import pulse

    if supervisor.silent:
        remedy = pulse.why_silent(supervisor.pid)[1]
        return [{"kind": "service", "key": "supervisor", "text": supervisor.trouble, "command": remedy}]
    if supervisor.alive or not (active or pending or due):
        return []
    about = [
        f"{plural(active, 'run')} last seen running" if active else "",
        f"{plural(pending, 'run')} waiting" if pending else "",
        f"{plural(due, 'schedule')} waiting for {'its' if due == 1 else 'their'} time" if due and not pending else "",
    ]
    text = f"the supervisor is not running: {', '.join(filter(None, about))}"
    return [{"kind": "service", "key": "supervisor", "text": text, "command": "workbench service start"}]


def of_declarations(bench: Bench) -> list[dict[str, Any]]:
    """Files that cannot be read as they are, or will not run when their time comes."""
    from workbench.services.problems import problems_of

    found = []
    wrong = problems_of(bench)
    if wrong:
        text = f"{plural(len(wrong), 'problem')} in declarations, the first: {wrong[0]}"
        found.append({"kind": "declaration", "key": str(wrong[0].path), "text": text, "command": "workbench check"})
    return found
