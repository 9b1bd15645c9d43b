"""Sessions of the process engine: an IDE under a keeper of its own, found again by its folder.

sessions/<id>/  token  session.log  made.json  kept/{lock,identity.json,exit.json}  state/  front/  runtime/  shell.rc
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from workbench import ports
from workbench.engines import oom
from workbench.engines.base import PortTaken, SessionFacts, SessionRequest
from workbench.engines.folders import drop_sockets, link_data
from workbench.engines.process import kept, proc
from workbench.engines.process.host import bounds
from workbench.engines.process.outfit import Outfit
from workbench.engines.secrets import FOLDER, VARIABLE, forget, lay_out, values
from workbench.errors import Conflict, NotFound
from workbench.paths import Home, private_folder
from workbench.text import memory

MADE = "made.json"
LOG = "session.log"


def create(home: Home, request: SessionRequest) -> str:
    """Write down what is to be started; its handle, `<id>.<generation>.<nonce>`."""
    outfit = Outfit(request, home)
    folder = private_folder(request.folder)
    outfit.check()
    if kept.alive(folder / "kept"):
        raise Conflict(f"session {request.name} runs already")
    if not outfit.fronted and not ports.free(request.port):
        raise PortTaken(request.port)
    handle = f"{request.id}.{request.generation}.{secrets.token_hex(4)}"
    shutil.rmtree(folder / "kept", ignore_errors=True)
    outfit.prepare()
    env = outfit.variables()
    job = kept.Job(
        label=f"session {request.name}",
        mark=f"{home.id}-s{handle}",
        argv=outfit.command(),
        cwd=str(request.workspace.project),
        env=env,
        folder=str(private_folder(folder / "kept")),
        output=str(folder / LOG),
        scrub=[str(folder / "token"), *(str(folder / FOLDER / name) for name in request.workspace.secrets)],
        limits=bounds(request.workspace.limits),
        grace=request.ide.stop_grace,
        detached=True,
    )
    link_data(request.workspace)
    _write(folder / "shell.rc", _shell_file(env, request))
    made = {
        "handle": handle,
        "id": request.id,
        "generation": request.generation,
        "port": 0 if outfit.fronted else request.port,
        "job": asdict(job),
        "secrets": {name: str(path) for name, path in request.workspace.secrets.items()},
    }
    _write(folder / MADE, json.dumps(made))
    return handle


def start(folder: Path) -> None:
    """Start what was made."""
    made = _made(folder)
    if made["port"] and not ports.free(made["port"]):
        raise PortTaken(made["port"])
    for name in ("identity.json", "exit.json"):
        (folder / "kept" / name).unlink(missing_ok=True)
    job = kept.Job(**made["job"])
    if made.get("secrets"):  # read only now, so that no value is written down with what is to be started
        given = values({name: Path(path) for name, path in made["secrets"].items()})
        job = replace(job, env={**job.env, **given, VARIABLE: str(lay_out(folder, given))})
    kept.Line(job).close()


def inspect(folder: Path) -> SessionFacts | None:
    """A session as it is; None where nothing was made, or it was removed."""
    try:
        made = _made(folder)
    except NotFound:
        return None
    handle, number, generation = made["handle"], made["id"], made["generation"]
    place = folder / "kept"
    end = kept.read(place, "exit.json")
    if end:
        reason = _reason(folder, made, end)
        return SessionFacts(handle, number, generation, False, end["code"], end["oom"], reason, end.get("oom_kills"))
    identity = kept.read(place, "identity.json")
    if kept.alive(place):
        counter = str((identity or {}).get("counter") or "")
        kills, limit = (oom.kills(counter), oom.limit(counter)) if counter else (None, None)
        return SessionFacts(handle, number, generation, True, oom_kills=kills, memory_limit=limit)
    if identity is None:
        return SessionFacts(handle, number, generation, False, reason="it was not started")
    restarted = identity.get("boot") != proc.boot_id()
    reason = "the machine was restarted" if restarted else "it was killed together with its keeper"
    return SessionFacts(handle, number, generation, False, reason=reason)


def every(home: Home) -> list[SessionFacts]:
    """All sessions of a home that were made and not removed."""
    folders = (home.state / "sessions").glob(f"*/{MADE}")
    found = [inspect(path.parent) for path in folders]
    return sorted((facts for facts in found if facts), key=lambda facts: facts.id)


def stop(folder: Path, grace: float) -> None:
    """Ask it to stop, kill it and all it started after `grace` seconds."""
    kept.stop(folder / "kept", grace)


def remove(folder: Path) -> None:
    """Remove what is left; the log stays."""
    kept.stop(folder / "kept", 0)
    forget(folder)
    shutil.rmtree(folder / "kept", ignore_errors=True)
    drop_sockets(folder)
    for name in (MADE, "shell.rc"):
        (folder / name).unlink(missing_ok=True)


def shell(folder: Path) -> list[str]:
    """argv of a shell with the session's Python and variables, in the project's folder."""
    _made(folder)
    return [shutil.which("bash") or "bash", "--rcfile", str(folder / "shell.rc"), "-i"]


def folder_of(home: Home, handle: str) -> Path:
    """Where the session of a handle is kept. Raises `NotFound` where `handle` is none of ours."""
    number = handle.partition(".")[0]
    if not number.isdigit():
        raise NotFound("session", handle)
    return home.session_folder(int(number))


def _made(folder: Path) -> dict[str, Any]:
    try:
        data = json.loads((folder / MADE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotFound("session", folder.name) from error
    assert isinstance(data, dict)
    return data


def _reason(folder: Path, made: dict[str, Any], end: dict[str, Any]) -> str:
    if end["oom"]:
        used = f": used {memory(end['used'])} of {memory(end['limit'])}" if end["limit"] else ""
        return f"out of memory{used}"
    if end["signal"]:
        return f"killed by signal {end['signal']}"
    tail = _tail(folder / LOG)
    if end["code"] and f"port {made['port']} is already in use" in tail:
        return f"port {made['port']} is held by another program"
    return f"exit code {end['code']}"


def _tail(path: Path, count: int = 4000) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - count))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _shell_file(env: dict[str, str], request: SessionRequest) -> str:
    """What bash reads first: the person's own settings, then ours without the tool's, so that our Python wins. Secrets
    it reads itself."""
    workspace, hidden = request.workspace, request.ide.env
    name, folder, files = workspace.project_name, workspace.project, request.folder / FOLDER
    lines = ["[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc", '[ -r "$HOME/.bashrc" ] && . "$HOME/.bashrc"']
    lines += [
        f"export {key}={shlex.quote(value)}"
        for key, value in env.items()
        if key.isidentifier() and os.environ.get(key) != value and key not in hidden
    ]
    for secret in workspace.secrets:
        lines.append(
            f'export {secret}="$(cat {shlex.quote(str(files / secret))})" {VARIABLE}={shlex.quote(str(files))}'
        )
    lines += [f"PS1={shlex.quote(f'({name}) ')}$PS1", f"cd {shlex.quote(str(folder))}"]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
