"""What can be done with a session."""

from __future__ import annotations

from typing import Any

from workbench.model.session import ALIVE, ENDED, Desired, Session, SessionState
from workbench.text import plural
from workbench.ui.actions import Action, Purpose
from workbench.ui.acts.opening import open_now
from workbench.ui.acts.projects import sound_projects
from workbench.ui.commands import words
from workbench.ui.desk import Desk, names

AREA = "sessions"


def _tunnelled(session: Session) -> bool:
    from workbench.services import sessions

    return session.state in ALIVE and bool(sessions.tunnel_line(session))


def _ready(session: Session) -> bool:
    return session.state is SessionState.READY


def _wanted(session: Session) -> bool:
    return session.desired is Desired.UP and session.state not in ENDED


def _step(verb: str, items: list[Session]) -> str:
    return words("sessions", verb, *(session.name for session in items))


def _removal(items: list[Session]) -> str:
    alive = any(session.state not in ENDED for session in items)
    return f"{_step('remove', items)}{' --stop' if alive else ''}"


def _open(session: Session) -> str:
    """This very session: its tool and name where they are not what is taken without them."""
    return words("open", session.project, *session.options)


async def session_form(desk: Desk, project: str = "", *, near: str = "") -> None:
    """The form; the session is shown afterwards."""
    from workbench.ui.modals.session import SessionForm

    known = await sound_projects(desk, "Start a session", project)
    session = await desk.form(SessionForm(desk.bench, known, project or near))
    if session:
        desk.say("Asked for. o opens it once it is ready.")
        desk.look()
        desk.go(AREA, str(session))


async def new(desk: Desk, items: list[Any]) -> None:
    """The form, with the project of the selected session."""
    await session_form(desk, near=items[0].project if items else "")


async def open_it(desk: Desk, items: list[Session]) -> None:
    """In the browser."""
    await open_now(desk, items[0])


async def copy(desk: Desk, items: list[Session]) -> None:
    """Its address with the token, which is shown nowhere; of a tool with a form there is none in it."""
    from workbench.services import sessions

    address = await desk.call(sessions.secret_url, desk.bench, items[0].id)
    login, _ = await desk.call(sessions.password, desk.bench, items[0].id)
    desk.copy(address, f"the address of {items[0].name}" + ("; u copies its password" if login else " with its token"))


async def password(desk: Desk, items: list[Session]) -> None:
    """The password of a tool with a form of its own."""
    from workbench.services import sessions

    login, secret = await desk.call(sessions.password, desk.bench, items[0].id)
    if login:
        desk.copy(secret, f"the password of {items[0].name}: sign in as {login}")
    else:
        desk.say(f"{items[0].name} has no password: o opens it, c copies its address with its token")


def tunnel(desk: Desk, items: list[Session]) -> None:
    """The ssh line that brings it to the person's own machine."""
    from workbench.services import sessions

    desk.copy(
        sessions.tunnel_line(items[0]), "the ssh line for your own machine; then c copies the address to open there"
    )


def log(desk: Desk, items: list[Session]) -> None:
    """Its log."""
    del items
    desk.screen.choose_tab("Logs")
    desk.screen.open_detail()


async def shell(desk: Desk, items: list[Session]) -> None:
    """A shell in it, over the program."""
    from workbench.services import sessions

    desk.run_over(await desk.call(sessions.shell, desk.bench, items[0].id))


async def restart(desk: Desk, items: list[Session]) -> None:
    """Up again, at the same address; one that runs is asked about, for kernels in it end."""
    from workbench.services import sessions
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    up = [one for one in items if one.state not in ENDED and one.state is not SessionState.SPARE]
    if up:
        title = f"Restart session {up[0].name}?" if len(items) == 1 else f"Restart {plural(len(items), 'session')}?"
        effect = "Its kernels end and lose what they hold in memory. Saved files stay, the address too."
        answer = Answer("restart", "Restart", _step("restart", items))
        if not await desk.form(Confirm(Question(title, effect, (answer,)))):
            return
    desk.screen.pane.wait_for(items, "restarting" if up else "starting")
    for one in items:
        await desk.call(sessions.restart, desk.bench, one.id)
    desk.screen.forget_marks()
    desk.look()


async def stop(desk: Desk, items: list[Session]) -> None:
    """Ask, then want them down."""
    from workbench.services import sessions
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    one = items[0]
    title = f"Stop session {one.name}?" if len(items) == 1 else f"Stop {plural(len(items), 'session')}?"
    files = f"Files in {one.project} stay." if len(items) == 1 else f"{names(items, lambda s: s.name)}. Files stay."
    effect = f"{files} Kernels end and lose what they hold in memory."
    if not await desk.form(Confirm(Question(title, effect, (Answer("stop", "Stop", _step("stop", items)),)))):
        return
    desk.screen.pane.wait_for(items, "stopping")
    for session in items:
        await desk.call(sessions.stop, desk.bench, session.id)
    desk.screen.forget_marks()
    desk.look()


