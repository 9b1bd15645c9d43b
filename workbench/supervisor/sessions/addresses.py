"""Addresses of sessions: which ports of this machine they are at, kept by name, so that bookmarks and tunnels go on leading there."""

from __future__ import annotations

from collections.abc import Iterator
from sqlite3 import Connection

from workbench import ports
from workbench.engines.base import Engine
from workbench.errors import WorkbenchError
from workbench.model.environment import EnvironmentSpec
from workbench.model.forward import MOST, Forward, Port, beyond, label, merged
from workbench.model.ide import Ide
from workbench.model.project import Project
from workbench.model.session import Session
from workbench.store import sessions as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.sessions import probe
from workbench.supervisor.sessions.guards import Guards

TRIES = 5  # ports tried where others take them


class Addresses:
    """Finds addresses for sessions that start."""

    def __init__(self, desk: Desk, guards: Guards) -> None:
        self.desk = desk
        self.guards = guards

    def tries(self, name: str, last: int) -> Iterator[tuple[int, int]]:
        """The port kept for a name, and one to try: that one, the one it had `last`, then free ones.

        Its address is in bookmarks and tunnels, so a port that is taken stays kept: the next start asks for it again.
        """
        with self.desk.write() as connection:
            kept = self._kept(connection, name)
        yield kept, kept
        if last not in (0, kept):
            yield kept, last
        for _ in range(TRIES):
            with self.desk.write() as connection:
                port = self._free(connection)
                if not last:  # it never was anywhere, so nobody knows the first one
                    rows.keep_port(connection, name, port, actor=self.desk.actor)
                    kept = port
            yield kept, port

    def forwards(
        self, session: Session, project: Project, spec: EnvironmentSpec, tool: Ide, engine: Engine
    ) -> tuple[Forward, ...]:
        """Where each further port that is declared for it is shown from now on. Raises `WorkbenchError`."""
        wanted = merged(spec.ports, project.ports, without=0 if tool.listens_on_socket else tool.port)
        problem = engine.port_problem() if wanted else ""
        if problem:
            return tuple(Forward(one.number, one.title, problem=problem) for one in wanted)
        return (*(self._forward(session, one) for one in wanted[:MOST]), *beyond(wanted))

    def _forward(self, session: Session, port: Port) -> Forward:
        last = next((one for one in session.forwards if one.inside == port.number), Forward(port.number))
        host_name = self._host_name(session, port.number)
        for kept, number in self.tries(f"{session.name}:{port.number}", last.port):
            if self.guards.hold(number) and ports.free(number):
                moved_from = kept if number != kept else 0
                return Forward(port.number, port.title, host_name, number, moved_from)
        raise taken()

    def _host_name(self, session: Session, port: int) -> str:
        """A name that no session has for its own."""
        with self.desk.read() as connection:
            apart = rows.named(connection, label(session.name, port)) is not None
        return f"{label(session.name, port, apart=apart)}.localhost"

    def _kept(self, connection: Connection, name: str) -> int:
        """The port kept for this name, or a free one that is kept from now on."""
        port = rows.port_of(connection, name)
        if not port:
            port = self._free(connection)
            rows.keep_port(connection, name, port, actor=self.desk.actor)
        return port

    def _free(self, connection: Connection) -> int:
        """A port that nobody has and that is kept for nobody."""
        others = rows.kept_ports(connection)
        for _ in range(50):
            port = probe.free_port()
            if port not in others:
                return port
        raise WorkbenchError("no free port was found", hint="See what listens: ss -tlnp")


def taken() -> WorkbenchError:
    """What there is to say where all tries were in vain."""
    return WorkbenchError("every port that was tried is taken", hint="See what listens: ss -tlnp")
