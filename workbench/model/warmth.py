"""What an engine keeps ready so that runs of an environment start sooner, as it is told to people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workbench.text import memory


@dataclass(frozen=True)
class WarmKernel:
    """Kernels of `environment` come from it. `loaded`: modules that they have imported; `problem`: why there is none;
    `project`: the only one whose runs take it, where it serves no others."""

    environment: str
    engine: str
    revision: str = ""
    loaded: tuple[str, ...] = ()
    memory: int = 0
    since: datetime | None = None
    problem: str = ""
    project: str = ""

    @property
    def words(self) -> str:
        """`42 MB, has pandas loaded`; `no: …`."""
        if not self.memory:
            return f"no: {self.problem}" if self.problem else "starts"
        parts = [
            memory(self.memory),
            f"for {self.project}" if self.project else "",
            f"has {', '.join(self.loaded)} loaded" if self.loaded else "",
            self.problem,
        ]
        return ", ".join(filter(None, parts))

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "environment": self.environment,
            "engine": self.engine,
            "revision": self.revision,
            "loaded": list(self.loaded),
            "memory": self.memory,
            "since": self.since.isoformat() if self.since else None,
            "problem": self.problem,
            "project": self.project,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> WarmKernel:
        """The reverse."""
        since = datetime.fromisoformat(data["since"]) if data["since"] else None
        return cls(**{**data, "loaded": tuple(data["loaded"]), "since": since})
