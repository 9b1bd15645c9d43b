"""IDEs: the tools that sessions hold, each declared in a short file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from urllib.parse import quote

# What may stand in braces in a command, a variable or a file of an IDE, and what it becomes.
PLACEHOLDERS = {
    "host": "the address to listen on",
    "port": "the port to listen on",
    "socket": "the unix socket to listen on, in place of a port",
    "name": "the session's name",
    "host_name": "the name by which browsers reach the session",
    "project": "the project's folder",
    "file": "the file or folder that is opened, with its whole path",
    "token_file": "the file with the session's secret",
    "state": "a folder of this session alone, kept between its starts",
    "runtime": "a folder of this session alone with a short path, for sockets, emptied at each start",
    "settings": "a folder of this tool for all sessions of the project",
    "shell": "the shell for terminals",
    "python": "the environment's Python",
    "user": "the name of the person's account",
    "root": "true where that account is root inside, else false",
    "uid": "the number of the person's account",
    "gid": "the number of the person's group",
}
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class SignIn(StrEnum):
    """Who asks for the secret: the tool, which reads it from a file; the tool, in a form; or our front."""

    TOKEN_FILE = "token-file"  # noqa: S105 - a word
    FORM = "form"
    FRONT = "front"


class UserRule(StrEnum):
    """As whom it is started in a container: the person, the person who may not be root, or root, which then becomes the
    person by itself."""

    PERSON = "person"
    NOT_ROOT = "not-root"
    ROOT = "root"


class Idle(StrEnum):
    """How to tell that nobody uses it: Jupyter's own API, or not at all."""

    JUPYTER = "jupyter"
    NONE = "none"


@dataclass(frozen=True)
class Needs:
    """What has to be installed for an IDE: requirements, CRAN packages, Debian packages."""

    python: tuple[str, ...] = ()
    r: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()

    def __add__(self, other: Needs) -> Needs:
        return Needs(*(tuple(dict.fromkeys((*a, *b))) for a, b in zip(self.parts, other.parts, strict=True)))

    def __bool__(self) -> bool:
        return any(self.parts)

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """Python, R, Debian."""
        return self.python, self.r, self.apt


@dataclass(frozen=True)
class OwnFile:
    """A file that is written for each session and seen inside at `path`; both may hold placeholders."""

    path: str
    text: str
    executable: bool = False


@dataclass(frozen=True)
class Ide:
    """A tool that a session runs. `command`, `env` and `files` may hold placeholders (`PLACEHOLDERS`).

    `program` is by what an image is recognised to have it, `package` (`R:shiny`, `marimo`) where it has none;
    `module` is the program as a module of the environment's own Python.
    """

    name: str
    title: str
    command: tuple[str, ...]
    port: int  # inside its container
    description: str = ""
    program: str = ""
    module: str = ""
    package: str = ""
    path: str = "/"  # what the browser opens, below the session's address
    file_path: str = ""  # the same for a file, `{file}` being its path in the project
    opens: tuple[str, ...] = ()  # patterns of names of files it opens; none: any
    finds: tuple[str, ...] = ()  # patterns of names of files to open where none is named, the likeliest first
    ready: str = "/"  # answers 200 once it is up, to who may see it
    websocket: str = ""  # where a websocket can be opened with the secret, and not without; empty for none
    sign_in: SignIn = SignIn.FRONT
    scheme: str = "token"  # `Authorization: <scheme> <secret>`, of `token-file`
    parameter: str = "token"  # `?<parameter>=<secret>`, of `token-file`
    login: str = ""  # the name that a form wants beside the secret
    form: str = ""  # whose form it is, where open links can sign in to it
    user: UserRule = UserRule.PERSON
    idle: Idle = Idle.NONE
    needs: Needs = Needs()
    installable: bool = True  # whether an image or a venv of ours can have it
    engines: tuple[str, ...] = ("docker", "process")
    env: Mapping[str, str] = field(default_factory=dict)
    files: tuple[OwnFile, ...] = ()
    own: tuple[str, ...] = ()  # folders of the account's home that each session has for itself
    stop_grace: float = 10.0  # seconds between asking it to stop and killing it

    @property
    def takes_file(self) -> bool:
        """Whether it is started for one file or folder, as an app is, and not for the whole project."""
        return any("{file}" in word for word in self.command)

    @property
    def listens_on_socket(self) -> bool:
        """Whether it listens on a unix socket by itself."""
        return any("{socket}" in word for word in self.command)

    def can_open(self, file: str) -> bool:
        """Whether `file` is of a kind that it opens."""
        name = PurePosixPath(file).name
        return not self.opens or any(fnmatchcase(name, pattern) for pattern in self.opens)

    def path_for(self, file: str) -> str:
        """What the browser opens: the start page, or `file` of the project."""
        if not file or not self.file_path or self.takes_file:
            return self.path
        return self.file_path.replace("{file}", quote(file))
