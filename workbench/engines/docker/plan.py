"""What a container is to be: whose it is, what it runs, what it sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.engines.base import Workspace
from workbench.engines.docker.account import Account
from workbench.engines.docker.images.contents import Contents
from workbench.model.environment import Revision


@dataclass(frozen=True)
class Plan:
    """A container to be created. `private` is its folder on this machine, `env` goes there into a file; `home` is the
    folder that is the account's home inside.

    `shown` are further binds, `(path here, path inside, may write)`; `port` is `(inside, on 127.0.0.1 here)`. `root`: the
    image's own start program is root and the first process, and makes `who` of the person's numbers by itself.
    """

    name: str | None
    revision: Revision
    contents: Contents
    argv: Sequence[str]
    workspace: Workspace
    private: Path
    home: Path
    labels: Mapping[str, str]
    env: Mapping[str, str] = field(default_factory=dict)
    shown: Sequence[tuple[Path, str, bool]] = ()
    port: tuple[int, int] | None = None
    hostname: str | None = None
    log_size: str = "10m"
    root: bool = False
    who: Account | None = None
