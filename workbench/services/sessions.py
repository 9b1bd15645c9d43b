"""Sessions: ask for one to be up or down, and how a person gets into it."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from workbench import ports
from workbench.errors import Conflict, NotFound, Refused, WorkbenchError
from workbench.model.ide import SignIn
from workbench.model.names import LABEL_RULE, is_label
from workbench.model.session import ENDED, Desired, Session, SessionState
from workbench.paths import LOGIN
from workbench.services import apps, environments, ides, projects, secrets, spares
from workbench.services.bench import Bench
from workbench.services.supervision import control
from workbench.store import sessions as rows

HAS_IT_STOP = "`idle_stop: 2h` in project.yaml, or `sessions start --idle-stop 2h`, has it stop."


def start(
    bench: Bench,
    project: str,
    ide: str = "",
    *,
    name: str | None = None,
    file: str = "",
    idle_stop: float | None = None,
) -> int:
    """Want a session up, a new one or the one of that name; its id, at once. Asked twice, it is still one.

    Without `ide` it is the first of the environment that opens `file`. A tool that is for one file is begun anew for
    another one. `idle_stop`: seconds without work after which it stops, 0 for never; None: as its project or
    environment says.
    """
    found = projects.get(bench, project)
    spec = environments.for_project(bench, found)
    offered = ides.offered(bench, found, spec)
    tool = ides.named(bench, ide, found.name) if ide else ides.fitting(offered, file)
    if tool is None:
        raise Refused(
            f"environment {spec.name} has no IDE{f' that opens {file}' if file else ''}",
            hint=ides.how_to_have(spec, "jupyter"),
        )
    if tool not in offered:
        raise Refused(
            f"environment {spec.name} has no {tool.title}",
            hint=ides.how_to_have(spec, *spec.ides, tool.name),
        )
    if not spec.network and tool.sign_in is not SignIn.FRONT:
        raise Refused(
            f"{tool.title} of environment {spec.name}, which has no network, could not be reached",
            hint="Runs need none, nor do tools that workbench signs you in to; or take `network: false` out.",
        )
    secrets.check(bench, spec)
    file = apps.within(found, file)
    label = name or f"{found.name}-{tool.name}"
    if not is_label(label):
        raise Refused(f"a session may not be named {label!r}", hint=LABEL_RULE)
    if tool.takes_file:
        file = apps.chosen(found, tool, file or apps.before(bench, label, found))
    shape = spares.shape(bench, found, spec, tool, file)
    with bench.store.write() as connection:
        old = rows.named(connection, label)
        if old is None and (other := rows.forwarding(connection, f"{label}.localhost")):
            raise Conflict(f"a port of session {other} is called {label}", hint="Choose another name: --name NAME")
        if old is None:
            session = rows.insert(
                connection,
                name=label,
                project=found.name,
                ide=tool.name,
                environment=spec.name,
                file=file,
                at=bench.now(),
                actor=bench.actor,
                idle_asked=idle_stop,
            )
        elif (old.project, old.ide) != (found.name, tool.name):
            raise Conflict(f"session {label} belongs to {old.project}", hint="Choose another name: --name NAME")
        else:
            session = old.id
            asked = old.idle_asked if idle_stop is None else idle_stop
            facts = {"file": file or old.file, "environment": spec.name, "idle_asked": asked}
            if not old.spare or not spares.take(bench, connection, old, shape, spec, **facts):
                rows.set_facts(connection, session, **facts)
                again = tool.takes_file and file != old.file
                rows.want(connection, old, Desired.UP, at=bench.now(), actor=bench.actor, again=again)
        environments.carry_engine(bench, connection, spec.name)
    control.tell(bench)
    return session


def stop(bench: Bench, session_id: int) -> bool:
    """Want a session down; False where that was asked before. A warm spare is given back."""
    session = raw(bench, session_id)
    return spares.give_back(bench, session) if session.spare else _want(bench, session_id, Desired.DOWN)


def restart(bench: Bench, session_id: int) -> bool:
    """Want a session up anew, at the same address."""
    session = raw(bench, session_id)
    if session.spare:
        return start(bench, session.project, session.ide, name=session.name) == session.id
    return _want(bench, session_id, Desired.UP, again=True)


def keep(bench: Bench, session_id: int, *, kept: bool = True) -> bool:
    """Call the idle stop of a session off until its next start, or on again; False where that is so already. Raises `Conflict`."""
    with bench.store.write() as connection:
        session = _there(rows.get(connection, session_id), session_id)
        if session.state in ENDED or not session.idle_stop:
            why = f"is {session.state}" if session.state in ENDED else "does not stop when idle"
            raise Conflict(f"session {session.name} {why}", hint=HAS_IT_STOP)
        done = rows.keep(connection, session, kept, at=bench.now(), actor=bench.actor)
    control.tell(bench)
    return done


def remove(bench: Bench, session_id: int) -> None:
    """Take an ended session from the lists; its log stays. Raises `Conflict` if it lives."""
    session = raw(bench, session_id)
    if spares.remove(bench, session):
        return
    with bench.store.write() as connection:
        if not rows.remove(connection, session_id, at=bench.now(), actor=bench.actor):
            raise Conflict(
                f"session {session.name} is {session.state}",
                hint=f"Stop it first: workbench sessions stop {session.name}",
            )
    folder = bench.home.session_folder(session_id)
    (folder / "token").unlink(missing_ok=True)
    shutil.rmtree(folder / "sign-in", ignore_errors=True)
    control.tell(bench)


def get(bench: Bench, session_id: int) -> Session:
    """One session. Raises `NotFound`."""
    return spares.shown(raw(bench, session_id))


def raw(bench: Bench, session_id: int) -> Session:
    """Its row, which is up also where only a spare of it is. Raises `NotFound`."""
    with bench.store.read() as connection:
        session = rows.get(connection, session_id)
    return _there(session, session_id)


def find(bench: Bench, text: str) -> Session:
    """The session that `text` names: `s7`, `7`, `@last` or its name. Raises `NotFound`."""
    known = listing(bench)
    if text == "@last" and known:
        return known[0]
    number = text.removeprefix("s")
    for session in known:
        if text == session.name or (number.isdigit() and int(number) == session.id):
            return session
    raise NotFound("session", text, [session.name for session in known])


def listing(bench: Bench, project: str = "") -> list[Session]:
    """Sessions of this home or of one project, newest first."""
    with bench.store.read() as connection:
        return spares.known(connection, project)


def secret_url(bench: Bench, session_id: int, *, plain: bool = False) -> str:
    """The address with its secret, for a clipboard or a browser; never for a list or a log.

    Browsers take names below localhost for this machine without asking anybody (RFC 6761, 6.3); `plain` is for
    programs that do not.
    """
    session = ready(bench, session_id)
    check_alone(session, session.port)
    tool = ides.of_session(bench, session)
    host = "127.0.0.1" if plain else session.host_name
    address = f"http://{host}:{session.port}{tool.path_for(session.file)}"
    if tool.sign_in is SignIn.FORM:
        return address
    join = "&" if "?" in address else "?"
    return f"{address}{join}{tool.parameter}={quote(secret(bench, session))}"


def ready(bench: Bench, session_id: int) -> Session:
    """A session that can be opened now. Raises `NotFound`, `Conflict`."""
    session = get(bench, session_id)
    if session.state is not SessionState.READY:
        up = "It can be opened when it is ready."
        if session.state in ENDED:
            up = f"Start it again: workbench sessions restart {session.name}"
        raise Conflict(f"session {session.name} is {session.state}", hint=session.reason or up)
    return session


def check_alone(session: Session, port: int) -> None:
    """Raise `Conflict` where another account listens on a port of a session."""
    if other := ports.stranger(port):
        raise Conflict(
            f"port {port} of session {session.name} is held by {other}: its secret is not given away",
            hint=f"It gets another port: workbench sessions restart {session.name}",
        )


def has_form(bench: Bench, session: Session) -> bool:
    """Whether its tool asks for a name and a password by itself; False where it is not declared any more."""
    try:
        return ides.of_session(bench, session).sign_in is SignIn.FORM
    except WorkbenchError:
        return False


def left_to_open(bench: Bench, session: Session) -> str:
    """That a session's tool does not open its file by itself; empty where it does, or where there is none."""
    return apps.left_to_open(ides.of_session(bench, session), session.file) if session.file else ""


