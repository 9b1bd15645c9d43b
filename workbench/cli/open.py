"""`open`: from a project or a file to its IDE in the browser, in one step."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from workbench.cli.grammar import command
from workbench.cli.invocation import Invocation
from workbench.cli.names import ide_names, project_names
from workbench.cli.sessions import PORT, broken
from workbench.cli.shapes.things import SESSION
from workbench.cli.terminal import failure, following
from workbench.cli.terminal.output import emit, note, say
from workbench.cli.terminal.progress import ProgressLine
from workbench.errors import NotFound
from workbench.model.project import Project
from workbench.model.session import Session, SessionState


@command("open", short_help="Open a project or file in its IDE.")
@click.argument("what", metavar="[PROJECT|FILE|SESSION]", required=False, shell_complete=project_names)
@click.option(
    "--ide",
    default="",
    shell_complete=ide_names,
    help="The tool; the first of the environment that opens it unless given.",
)
@click.option("--name", help="The session; PROJECT-IDE unless given.")
@click.option("--port", type=PORT, help="What listens on this port inside, in place of the tool.")
@click.option("--print", "only_print", is_flag=True, help="Print the address with its secret; open no browser.")
def open_session(
    call: Invocation, what: str | None, ide: str, name: str | None, port: int | None, only_print: bool
) -> int:
    """Open a project, or a file of one, in its IDE: start the session if needed, wait until it answers, open it.

    Without an argument the project of the working folder; the name of a session is that one. Over SSH, or where there is no browser, it prints the address
    and the ssh line that brings it to your machine.
    """
    from workbench.services import sessions

    bench = call.changing()
    named = None if ide or name else _session(call, what)
    if named:
        project_name, ide, name, file = named.project, named.ide, named.name, ""
    else:
        project, file = _named(call, what)
        project_name = project.name
    session_id = sessions.start(bench, project_name, ide, name=name, file=file)
    line = ProgressLine(wanted=not call.quiet and not call.json)
    try:
        session = following.session_to_ready(bench, session_id, line=line)
    except KeyboardInterrupt:
        line.end()
        note(call, f"s{session_id} goes on starting. Open it later: workbench open {project_name}")
        return failure.INTERRUPTED
    if session.state is not SessionState.READY:
        raise broken(session)
    return into(call, session, port=port, only_print=only_print)


def into(call: Invocation, session: Session, *, port: int | None = None, only_print: bool = False, **more: Any) -> int:
    """Lead the person into a session that is ready; `more` is told beside it by `--json`."""
    from workbench.services import links, sessions

    address, login, password = _way_in(call, session, port)
    tunnel = sessions.tunnel_line(session)
    if call.json:
        emit(
            {
                **SESSION.of(session),
                "secret_url": address,
                "tunnel": tunnel,
                "login": login,
                "password": password,
                **more,
            }
        )
        return 0
    if only_print or tunnel or not has_browser():
        click.echo(address)
        if login:
            note(call, f"Sign in as {login} with the password {password}")
        if tunnel:
            note(call, f"On your own machine, first: {tunnel}")
        return 0
    link = links.make(call.changing(), session.id, port or 0)
    if browse(link.address):
        shown = f"Port {port} of" if port else f"s{session.id}"
        where = address.partition("/?")[0] if port else session.url
        say(call, f"{shown} {session.name} is open in the browser: {where}")
        note(call, link.asks)
        if link.login:
            say(call, f"Sign in as {link.login}; its password: workbench sessions url {session.name}")
    else:
        note(call, "The browser could not be started. Open this address:")
        click.echo(address)
    return 0


def _way_in(call: Invocation, session: Session, port: int | None) -> tuple[str, str, str]:
    """The address of a session, or of a port inside, with its secret; name and password where a form asks for them."""
    from workbench.services import forwards, sessions

    bench = call.changing()
    if port:
        return forwards.secret_url(bench, session.id, port), "", ""
    note(call, sessions.left_to_open(bench, session))
    return sessions.secret_url(bench, session.id), *sessions.password(bench, session.id)


def has_browser(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a browser window can appear where the person sits: a display, or Windows around WSL."""
    if environ.get("SSH_CONNECTION"):
        return False
    shown = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or environ.get("BROWSER")
    return bool(shown) or "microsoft" in platform.release().lower()


def browse(address: str) -> bool:
    """Open `address` in the person's browser; False where none can be started."""
    import shutil
    import subprocess
    import webbrowser

    if "microsoft" in platform.release().lower() and (
        helper := shutil.which("wslview") or shutil.which("explorer.exe")
    ):
        # explorer.exe exits 1 also when it did as asked.
        return subprocess.run([helper, address], check=False, capture_output=True).returncode in (0, 1)
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False


def _session(call: Invocation, what: str | None) -> Session | None:
    """The session that `what` names, where no project and no file is called so."""
    from workbench.services import projects, sessions

    if what is None or os.sep in what or what.isdigit() or Path(what).is_file():
        return None
    bench = call.changing()
    if any(project.name == what for project in projects.listing(bench)):
        return None
    try:
        return sessions.find(bench, what)
    except NotFound:
        return None


def _named(call: Invocation, what: str | None) -> tuple[Project, str]:
    """The project and the file in it that `what` names; a word is a project's name unless a file has it."""
    from workbench.services import projects

    bench = call.changing()
    if what is not None and os.sep not in what and not Path(what).is_file():
        return projects.get(bench, what), ""
    path = Path(what or ".")
    project, file = projects.locate(bench, path)
    return project, "" if file == "." else file
