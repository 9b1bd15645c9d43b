"""The sign-in fronts of sessions whose tool has no login, or that show further ports: started with them, adopted, started anew, ended with them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from workbench import ports
from workbench.engines.base import PortTaken
from workbench.errors import WorkbenchError
from workbench.front import custody
from workbench.front.job import Entrance, Job, Place, read
from workbench.model.forward import Forward
from workbench.model.ide import Ide, SignIn
from workbench.model.session import Session
from workbench.supervisor.desk import Desk

log = logging.getLogger("workbench.supervisor.sessions.fronts")


class Fronts:
    """Fronts of this home; one that runs is known by the lock that it holds, whoever started it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def up(self, session: Session, tool: Ide, port: int, forwards: Iterable[Forward] = ()) -> None:
        """Start the front of a session, with its secret as it is now: on `port` where its tool does not sign in by
        itself, and for further ports; nothing where it has neither. Raises `PortTaken`, `WorkbenchError`."""
        place = self._place(session.id)
        custody.stop(place)
        cookie = f"workbench-{self.desk.home.id}-{session.id}"
        own = [Entrance(tool.title, session.host_name, port, cookie)] if tool.sign_in is SignIn.FRONT else []
        others = [
            Entrance(one.title, one.host_name, one.port, f"{cookie}-{one.inside}", one.inside)
            for one in forwards
            if one.port
        ]
        if not own and not others:
            return
        try:
            custody.start(place, Job(session.name, (*own, *others)))
        except custody.Taken as error:
            raise PortTaken(*error.args) from error

    def keep(self, session: Session) -> tuple[str, str]:
        """See that the front of a session that is up lives. Nothing, or a reason and what to do where it cannot."""
        place = self._place(session.id)
        if not place.job.exists() or custody.alive(place):
            return "", ""
        log.warning("session %s: its sign-in front is started anew", session.name)
        try:
            custody.start(place, read(place))
        except custody.Taken as error:
            port = int(error.args[0])
            who = ports.stranger(port) or "another program"
            restart = f"It gets another port: workbench sessions restart {session.name}"
            return f"its sign-in front ended, and {who} has its port {port}: do not open it", restart
        except WorkbenchError as error:
            return error.message, error.hint
        except (OSError, LookupError, ValueError, TypeError):
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