def password(bench: Bench, session_id: int) -> tuple[str, str]:
    """Name and password for the form of a session's tool; both empty where it has none."""
    session = get(bench, session_id)
    tool = ides.of_session(bench, session)
    if tool.sign_in is not SignIn.FORM:
        return "", ""
    try:
        login = (bench.home.session_folder(session_id) / LOGIN).read_text(encoding="ascii")
    except (OSError, ValueError):
        login = tool.login
    return login, secret(bench, session)


def secret(bench: Bench, session: Session) -> str:
    """What lets in. Raises `WorkbenchError`."""
    try:
        return (bench.home.session_folder(session.id) / "token").read_text()
    except OSError as error:
        raise WorkbenchError(
            f"the secret of {session.name} cannot be read: {error.strerror}",
            hint=f"Restart it: workbench sessions restart {session.name}",
        ) from error


def log_path(bench: Bench, session_id: int) -> Path:
    """The session's log, kept after its end."""
    return bench.home.session_folder(session_id) / "session.log"


def shell(bench: Bench, session_id: int) -> list[str]:
    """The command that gives a shell in it. Raises `Conflict` where it does not run."""
    session = get(bench, session_id)
    with bench.store.read() as connection:
        argv = rows.shell(connection, session_id)
    if session.state in ENDED or not argv:
        raise Conflict(
            f"session {session.name} is {session.state}", hint=f"Start it: workbench sessions start {session.project}"
        )
    return argv


def tunnel_line(session: Session, environ: Mapping[str, str] = os.environ) -> str:
    """The `ssh -L` line that brings the session to the person's own machine; empty where they sit at this one."""
    connection = environ.get("SSH_CONNECTION", "").split()
    if len(connection) != 4 or not session.listening:
        return ""
    host, port = connection[2], connection[3]
    option = "" if port == "22" else f" -p {port}"
    ways = " ".join(f"-L {one}:127.0.0.1:{one}" for one in session.listening)
    return f"ssh{option} -N {ways} {getpass.getuser()}@{host}"


def _want(bench: Bench, session_id: int, desired: Desired, *, again: bool = False) -> bool:
    with bench.store.write() as connection:
        session = _there(rows.get(connection, session_id), session_id)
        asked = rows.want(connection, session, desired, at=bench.now(), actor=bench.actor, again=again)
    control.tell(bench)
    return asked


def _there(session: Session | None, session_id: int) -> Session:
    if session is None:
        raise NotFound("session", f"s{session_id}", hint="See what there is: workbench sessions")
    return session
