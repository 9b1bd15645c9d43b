"""Lock files: read beside the declaration, written as a whole."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from pathlib import Path

from workbench.declare.problem import Problem, Reading
from workbench.model.environment import EnvironmentSpec
from workbench.model.lock import Lock

LARGEST = 16_000_000  # bytes


def locked(reading: Reading[EnvironmentSpec], path: Path) -> Reading[EnvironmentSpec]:
    """The environment with the lock at `path`, where there is one."""
    if reading.value is None or not path.is_file():
        return reading
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        lock = Lock.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError) as error:
        problem = Problem(path, 0, 0, f"cannot be read as a lock file: {error}", "move it away, or lock again")
        return Reading(None, (problem,))
    return replace(reading, value=replace(reading.value, locked=lock))


def write(path: Path, lock: Lock) -> None:
    """Put it at `path`, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_text(lock.to_json(), encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