def _stops(session: Session) -> bool:
    return _ready(session) and bool(session.idle_stop)


async def keep(desk: Desk, items: list[Session]) -> None:
    """Call the idle stop off, or on again."""
    from workbench.services import sessions

    for one in items:
        await desk.call(
            lambda bench, number, kept: sessions.keep(bench, number, kept=kept), desk.bench, one.id, not one.kept
        )
    label = names(items, lambda session: session.name)
    desk.say(
        f"{label}: {'may stop when idle again' if items[0].kept else 'not stopped when idle, until started again'}"
    )
    desk.screen.forget_marks()
    desk.look()


async def remove(desk: Desk, items: list[Session]) -> None:
    """Ask; one that is up can be stopped and removed."""
    from workbench.services import sessions
    from workbench.ui.modals.confirm import Answer, Confirm, Question

    one, several = items[0], len(items) > 1
    alive = [session for session in items if session.state not in ENDED]
    title = f"Remove {plural(len(items), 'session')}?" if several else f"Remove session {one.name}?"
    files = f"{names(items, lambda s: s.name)}. Files stay." if several else f"Files in {one.project} stay."
    if alive:
        files += f" {plural(len(alive), 'session') + ' must' if several else 'It is ' + str(one.state) + ' and must'} be stopped first."
    answer = Answer("remove", "Stop and remove" if alive else "Remove", _removal(items))
    if not await desk.form(Confirm(Question(title, files, (answer,)))):
        return
    desk.screen.pane.wait_for(items, "removing")
    for session in alive:
        await desk.call(sessions.stop, desk.bench, session.id)
    await desk.until(lambda: all(sessions.get(desk.bench, session.id).state in ENDED for session in alive))
    for session in items:
        await desk.call(sessions.remove, desk.bench, session.id)
    desk.screen.forget_marks()
    desk.say(f"Removed {plural(len(items), 'session')}" if several else f"Removed {one.name}")
    desk.look()


ACTIONS = (
    Action("sessions.new", "n", AREA, "new", "sessions: start session", Purpose.ACT, new, changes=True, rank=10),
    Action(
        "sessions.open", "o", AREA, "open", "sessions: open in browser", Purpose.OPEN, open_it, _ready, on_item=True,
        command=_open, rank=20,
    ),
    Action(
        "sessions.copy", "c", AREA, "copy URL", "sessions: copy URL", Purpose.OPEN, copy, _ready, on_item=True,
        command=lambda session: _step("url", [session]), rank=25,
    ),
    Action(
        "sessions.tunnel", "t", AREA, "ssh line", "sessions: copy ssh line", Purpose.OPEN, tunnel, _tunnelled, on_item=True,
        command=lambda session: _step("show", [session]), rank=27,
    ),
    Action(
        "sessions.password", "u", AREA, "password", "sessions: copy password", Purpose.OPEN, password, _ready, on_item=True,
        command=lambda session: _step("url", [session]), rank=0,
    ),
    Action(
        "sessions.log", "l", AREA, "logs", "sessions: show logs", Purpose.OPEN, log, on_item=True,
        command=lambda session: f"logs s{session.id} -f", rank=30,
    ),
    Action(
        "sessions.shell", "s", AREA, "shell", "sessions: open shell", Purpose.OPEN, shell, _ready, on_item=True,
        changes=True, command=lambda session: _step("shell", [session]), rank=35,
    ),
    Action(
        "sessions.restart", "r", AREA, "restart", "sessions: restart session", Purpose.ACT, restart, on_item=True,
        many=True, changes=True, dangerous=True, command=lambda session: _step("restart", [session]), rank=40,
    ),
    Action(
        "sessions.stop", "x", AREA, "stop", "sessions: stop session", Purpose.ACT, stop, _wanted, on_item=True, many=True,
        changes=True, dangerous=True, command=lambda session: _step("stop", [session]), rank=45,
    ),
    Action(
        "sessions.keep", "p", AREA, "keep", "sessions: call the idle stop off or on", Purpose.ACT, keep, _stops,
        on_item=True, many=True, changes=True,
        command=lambda session: f"{_step('keep', [session])}{' --off' if session.kept else ''}", rank=50,
    ),
    Action(
        "sessions.remove", "d", AREA, "remove", "sessions: remove session", Purpose.ACT, remove, on_item=True, many=True,
        changes=True, dangerous=True, command=lambda session: _removal([session]), rank=60,
    ),
)  # fmt: skip
