"""The sign-in fronts of sessions whose tool has no login: started with them, adopted, started anew, ended with them."""

from __future__ import annotations

import logging
from collections.abc import Collection

from workbench import ports
from workbench.engines.base import PortTaken
from workbench.errors import WorkbenchError
from workbench.front import custody
from workbench.front.job import Job, Place, read
from workbench.model.ide import Ide, SignIn
from workbench.model.session import Session
from workbench.supervisor.desk import Desk

log = logging.getLogger("workbench.supervisor.sessions.fronts")


class Fronts:
    """Fronts of this home; one that runs is known by the lock that it holds, whoever started it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def up(self, session: Session, tool: Ide, port: int) -> None:
        """Start the front of a session on `port`, with its secret as it is now; nothing where its tool signs in by
        itself. Raises `PortTaken`, `WorkbenchError`."""
        place = self._place(session.id)
        custody.stop(place)
        if tool.sign_in is not SignIn.FRONT:
            return
        cookie = f"workbench-{self.desk.home.id}-{session.id}"
        try:
            custody.start(place, Job(session.name, tool.title, session.host_name, port, cookie))
        except custody.Taken as error:
            raise PortTaken(port) from error

    def keep(self, session: Session) -> tuple[str, str]:
        """See that the front of a session that is up lives. Nothing, or a reason and what to do where it cannot."""
        place = self._place(session.id)
        if not place.job.exists() or custody.alive(place):
            return "", ""
        log.warning("session %s: its sign-in front is started anew", session.name)
        try:
            custody.start(place, read(place))
        except custody.Taken:
            who = ports.stranger(session.port) or "another program"
            restart = f"It gets another port: workbench sessions restart {session.name}"
            return f"its sign-in front ended, and {who} has its port {session.port}: do not open it", restart
        except WorkbenchError as error:
            return error.message, error.hint
        except (OSError, ValueError, TypeError):
            return "its sign-in front ended", f"Start it anew: workbench sessions restart {session.name}"
        return "", ""

    def down(self, session: int) -> None:
        """End the front of a session where there is one."""
        custody.stop(self._place(session))

    def sweep(self, living: Collection[int]) -> None:
        """End fronts of sessions that are not among `living`."""
        for path in (self.desk.home.state / "sessions").glob("*/sign-in/lock"):
            place = Place(path.parent.parent)
            name = place.folder.name
            if not (name.isdigit() and int(name) in living) and custody.alive(place):
                log.warning("session %s: its sign-in front is ended, for it is not up", name)
                custody.stop(place)

    def _place(self, session: int) -> Place:
        return Place(self.desk.home.session_folder(session))
