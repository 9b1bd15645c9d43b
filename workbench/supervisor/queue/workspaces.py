"""What the kernels of a run and sessions are shown and allowed: of the project, the environment and this machine."""

from __future__ import annotations

from pathlib import Path

from workbench.engines.base import Workspace
from workbench.model import sizes
from workbench.model.code import OUTSIDE
from workbench.model.environment import EnvironmentSpec
from workbench.model.project import Project
from workbench.model.sizes import Machine
from workbench.supervisor.desk import Desk
from workbench.vault import Vault


def workspace(desk: Desk, project: Project, cwd: Path, spec: EnvironmentSpec, *, tree: Path | None = None) -> Workspace:
    """The workspace of one kernel or session of `project` that works in `cwd`, in environment `spec`. `tree` is what is
    shown in the project's place: nothing in it can be written, so of what declares only the rest has to be held."""
    vault = Vault(desk.home.secrets)
    return Workspace(
        home=desk.home.id,
        project_name=project.name,
        project=project.path,
        cwd=cwd,
        data=project.data,
        declared=tuple(place for place in project.declared(spec.files) if tree is None or _beside(project, place)),
        env=spec.env,
        limits=sizes.bounded(spec.limits, Machine.this()),
        secrets={name: vault.path(name) for name in spec.secrets},
        network=spec.network,
        person=desk.person,
        warm=desk.settings.warm_kernels > 0,
        preload=spec.kernel.preload,
        tree=tree,
    )


def _beside(project: Project, place: Path) -> bool:
    """Whether it is in a folder of the project that is seen as it is in any case."""
    return place.relative_to(project.path).parts[0] in OUTSIDE
