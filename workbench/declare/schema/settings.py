"""The keys of a home's settings: `workbench.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from workbench.declare.amounts import Memory
from workbench.declare.scalars import Duration, Slug, Url, Whole, Zone, wrong
from workbench.declare.schema.base import Concurrency, EngineWord, KeepKernel, Keys, checked, form
from workbench.declare.schema.environment import PullWord
from workbench.declare.schema.keep import KeepKeys
from workbench.declare.schema.limits import LimitKeys
from workbench.declare.schema.notify import BeatKeys, MailKeys, NotifyKeys

_REGISTRY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.\-]*(:\d+)?(/[a-z0-9][a-z0-9._\-]*)*/?", re.ASCII)


def _registry(said: str) -> str:
    if "://" in said:
        wrong(f"{said!r} is no name of a registry", f"without its scheme: {said.partition('://')[2]}")
    if not _REGISTRY.fullmatch(said):
        wrong(f"{said!r} is no name of a registry", "as docker.io, docker.io/rocker or registry.acme.example:5000/hub")
    return said


Registry = Annotated[str, checked(_registry), form("registry", "registry.acme.example:5000")]


class SettingsKeys(Keys):
    """Settings of a home: `workbench.yaml`, all optional."""

    LATER: ClassVar[Mapping[str, str]] = {"apprise": "write its addresses into notify:", "state": "", "proxy": "", "cran": "", "theme": "",
             "allow_tcp_kernels": "kernels are reached by private sockets alone"}  # fmt: skip

    timezone: Zone | None = Field(
        None,
        description="Zone of schedules that name none. UTC, where absent; the first `schedules add` writes the machine's.",
    )
    engine: EngineWord = Field("auto", description="Engine of environments that name none.")
    concurrency: Concurrency | None = Field(None, description="Runs at once; half the cores, where absent.")
    machine_runs: Concurrency | None = Field(
        None,
        description="Runs at once on this machine, those of other homes and accounts counted; as many as cores, or as"
        " `concurrency` where that is more, where absent. An account that has none may always start one.",
    )
    run_timeout: Duration | None = Field(None, description="How long a run may take that names no timeout.")
    default_environment: Slug = Field("python", description="Environment of projects that name none.")
    registries: dict[Registry, Registry] = Field(
        default={},
        description="Image registries used instead of the named ones; a name may go on with the beginning of a path"
        " (`docker.io/rocker`), and the longest that fits holds.",
        examples=[{"docker.io": "127.0.0.1:5000"}],
    )
    pull: PullWord = Field(
        "missing", description="When images come from their registry, for environments that do not say."
    )
    sizes: dict[Slug, LimitKeys] = Field(
        default={},
        description="Named sizes for `size:` of environments, beside small, medium and large; each has keys as `limits:` there.",
        examples=[{"small": {"cpus": 1, "memory": "2G"}}],
    )
    warm_sessions: Annotated[Whole, Field(ge=0, le=64)] = Field(
        2, description="Spare sessions kept ready at once, for projects with `warm: true`; 0: none."
    )
    warm_memory: Memory = Field(
        2 * 1024**3,
        description="Memory that spare sessions and warm kernels may hold together, those of all homes of the machine.",
        examples=["2G"],
        json_schema_extra={"default": "2G"},
    )
    warm_kernels: Annotated[Whole, Field(ge=0, le=64)] = Field(
        4, description="Environments whose next kernels are kept warm at once, after a run of theirs; 0: none."
    )
    secrets: Literal["file", "keyring"] = Field(
        "file",
        description="Where `secrets set` keeps values: a private file each, or the keyring of the person (`dsw-lite[keyring]`)."
        " A keyring has to be unlocked whenever something starts, which on a server at night nobody does.",
    )
    keep_kernel: KeepKernel | None = Field(
        None,
        description="How long the kernel of a run that failed in a cell, or timed out, is kept, so that `runs continue` can go"
        " on in it, of projects that do not say; not, where absent, for a kernel holds memory.",
    )
    kept_kernels: Annotated[Whole, Field(ge=0, le=64)] = Field(
        4, description="Kernels of failed runs that are kept at once; the one kept first goes first. 0: none."
    )
    package_index: Url | None = Field(
        None, description="Package index of environments that name none, instead of PyPI."
    )
    keep: KeepKeys | None = Field(
        None,
        description="Which runs are kept, of projects that do not say: `runs prune --dry-run` tells what would go.",
        examples=[{"last": 30, "for": "90d"}],
    )
    notify: NotifyKeys | None = Field(
        None,
        description="Who is told of what, of projects that do not say.",
        examples=[{"failure": ["ann@acme.example"]}],
    )
    mail: MailKeys | None = Field(None, description="How mail leaves this machine.")
    heartbeat: BeatKeys | None = Field(None, description="Asked for while the supervisor lives, for a monitor.")
