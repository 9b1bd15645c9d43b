"""The keys of an IDE: `ides/<name>.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from workbench.declare.scalars import Duration, Line, Truth, Variable, text, wrong
from workbench.declare.schema.base import Keys, checked, choice, form
from workbench.declare.schema.contents import Requirement, RPackage
from workbench.declare.schema.environment import AptPackage
from workbench.model.ide import PLACEHOLDER, PLACEHOLDERS


def _filled(said: str) -> str:
    for name in PLACEHOLDER.findall(said):
        if name not in PLACEHOLDERS:
            close = get_close_matches(name, PLACEHOLDERS, 1)
            hint = f"did you mean {{{close[0]}}}?" if close else f"there are: {', '.join(PLACEHOLDERS)}"
            wrong(f"unknown placeholder {{{name}}}", hint)
    return said


def _path(said: str) -> str:
    if not re.fullmatch(r"/[!-~]*", said):
        wrong(f"{said!r} is no path of an address", "it begins with / and has neither blanks nor letters beyond ASCII")
    return said


def _program(said: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.+\-]*", said, re.ASCII):
        wrong(f"{said!r} is no name of a program", "as jupyter-lab, without its folder")
    return said


def _own(said: str) -> str:
    parts = said.split("/")
    if said.startswith(("/", "~")) or ".." in parts or "" in parts:
        wrong(f"{said!r} is no folder below the home", "as .local/share/rstudio")
    return said


def _port(value: object) -> int:
    said = text(value)
    if not re.fullmatch(r"\d{1,5}", said, re.ASCII) or not 1024 <= int(said) <= 65535:
        wrong(f"{said!r} is no port", "a number from 1024 to 65535")
    return int(said)


Filled = Annotated[str, checked(_filled), form("text")]
UrlPath = Annotated[str, checked(_path), form("path of an address", "/lab")]
Program = Annotated[str, checked(_program), form("program", "jupyter-lab")]
Port = Annotated[int, BeforeValidator(_port), WithJsonSchema({"type": "integer", "x-form": "port", "examples": [8888]})]
OwnFolder = Annotated[str, checked(_own), form("folder of the home", ".local/share/rstudio")]


class SignInKeys(Keys):
    """Who asks for the secret. A word alone is short for `{how: …}`."""

    SHORT: ClassVar[str] = "how"

    how: Annotated[str, *choice("token-file", "form", "front")] = Field(
        "front",
        description="`token-file`: the tool reads it from {token_file} and checks it itself; `form`: the tool has a form "
        "for a name and a password; `front`: the tool has no login, and ours stands before it.",
    )
    scheme: Line = Field("token", description="`token-file`: the word before the secret in `Authorization:`.")
    parameter: Line = Field("token", description="`token-file`: the parameter of the address that holds the secret.")
    login: Line = Field("", description="`form`: the name to sign in with.")
    protocol: Annotated[str, *choice("rstudio")] | None = Field(
        None,
        description="`form`: whose form it is, where opening can sign in to it by itself: `rstudio` for RStudio Server's. "
        "Absent: the form asks.",
    )


class NeedsKeys(Keys):
    """What has to be installed for it in an image or a venv of ours; ready images have to bring it."""

    python: list[Requirement] = Field(default=[], description="Python packages, as pip spells them.")
    r: list[RPackage] = Field(default=[], description="CRAN packages; R itself is up to the environment.")
    apt: list[AptPackage] = Field(default=[], description="Debian packages.")


class OwnFileKeys(Keys):
    """A file written anew for each start, which only the person's account and root can read."""

    path: Filled = Field(description="Where it is seen, with placeholders.", examples=["{state}/server.conf"])
    text: Filled = Field(description="What stands in it, with placeholders.")
    executable: Truth = Field(False, description="Whether it is a program.")


class IdeKeys(Keys):
    """A tool that sessions can hold: `ides/<name>.yaml`."""

    LATER: ClassVar[Mapping[str, str]] = {"volumes": "", "mounts": "", "image": "images are named in environments"}

    title: Line = Field(description="What people call it.", examples=["JupyterLab"])
    description: Line = Field("", description="One line about it.")
    command: list[Filled] = Field(
        description="Program and arguments, with placeholders: "
        + ", ".join(f"`{{{name}}}` {meaning}" for name, meaning in PLACEHOLDERS.items())
        + ". With `{socket}` it listens there; with `{file}` each session is for one file or folder."
    )
    port: Port = Field(8000, description="The port it listens on in a container.")
    program: Program | None = Field(
        None,
        description="The program by which an image is recognised to have it; the first word of the command, where absent.",
    )
    module: Line = Field(
        "", description="The program as a module of the environment's Python (engine process).", examples=["jupyterlab"]
    )
    package: Line = Field(
        "", description="The package by which it is recognised where it has no program.", examples=["R:shiny"]
    )
    path: UrlPath = Field("/", description="What the browser opens.")
    file_path: UrlPath | None = Field(
        None, description="What the browser opens for a file of the project.", examples=["/lab/tree/{file}"]
    )
    opens: list[Line] = Field(
        default=[], description="Names of files it opens, with `*`; any, where absent.", examples=["*.ipynb", "app.R"]
    )
    finds: list[Line] = Field(
        default=[],
        description="Names of files to open where none is named, with `*`, the likeliest first.",
        examples=["streamlit_app.py", "app.py"],
    )
    ready: UrlPath = Field("/", description="A path that answers 200 once it is up, to who may see it.")
    websocket: UrlPath | None = Field(
        None, description="A path that takes a websocket once it is up; none, where absent."
    )
    sign_in: SignInKeys | None = Field(None, description="Who asks for the secret; our front, where absent.")
    user: Annotated[str, *choice("person", "not-root", "root")] = Field(
        "person",
        description="As whom it starts in a container; `not-root`: the person, and it refuses to be root; `root`: by the image's "
        "own start program, which has to become the person.",
    )
    idle: Annotated[str, *choice("jupyter", "none")] = Field(
        "none", description="How to tell that nobody uses it: by Jupyter's API, or not at all."
    )
    needs: NeedsKeys | None = Field(None, description="What has to be installed for it.")
    installable: Truth = Field(
        True, description="Whether images and venvs of ours can have it; else it takes a ready image that has it."
    )
    engines: list[Annotated[str, *choice("docker", "process")]] = Field(
        default=["docker", "process"], description="Engines on which it works."
    )
    env: dict[Variable, Filled] = Field(default={}, description="Variables it gets, with placeholders.")
    files: list[OwnFileKeys] = Field(default=[], description="Files it reads, written for each session.")
    own: list[OwnFolder] = Field(
        default=[], description="Folders of the home that each session has for itself (engine docker)."
    )
    stop_grace: Duration = Field(
        10.0, description="Time between asking it to stop and killing it.", json_schema_extra={"default": "10s"}
    )
