"""`result.json`: how a try of a run ended, written once and whole by whoever holds the attempt's lock."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from workbench.execution.job import sync_folder
from workbench.model.run import Failure, RunState

RESULT_FILE = "result.json"
RESERVE_FILE = ".reserve"
RESERVE = 256 * 1024  # bytes kept aside, so that a full disk still takes the result


@dataclass(frozen=True)
class Result:
    """How it ended. `seconds` is monotonic; `started`, `ended` aware UTC; `token` is the job's.

    `cells` counts code cells, `cells_done` those that ended well. `kernel_exit` says how the kernel's process ended,
    where it did so by itself. `output` is the published folder, or the attempt's where nothing could be published.
    `never_began`: the engine was not there and no cell was run, so the run may wait and start anew. `scalars` are the
    numbers it tracked, `changed` what of its output is materially other than of the success before.
    """

    state: RunState
    token: str
    reason: str = ""
    hint: str = ""
    failure: Failure | None = None
    cells: int = 0
    cells_done: int = 0
    started: datetime | None = None
    ended: datetime | None = None
    seconds: float | None = None
    kernel_exit: str = ""
    output: str = ""
    published: bool = False
    never_began: bool = False
    changed: str = ""
    scalars: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)  # for the record in the store, beside what was asked for
    peak_memory: int | None = None  # bytes that its kernel, and what that started, held at most
    cpu_seconds: float | None = None
    kept: Mapping[str, object] = field(default_factory=dict)  # of its kernel, where that is kept: `execution.keeping`

    def to_json(self) -> str:
        """As one JSON object."""
        data = asdict(self)
        for key in ("started", "ended"):
            data[key] = data[key].isoformat() if data[key] else None
        return json.dumps(data, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Result:
        """The reverse of `to_json`."""
        data = json.loads(text)
        data["state"] = RunState(data["state"])
        data["failure"] = Failure(**data["failure"]) if data["failure"] else None
        for key in ("started", "ended"):
            data[key] = datetime.fromisoformat(data[key]) if data[key] else None
        return cls(**data)


def read_result(folder: Path) -> Result | None:
    """The result in an attempt's folder, None where it has not ended. ValueError where it cannot be read."""
    try:
        return Result.from_json((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / RESULT_FILE} does not describe a result: {error}") from error


def write_result(folder: Path, result: Result) -> bool:
    """Write it durably; False where there is one already, which then stays. OSError where the disk does not take it."""
    path, temporary = folder / RESULT_FILE, folder / f".{RESULT_FILE}.{os.getpid()}"
    if path.exists():
        return False
    try:
        with temporary.open("wb") as file:
            file.write(result.to_json().encode("utf-8", "replace"))  # a cell may hold half a surrogate pair
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # unlike rename it never replaces
        except FileExistsError:
            return False
        except OSError:
            temporary.rename(path)  # a file system without hard links; the lock keeps others away
        sync_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)
    (folder / RESERVE_FILE).unlink(missing_ok=True)
    return True


def reserve(folder: Path) -> None:
    """Take the space now that the result will need; nothing where the disk is full already."""
    with contextlib.suppress(OSError), (folder / RESERVE_FILE).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, RESERVE)


def write_result_patiently(folder: Path, result: Result, *, seconds: float = 60.0) -> bool:
    """`write_result`, with the reserve given up and tried again for `seconds` where the disk is full."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return write_result(folder, result)
        except OSError:
            (folder / RESERVE_FILE).unlink(missing_ok=True)
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
