"""git itself, started with nothing in a repository trusted: no hook, no filter, no program that its settings name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.text import clean, one_line

PATIENCE = 10.0  # seconds; a repository on a slow disk shall not hold a run up for longer
# A repository's own configuration names programs that git starts, and a cell in a container can write it. So: no hooks,
# no helper that watches files, nothing fetched, no lock taken from the person's own git, no question asked.
_SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.untrackedCache=false",
         "-c", "safe.bareRepository=explicit")  # fmt: skip
_ALONE = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}


@dataclass(frozen=True)
class Answer:
    """What git printed; `problem` is its first complaint where it failed, could not be started or took too long."""

    output: bytes = b""
    problem: str = ""

    @property
    def text(self) -> str:
        """As text."""
        return self.output.decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """Names that were printed with `-z`, as the file system has them."""
        return [os.fsdecode(one) for one in self.output.split(b"\0") if one]


def git(
    folder: Path,
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    patience: float | None = None,
    given: bytes | None = None,
) -> Answer:
    """Run git in `folder` with what `given` it reads."""
    patience = PATIENCE if patience is None else patience
    try:
        done = subprocess.run(
            command(folder, arguments),
            input=given if given is not None else b"",
            capture_output=True,
            env=environment(environ),
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(problem=f"git did not answer within {patience:.0f} s")
    except (OSError, ValueError) as error:
        return Answer(problem=f"git cannot be run: {getattr(error, 'strerror', None) or error}")
    if done.returncode == 0:
        return Answer(done.stdout)
    said = clean(done.stderr.decode(errors="replace")).strip().splitlines()
    first = next((line for line in said if line.startswith(("fatal:", "error:"))), said[-1] if said else "")
    return Answer(problem=one_line(first, 300) or f"git ended with {done.returncode}")


def command(folder: Path, arguments: Sequence[str]) -> list[str]:
    """The words that start git in `folder`."""
    return ["git", *_SAFE, "-C", str(folder), *arguments]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Its variables: the person's, without those that lead git elsewhere."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or "CONFIG" in name}
    return {**base, **_ALONE, "LC_ALL": "C", **(more or {})}


def without_filters(folder: Path) -> list[str] | None:
    """Options under which git starts no `filter.<name>.clean` and its like; None where that cannot be had.

    A file that was touched and whose filter would have made it as it was then counts as changed.
    """
    answer = git(folder, ["config", "--null", "--name-only", "--list"])
    if answer.problem:
        return None
    found = {key.rpartition(".")[0] for key in answer.text.split("\0") if key.startswith("filter.")}
    if any("=" in name for name in found):
        return None  # `-c` ends a name there
    settings = [
        f"{name}.{key}" for name in sorted(found) for key in ("clean=", "smudge=", "process=", "required=false")
    ]
    return [word for setting in settings for word in ("-c", setting)]
