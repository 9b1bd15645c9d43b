"""`job.json`: everything a runner must know, written by the supervisor before the runner starts.

A runner never opens the store and reads no settings; what is not here it does not know.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from workbench.engines.base import Person, Workspace
from workbench.model.environment import EngineName, Limits, Revision
from workbench.model.project import Mount

JOB_FILE = "job.json"
LOCK_FILE = "lock"
EVENTS_FILE = "events.jsonl"
LOG_FILE = "log.txt"
PATCH_FILE = "changes.patch"
OUTPUT_FILE = "output.ipynb"
RUNNER_LOG = "runner.log"


@dataclass(frozen=True)
class Job:
    """One try of one run.

    `input` is the frozen notebook, `notebook` its path in the project, for people. `workspace.cwd` is where it runs.
    `engine_options` is what `open_engine` takes beside the engine's name. `published` is the folder to make for the
    outcome, None to publish nothing. `record` holds facts that only the supervisor knows and that go into
    `record.json` as they are (git, by, as, schedule, due, environment). `env` is for the kernel, beside what the
    environment declares. `kernel` is the one to use, `preferred_kernel` the one where the notebook's own is not there.
    `timeout` in seconds for the whole run, `start_timeout` until its kernel answers, `cell_timeout` for each cell;
    `cell_output_limit` in bytes of text of one cell. `previous` is the output of the success before it.
    """

    run: int
    attempt: int
    token: str
    notebook: str
    input: Path
    workspace: Workspace
    revision: Revision
    engine: EngineName
    name: str = ""
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kernel: str | None = None
    preferred_kernel: str | None = None
    timeout: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    published: Path | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    wake: Path | None = None
    cell_output_limit: int = 10_000_000
    allow_errors: bool = False
    inputs: tuple[str, ...] = ()  # files that it reads, as paths in the project with `*`
    root: Path | None = None  # the project's files as the run sees them, where that is not its folder
    previous: Path | None = None
    start_timeout: float | None = None
    cell_timeout: float | None = None
    keep: float | None = None  # seconds for which its kernel is kept where a cell fails
    retried: tuple[str, ...] = ()  # ends after which it is tried again, so that nothing is kept
    first: int = 0  # cells, of all, that ran before in the kernel that it goes on in

    @property
    def label(self) -> str:
        """`41.1`: the run and the attempt, as engines label kernels."""
        return f"{self.run}.{self.attempt}"

    def to_json(self) -> str:
        """As one JSON object."""
        return json.dumps(_fields(self), default=_plain)  # ASCII: half a surrogate pair, as in odd paths, comes through

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The reverse of `to_json`."""
        data = json.loads(text)
        space = data["workspace"]
        data["workspace"] = Workspace(
            home=space["home"],
            project_name=space["project_name"],
            project=Path(space["project"]),
            cwd=Path(space["cwd"]),
            data=tuple(Mount(Path(m["path"]), m["target"], m["write"]) for m in space["data"]),
            declared=tuple(Path(path) for path in space.get("declared", ())),
            env=space["env"],
            limits=Limits(**{**space["limits"], "assumed": tuple(space["limits"].get("assumed", ()))}),
            secrets={name: Path(path) for name, path in space.get("secrets", {}).items()},
            network=space.get("network", True),
            person=Person(**space["person"]),
            warm=space.get("warm", False),
            preload=tuple(space.get("preload", ())),
            tree=Path(space["tree"]) if space.get("tree") else None,
        )
        data["revision"] = Revision.from_json(json.dumps(data["revision"]))
        data["engine"] = EngineName(data["engine"])
        data["input"] = Path(data["input"])
        for key in ("published", "wake", "previous", "root"):
            data[key] = Path(data[key]) if data.get(key) else None
        for key in ("inputs", "retried"):
            data[key] = tuple(data.get(key, ()))
        return cls(**data)


def _fields(thing: Any) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in thing.__dataclass_fields__}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _fields(value)
    return dict(value) if isinstance(value, Mapping) else str(value)


def write_job(folder: Path, job: Job) -> Path:
    """Write `job.json` into the attempt's folder (made 0700 where it is missing); its path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / JOB_FILE
    replace(path, job.to_json().encode(), durable=False)  # of use to a runner of this start of the machine alone
    return path


def read_job(folder: Path) -> Job:
    """The job of an attempt's folder. OSError where there is none, ValueError where it cannot be read."""
    try:
        return Job.from_json((folder / JOB_FILE).read_text(encoding="utf-8"))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / JOB_FILE} does not describe a job: {error}") from error


def replace(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write `content` as `path` so that a reader sees the old or the new whole; flushed to disk where `durable`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in `folder` durable, fsync(2)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
