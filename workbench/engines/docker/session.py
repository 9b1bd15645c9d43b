"""Sessions: a container for each, published on this machine's loopback address alone."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import ports
from workbench.engines import secrets
from workbench.engines.base import LABEL, PortTaken, SessionFacts, SessionRequest
from workbench.engines.docker import command, gauge
from workbench.engines.docker.account import account, by_its_rules
from workbench.engines.docker.belongings import PRIVATE
from workbench.engines.docker.connection import GOING, Connection, NoSuchThing
from workbench.engines.docker.container import STARTER, create
from workbench.engines.docker.images.contents import Library
from workbench.engines.docker.kernel import read_exit
from workbench.engines.docker.outfit import Outfit
from workbench.engines.folders import drop_sockets
from workbench.errors import Conflict, NotFound, Refused, WorkbenchError
from workbench.model.ide import UserRule
from workbench.paths import Home
from workbench.text import one_line

ROLE = "session"
# The Engine, its userland proxy, rootlesskit and Podman each say it in their own words.
_TAKEN = re.compile(r"port is already allocated|address already in use|ports are not available", re.IGNORECASE)
_SHELL = (
    "set -a; . {env}; set +a; shell=$(command -v bash || echo sh); [ ! -x {start} ] || exec {start} $shell; exec $shell"
)


class Sessions:
    """The sessions of one engine. Each project has a home folder: settings and caches outlive sessions."""

    def __init__(self, connection: Connection, library: Library, home: Home) -> None:
        self._home = home
        self._connection = connection
        self._library = library

    def create(self, request: SessionRequest) -> str:
        """As the contract has it. A container of the same name that a broken start left is replaced."""
        contents = self._library.of(request.revision.digest or request.revision.reference)
        who = account(self._connection.daemon(), request.workspace.person, contents)
        if request.ide.user is UserRule.ROOT:
            who = by_its_rules(who, request.ide.login)
        outfit = Outfit(request, self._home, who, contents)
        if outfit.fronted and self._connection.daemon().desktop:
            raise Refused(
                f"{request.ide.title} has no login, and sockets in Docker Desktop's machine cannot be reached from here",
                hint="Install Docker Engine beside it (`docker context use default`), or set `engine: process`.",
            )
        if not outfit.fronted and not ports.free(request.port):
            raise PortTaken(request.port)
        space = request.workspace
        plan = outfit.plan(
            f"workbench-{space.home[:6]}-{request.name}-{request.id}",
            {
                "role": ROLE,
                "home": space.home,
                "owner": str(space.person.uid),
                "project": space.project_name,
                "session": str(request.id),
                "generation": str(request.generation),
                "spec": request.revision.id,
                "folder": str(request.folder),
            },
        )
        try:
            return create(self._connection, plan)
        except Conflict:
            self._remove_stale(str(plan.name), request)
            return create(self._connection, plan)

    def start(self, handle: str) -> None:
        """Start what was created."""
        try:
            with self._connection.api() as api:
                api.start(handle)
        except NoSuchThing as error:
            raise NotFound("container", handle[:12]) from error
        except WorkbenchError as error:
            if _TAKEN.search(error.message):
                raise PortTaken(error.message) from error
            raise

    def all(self, home: str) -> list[SessionFacts]:
        """Sessions of a home, alive or not."""
        filters = {"label": [f"{LABEL}home={home}", f"{LABEL}role={ROLE}"]}
        with self._connection.api() as api:
            entries = api.containers(all=True, filters=filters)
        found = []
        for entry in entries:
            facts = (
                _facts(entry["Id"], entry["Labels"], {"Running": True})
                if entry["State"] == "running"
                else self.inspect(entry["Id"])
            )
            if facts:
                found.append(facts)
        return found

    def inspect(self, handle: str) -> SessionFacts | None:
        """One session; None where its container is gone, or on its way out."""
        seen = self._seen(handle)
        if seen is None or seen["State"].get("Status") in GOING:
            return None
        facts = _facts(seen["Id"], seen["Config"]["Labels"] or {}, seen["State"])
        if not facts.alive:
            return facts
        kills, limit = gauge.oom_kills(self._connection, seen)
        return replace(facts, oom_kills=kills, memory_limit=limit)

    def stop(self, handle: str, grace: float) -> None:
        """Ask it to stop, kill it after `grace` seconds."""
        try:
            with self._connection.api(timeout=grace + 60.0) as api:
                api.stop(handle, timeout=math.ceil(grace))
        except NoSuchThing:
            return

    def remove(self, handle: str) -> None:
        """Remove the container, whatever its state, and the secrets it was given."""
        seen = self._seen(handle)
        try:
            with self._connection.api() as api:
                api.remove_container(handle, force=True, v=True)
        except NoSuchThing:
            pass
        folder = seen and (seen["Config"]["Labels"] or {}).get(f"{LABEL}folder")
        if folder:
            secrets.forget(Path(folder))
            drop_sockets(Path(folder))

    def shell(self, handle: str) -> list[str]:
        """argv of a shell in the session, with the variables its tool has."""
        found = command.fitting(self._connection.endpoint, self._connection.daemon().version)
        if not found:
            raise Refused(
                "a shell in a container needs the `docker` command",
                hint="Install it (on Debian: docker-cli), or open a terminal in JupyterLab.",
            )
        seen = self._seen(handle)
        if not seen:
            raise NotFound("session", handle[:12])
        folder = str(seen["Config"].get("WorkingDir") or "/")
        script = _SHELL.format(env=shlex.quote(str(PRIVATE / "env")), start=STARTER)
        terminal = ["-e", "TERM"] if "TERM" in os.environ else []  # Podman refuses a name without a value
        docker = ["env", "-u", "DOCKER_CONTEXT", found[0].path, "-H", self._connection.endpoint.url]
        return [*docker, "exec", "-it", *terminal, "-w", folder, handle, "/bin/sh", "-c", script]

    def _seen(self, handle: str) -> dict[str, Any] | None:
        try:
            with self._connection.api() as api:
                seen: dict[str, Any] = api.inspect_container(handle)
        except NoSuchThing:
            return None
        return seen

    def _remove_stale(self, name: str, request: SessionRequest) -> None:
        """Remove a container of this name, if it is this session's and does not run."""
        seen = self._seen(name)
        if seen is None:
            return
        labels = seen["Config"]["Labels"] or {}
        ours = labels.get(f"{LABEL}home") == request.workspace.home
        if not ours or seen["State"]["Running"]:
            raise Conflict(f"a container named {name} exists already", title=f"session {request.name}")
        self.remove(seen["Id"])


def _facts(handle: str, labels: Mapping[str, str], state: Mapping[str, Any]) -> SessionFacts:
    facts = SessionFacts(
        handle=handle,
        id=int(labels.get(f"{LABEL}session", "0")),
        generation=int(labels.get(f"{LABEL}generation", "0")),
        alive=bool(state.get("Running")),
    )
    error = one_line(str(state.get("Error") or ""))
    if facts.alive:
        return facts
    if state.get("Status") == "created":
        return replace(facts, reason=error or "not started")
    end = read_exit(state, None)
    code = int(str(state.get("ExitCode") or 0))
    return replace(facts, exit_code=code, oom=end.oom, reason="out of memory" if end.oom else error or end.words)
