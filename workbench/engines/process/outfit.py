"""What a session's process is given: its tool's command, variables and files. No secret is in any of them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from workbench.engines import tool
from workbench.engines.base import SessionRequest
from workbench.engines.folders import FRONT, FRONT_NAME, KERNEL_NAME, RUNTIME, socket_folder
from workbench.engines.process.surroundings import environment
from workbench.engines.process.venv import has, interpreter
from workbench.errors import Refused
from workbench.model.ide import SignIn, UserRule
from workbench.paths import Home, account_name, private_folder, tool_socket


@dataclass(frozen=True)
class Outfit:
    """The outfit of `request` on this machine."""

    request: SessionRequest
    home: Home

    @property
    def fronted(self) -> bool:
        """Whether our front stands before the tool: then it may not listen on a port, which all accounts could reach."""
        return self.request.ide.sign_in is SignIn.FRONT

    @property
    def place(self) -> tool.Place:
        """What the tool's placeholders stand for."""
        request, space = self.request, self.request.workspace
        return tool.Place.of(
            request,
            host="127.0.0.1",
            port=str(request.port),
            socket=str(tool_socket(request.folder)),
            token_file=str(request.folder / "token"),
            state=str(request.folder / "state"),
            runtime=str((request.folder / RUNTIME).resolve()),
            settings=str(self.home.state / request.ide.name / space.project_name),
            shell=os.environ.get("SHELL") or shutil.which("bash") or "/bin/sh",
            python=str(interpreter(request.revision)),
            user=account_name(os.getuid()),
            uid=os.getuid(),
            gid=os.getgid(),
        )

    def check(self) -> None:
        """Raise `Refused` for what cannot be started here, or not privately."""
        request, ide = self.request, self.request.ide
        if "process" not in ide.engines or ide.user is UserRule.ROOT:
            raise Refused(f"{ide.title} needs Docker", hint="Set `engine: docker` in the environment.")
        tool.check_there(request, has(request.revision, ide))
        if self.fronted and not ide.listens_on_socket:
            raise Refused(
                f"{ide.title} has no login and listens on a port, so on a shared machine it would not be private",
                hint="Set `engine: docker` in the environment.",
            )
        tool.secret_file(request)

    def command(self) -> list[str]:
        """argv: the environment's own Python runs what is a module of it."""
        ide, argv = self.request.ide, tool.command(self.request, self.place)
        python = interpreter(self.request.revision)
        if ide.module:
            return [str(python), "-m", ide.module, *argv[1:]]
        own = python.parent / argv[0]
        return [str(own) if own.exists() else argv[0], *argv[1:]]

    def variables(self) -> dict[str, str]:
        """Its environment."""
        said = tool.variables(self.request, self.place)
        env = environment(self.request.revision, self.request.workspace, said)
        # Empty, some variables still win over the file that holds the secret.
        return {name: value for name, value in env.items() if value or name not in said}

    def prepare(self) -> None:
        """Make its folders and write its files."""
        request = self.request
        state = private_folder(request.folder / "state")
        socket_folder(self.home, request.folder / RUNTIME, KERNEL_NAME)
        private_folder(Path(self.place.settings))
        if self.fronted:
            socket_folder(self.home, request.folder / FRONT, FRONT_NAME)
        for one in tool.own_files(request, self.place):
            path = Path(one.path)
            if not path.is_relative_to(state) or ".." in path.parts:
                raise Refused(
                    f"{request.ide.title} wants a file at {one.path}", hint="On engine process, only below {state}."
                )
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.touch(mode=0o700 if one.executable else 0o600)
            path.write_text(one.text, encoding="utf-8")
