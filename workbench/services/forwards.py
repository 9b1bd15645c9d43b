"""Further ports of a session: where a browser finds what listens on them inside."""

from __future__ import annotations

from urllib.parse import quote

from workbench.errors import NotFound, Refused
from workbench.model.forward import Forward
from workbench.model.session import Session
from workbench.services import sessions
from workbench.services.bench import Bench

DECLARE = "`ports: [8000]` in project.yaml or its environment shows one from its next start."


def of(session: Session, inside: int) -> Forward:
    """How port `inside` of a session is shown. Raises `NotFound` where it is not, `Refused` with why it cannot be."""
    for one in session.forwards:
        if one.inside != inside:
            continue
        if one.problem:
            raise Refused(f"port {inside} of session {session.name} cannot be shown: {one.problem}")
        return one
    known = ", ".join(one.words for one in session.forwards if not one.problem)
    raise NotFound(
        "port",
        str(inside),
        message=f"session {session.name} shows no port {inside}",
        hint=f"It shows {known}; its tool opens without --port." if known else DECLARE,
    )


def secret_url(bench: Bench, session_id: int, inside: int, *, plain: bool = False) -> str:
    """The address of one port with the session's secret; errors as `sessions.secret_url` has them, and as `of`."""
    session = sessions.ready(bench, session_id)
    one = of(session, inside)
    sessions.check_alone(session, one.port)
    host = "127.0.0.1" if plain else one.host_name
    return f"http://{host}:{one.port}/?token={quote(sessions.secret(bench, session))}"
