"""A relay: started beside what listens on its own loopback only, it offers each such port as a unix socket.

    other accounts ─ ✗ ─▶ 127.0.0.1:<port> of a container (or of a network namespace) ◀── relay ◀── 0700 folder/<name>.sock

Two small programs do the same, for what an image has: Python 3.6 or later, or the Perl that is in every Debian.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath

from workbench.errors import Refused

SOCKET = "tool.sock"  # of the tool itself, in the folder that is shown
_PROGRAMS = {"python": "program.py", "perl": "program.pl"}
_OPTIONS = {"python": ["-I", "-S"], "perl": []}


@dataclass(frozen=True)
class Relay:
    """A relay for one tool: `kind` of program, run by `interpreter`; both as the tool sees them."""

    kind: str
    interpreter: str

    def install(self, folder: Path) -> Path:
        """Its program, in `folder`: readable by all, for it is no secret."""
        path = folder / "relay"
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write((files(__package__) / _PROGRAMS[self.kind]).read_bytes())
        return path

    def wrap(
        self,
        argv: Sequence[str],
        *,
        program: PurePosixPath,
        folder: PurePosixPath,
        offered: Mapping[str, int],
        account: str = "",
    ) -> list[str]:
        """`argv` with the relay before it. `program` and the sockets' `folder` as the tool sees them, `offered` by the name
        of a socket the port behind it.

        `account`: the tool has to be the first process itself; the relay goes beside it, as `uid:gid`.
        """
        pairs = [word for name, port in offered.items() for word in (str(folder / name), str(port))]
        return [self.interpreter, *_OPTIONS[self.kind], str(program), account or "-", *pairs, "--", *argv]


def chosen(python3: str, perl: str) -> Relay:
    """The relay for an image that has these programs, by their paths; empty for none. Raises `Refused` where it has neither."""
    if python3:
        return Relay("python", python3)
    if perl:
        return Relay("perl", perl)
    raise Refused(
        "this image has neither python3 nor perl, which keep private what listens in it without a sign-in of its own",
        hint="Add one of them to the image; on Debian: apt: [perl-base]",
    )
