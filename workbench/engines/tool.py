"""How an IDE is started: what stands for the placeholders of its declaration, and what must hold before."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from workbench.engines.base import SessionRequest
from workbench.errors import Refused
from workbench.model.ide import PLACEHOLDER, OwnFile

SHORTEST_SECRET = 32  # characters


@dataclass(frozen=True)
class Place:
    """Where a session is, as its tool sees it; one field a placeholder."""

    host: str
    port: str
    socket: str
    name: str
    host_name: str
    project: str
    file: str
    token_file: str
    state: str
    runtime: str
    settings: str
    shell: str
    python: str
    user: str
    root: str
    uid: str
    gid: str

    @classmethod
    def of(cls, request: SessionRequest, *, user: str, uid: int, gid: int, **here: str) -> Place:
        """The place of a session for an account; `here` is what each engine has its own way for."""
        space = request.workspace
        return cls(
            name=request.name,
            host_name=request.host_name,
            project=str(space.project),
            file=str(space.project / request.file),
            user=user,
            root=str(uid == 0).lower(),
            uid=str(uid),
            gid=str(gid),
            **here,
        )

    def fill(self, text: str) -> str:
        """`text` with its placeholders replaced."""
        known: dict[str, str] = asdict(self)
        return PLACEHOLDER.sub(lambda found: known.get(found[1], found[0]), text)


def command(request: SessionRequest, place: Place) -> list[str]:
    """argv of the session's tool."""
    return [place.fill(word) for word in request.ide.command]


def variables(request: SessionRequest, place: Place) -> dict[str, str]:
    """Variables that it gets."""
    return {name: place.fill(value) for name, value in request.ide.env.items()}


def own_files(request: SessionRequest, place: Place) -> list[OwnFile]:
    """Files that are written for it."""
    return [OwnFile(place.fill(one.path), place.fill(one.text), one.executable) for one in request.ide.files]


def check_there(request: SessionRequest, has: bool) -> None:
    """Raise `Refused` where the environment has no such tool."""
    if not has:
        tool = request.ide
        needs = " ".join(word for part in tool.needs.parts for word in part)
        what = f"Add {tool.name} to its `ides:`"
        raise Refused(
            f"this environment has no {tool.title}",
            hint=f"{what}, or install it: {needs}" if needs else f"{what}, or use an image that has it",
        )


def secret_file(request: SessionRequest) -> Path:
    """The file with the session's secret, checked: an empty one would switch signing in off, and a newline in it would
    become part of it."""
    path = request.folder / "token"
    try:
        secret = path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise Refused(f"{path} holds no secret", hint="Start the session again.") from error
    if len(secret) < SHORTEST_SECRET or not secret.isprintable() or secret != secret.strip():
        raise Refused(
            f"{path} holds no secret of {SHORTEST_SECRET} characters or more", hint="Start the session again."
        )
    return path
