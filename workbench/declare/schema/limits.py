"""The keys that bound a session or a kernel: of an environment, and of the named sizes of a home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from workbench.declare.amounts import Cpus, Gpus, Memory
from workbench.declare.scalars import Whole
from workbench.declare.schema.base import Keys


class LimitKeys(Keys):
    """Bounds on each session and on each kernel of a run. `all` is all the machine has."""

    LATER: ClassVar[Mapping[str, str]] = {"disk": "", "time": "a run's limit is `timeout:` of its schedule"}

    cpus: Cpus | None = Field(
        None, description="Cores; not more than the machine has. Absent: one less than it has, from 4 on."
    )
    memory: Memory | None = Field(
        None,
        description="Memory, in binary units (`4G` is 4 × 1024³ bytes). Absent: what the machine has less a reserve.",
    )
    shared_memory: Memory | None = Field(None, description="Size of /dev/shm, in containers.")
    pids: Annotated[Whole, Field(ge=16, le=1_000_000)] | None = Field(None, description="Processes at once.")
    gpus: Gpus | None = Field(
        None, description="Graphics processors, or `all`. Absent: none in containers, all on engine process."
    )
