"""Getting into a session: start it if needed, wait until it answers, open the browser or say how to get there."""

from __future__ import annotations

import asyncio

from workbench.errors import WorkbenchError
from workbench.model.session import ENDED, Session, SessionState
from workbench.ui.desk import Desk

WAIT = 900.0  # seconds: its environment may have to be built first
LOOK = 0.3  # seconds between two looks


async def open_when_ready(desk: Desk, session_id: int) -> None:
    """Wait for a session that was asked for and open it; the program stays usable meanwhile."""
    session = await when_ready(desk, session_id)
    if session:
        await open_now(desk, session)


async def when_ready(desk: Desk, session_id: int) -> Session | None:
    """A session that was asked for, once it answers; None where that takes too long, which is told."""
    from workbench.services import sessions

    told = ""
    for _ in range(int(WAIT / LOOK)):
        session = await desk.call(sessions.get, desk.bench, session_id)
        if session.state is SessionState.READY:
            return session
        if session.state in ENDED and session.ended is not None:
            raise WorkbenchError(session.reason or f"it is {session.state}", title=session.name, hint=session.hint)
        if not told:
            told = f"{session.name} opens when it answers"
            desk.say(told)
        await asyncio.sleep(LOOK)
    desk.warn(f"{desk.bench.home.root}: the session did not become ready in {WAIT / 60:.0f} minutes; o opens it later.")
    return None


async def open_now(desk: Desk, session: Session) -> None:
    """A one-shot link in the browser; where there is none, the address and the tunnel's line to copy."""
    from workbench.services import links, sessions

    if desk.has_browser():
        link = await desk.call(links.make, desk.bench, session.id)
        if await desk.browse(link.address):
            left = await desk.call(sessions.left_to_open, desk.bench, session)
            desk.say(
                f"{session.name} is open in the browser. {left}" if left else f"{session.name} is open in the browser"
            )
            if link.asks:
                desk.warn(link.asks)
            if link.login:
                desk.copy(link.password, f"its password: sign in as {link.login}")
            return
    login, _ = await desk.call(sessions.password, desk.bench, session.id)
    address = await desk.call(sessions.secret_url, desk.bench, session.id)
    tunnel = sessions.tunnel_line(session)
    lines = ["On your own machine, first:", "", f"  {tunnel}", "", "then open:"] if tunnel else ["Open in a browser:"]
    lines += ["", f"  {address}", ""]
    if login:
        lines += [f"Sign in as {login}; u copies the password."]
    await desk.show(f"Session {session.name}", "\n".join(lines), address)
