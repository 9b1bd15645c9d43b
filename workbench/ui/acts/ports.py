"""What can be done with further ports of a session."""

from __future__ import annotations

from workbench.model.forward import Forward
from workbench.model.session import Session, SessionState
from workbench.ui.actions import Action, Purpose
from workbench.ui.commands import words
from workbench.ui.desk import Desk
from workbench.ui.tone import Cell, Tone

AREA = "sessions"


def shown(session: Session) -> list[Forward]:
    """Those that can be opened."""
    return [one for one in session.forwards if one.url]


def _there(session: Session) -> bool:
    return session.state is SessionState.READY and bool(shown(session))


def _command(session: Session) -> str:
    return words("open", session.name, "--port", str(shown(session)[0].inside))


async def open_port(desk: Desk, items: list[Session]) -> None:
    """What listens on a port of the session, in the browser; the person chooses where there are several."""
    from workbench.services import forwards, links, sessions
    from workbench.ui.modals.choice import Choice, Line

    session = items[0]
    known = shown(session)
    inside = known[0].inside
    if len(known) > 1:
        lines = [Line(str(one.inside), (Cell(one.words), Cell(one.url, Tone.MUTED))) for one in known]
        chosen = await desk.form(Choice(f"Ports of {session.name}", lines, nothing="", hint="enter open it"))
        if not chosen:
            return
        inside = int(chosen)
    if desk.has_browser():
        link = await desk.call(links.make, desk.bench, session.id, inside)
        if await desk.browse(link.address):
            desk.say(f"Port {inside} of {session.name} is open in the browser")
            return
    address = await desk.call(forwards.secret_url, desk.bench, session.id, inside)
    tunnel = sessions.tunnel_line(session)
    lines_ = ["On your own machine, first:", "", f"  {tunnel}", "", "then open:"] if tunnel else ["Open in a browser:"]
    await desk.show(f"Port {inside} of {session.name}", "\n".join([*lines_, "", f"  {address}", ""]), address)


ACTIONS = (
    Action(
        "sessions.port", "P", AREA, "port", "sessions: open what listens on a port", Purpose.OPEN, open_port, _there,
        on_item=True, command=_command, rank=22, seldom=True,
    ),
)  # fmt: skip
