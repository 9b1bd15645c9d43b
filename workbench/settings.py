"""Settings of a home: what `workbench.yaml` may say, with what holds where it says nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.model.environment import Limits
from workbench.model.notice import Beat, Mail, Notify
from workbench.model.retention import Keep


def half_the_cores() -> int:
    """Runs at once where nothing else is set: half the cores this process may use, at least one."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


@dataclass(frozen=True)
class Settings:
    """Settings of a home. Times in seconds, sizes in bytes.

    `timezone` None: never asked yet, UTC holds. `engine`: auto, docker or process, for environments that do not say.
    `registries` maps a registry name, or the beginning of an image's name, to the one used instead, as `docker.io` →
    `127.0.0.1:5000`; `pull`: always, missing or never, for environments that do not say.
    """

    timezone: str | None = None
    engine: str = "auto"
    concurrency: int = field(default_factory=half_the_cores)
    run_timeout: float | None = None
    default_environment: str = "python"
    registries: Mapping[str, str] = field(default_factory=dict)
    pull: str = "missing"
    sizes: Mapping[str, Limits] = field(default_factory=dict)  # by name, as declared
    warm_sessions: int = 2
    warm_memory: int = 2 * 1024**3
    package_index: str | None = None
    notify: Notify | None = None
    mail: Mail = field(default_factory=Mail)
    heartbeat: Beat | None = None
    keep: Keep = field(default_factory=Keep)
    warm_kernels: int = 4
    machine_runs: int | None = None
    secrets: str = "file"
    keep_kernel: float | None = None  # seconds for which kernels of failed runs are kept
    kept_kernels: int = 4

    @property
    def places_of_the_machine(self) -> int:
        """Runs at once on this machine, those of other homes counted: as many as cores, or as this home alone may have."""
        return self.machine_runs or max(len(os.sched_getaffinity(0)), self.concurrency)
