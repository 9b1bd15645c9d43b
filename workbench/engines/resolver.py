"""Versions and hashes out of package indexes, by uv, without installing anything."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event

from workbench.engines.base import Cancelled
from workbench.engines.complaints import failure
from workbench.text import clean

LOOK = 0.2
STEP = "ask the package index"


def compiled(
    lines: Sequence[str], options: Sequence[str], *, env: Mapping[str, str], log: Path, cancelled: Event
) -> list[str]:
    """What `uv pip compile` makes of requirement `lines`: a line for each package. Raises `BuildFailed`, `Cancelled`."""
    from uv import find_uv_bin

    with tempfile.TemporaryDirectory(prefix="workbench-resolve-") as folder:
        wanted, made = Path(folder, "requirements.in"), Path(folder, "requirements.txt")
        wanted.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        argv = [
            find_uv_bin(),
            "pip",
            "compile",
            "-q",
            "--no-header",
            "--no-annotate",
            *options,
            str(wanted),
            "-o",
            str(made),
        ]
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as sink:
            sink.write(f"$ uv {' '.join(argv[1:])}\n")
            sink.flush()
            with Path(folder, "said").open("w+b") as said:
                process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env, cwd="/")
                while process.poll() is None:
                    if cancelled.wait(LOOK):
                        process.kill()
                        process.wait()
                        raise Cancelled
                said.seek(0)
                text = clean(said.read().decode("utf-8", "replace"))
            sink.write(text)
        if process.returncode:
            raise failure(STEP, text.splitlines(), {"code": process.returncode})
        return joined(made.read_text(encoding="utf-8"))


def joined(text: str) -> list[str]:
    """The lines of a requirements file, continued ones joined, without comments."""
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def hashed(
    pins: Sequence[str], options: Sequence[str], *, env: Mapping[str, str], log: Path, cancelled: Event
) -> tuple[str, ...]:
    """`name==version` with the hashes of its files in the index."""
    if not pins:
        return ()
    return tuple(compiled(pins, ["--no-deps", "--generate-hashes", *options], env=env, log=log, cancelled=cancelled))


def versions(lines: Sequence[str]) -> dict[str, str]:
    """Versions by name of lines as `name==version`."""
    pairs = (line.split()[0].split("==", 1) for line in lines if "==" in line.split()[0])
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs}
