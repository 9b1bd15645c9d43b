"""Containers as we make them: whose they are, what they see, how much they may take.

Projects and data are seen at the paths they have on this machine, so that a path in a notebook, a traceback or a link
means the same inside and outside. Everything the tool's process needs to know but others may not is in a file of a
private folder; argv, variables and labels can be read by all who may use the engine.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from docker.types import DeviceRequest, LogConfig
from docker.types import Mount as Bind

from workbench.engines.base import LABEL, Workspace
from workbench.engines.docker import belongings, declarations
from workbench.engines.docker.account import Account, account
from workbench.engines.docker.belongings import PRIVATE, bind
from workbench.engines.docker.connection import Connection, NoSuchThing, image_gone
from workbench.engines.docker.daemon import Daemon
from workbench.engines.docker.images.contents import STACKS, Contents
from workbench.engines.docker.plan import Plan
from workbench.engines.folders import link_data
from workbench.errors import Refused
from workbench.model import sizes
from workbench.model.code import OUTSIDE
from workbench.model.environment import Limits

# Reads the variables of the private file, then becomes the program; images of ours may have something to start it by.
STARTER = "/opt/workbench/start"
START = f'set -a; . "$0"; set +a; [ ! -x {STARTER} ] || exec {STARTER} "$@"; exec "$@"'
# Folders of the image's own system: showing a folder of this machine in their place breaks the container.
SYSTEM = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/sbin",
    "/sys",
    "/usr",
    "/opt/venv",
    "/run/workbench",
)
WHOLE = ("/", "/home", "/opt", "/run", "/tmp", "/var")  # noqa: S108 - names to refuse, nothing is written


def create(connection: Connection, plan: Plan) -> str:
    """Create it without starting it; its id. Raises `Refused` for folders that cannot be shown."""
    daemon = connection.daemon()
    who = plan.who or account(daemon, plan.workspace.person, plan.contents)
    link_data(plan.workspace, enclosed=True)
    binds = [*_folders(plan, who), *belongings.lay_out(plan, who)]
    limits, networked = plan.workspace.limits, plan.workspace.network
    if plan.port and not networked:
        raise Refused(
            "a session of an environment without network could not be reached",
            hint="Runs need none, nor do tools that workbench signs you in to; or take `network: false` out.",
        )
    with connection.api() as api:
        host = api.create_host_config(
            init=not plan.root,  # such programs want to be the first process themselves
            mounts=binds,
            port_bindings={plan.port[0]: ("127.0.0.1", plan.port[1])} if plan.port else None,
            log_config=LogConfig(type="json-file", config={"max-size": plan.log_size, "max-file": "2"}),
            restart_policy={"Name": "no"},
            group_add=list(who.groups) or None,
            # Podman has a name of its own for this machine.
            extra_hosts=None if daemon.podman or not networked else {"host.docker.internal": "host-gateway"},
            network_mode=None if networked else "none",
            security_opt=["label=disable"] if daemon.selinux else None,
            **bounds(limits, daemon),
        )
        if who.users:
            host["UsernsMode"] = who.users  # the library lets no other word than `host` pass
        try:
            made = api.create_container(
                plan.revision.digest or plan.revision.reference,
                name=plan.name,
                hostname=plan.hostname,
                user="0:0" if plan.root else who.user,
                entrypoint=["/bin/sh", "-c", START, str(PRIVATE / "env")],
                command=[*_starter(plan.contents), *plan.argv],
                environment=belongings.public(plan, who),
                labels={f"{LABEL}{key}": value for key, value in plan.labels.items()},
                working_dir=str(plan.workspace.cwd),
                ports=[plan.port[0]] if plan.port else None,
                host_config=host,
            )
        except NoSuchThing as error:
            raise image_gone(plan.revision.reference) from error
    return str(made["Id"])


def bounds(limits: Limits, daemon: Daemon) -> dict[str, Any]:
    """Limits as the Engine takes them; refused where it would silently not hold them."""
    able = {
        "memory": (limits.memory, daemon.memory_limits),
        "cpus": (limits.cpus, daemon.cpu_limits),
        "pids": (limits.pids, daemon.pids_limits),
    }
    for name, (asked, held) in able.items():
        if asked and not held and name not in limits.assumed:
            raise Refused(
                f"this engine cannot hold the limit `{name}`",
                title="Docker",
                hint="A rootless engine needs cgroup v2 with delegation; or remove the limit.",
            )
    found: dict[str, Any] = {"shm_size": limits.shared_memory or sizes.SHARED_MEMORY}
    if daemon.pids_limits:
        found["pids_limit"] = limits.pids or sizes.PROCESSES
    if limits.memory and daemon.memory_limits:
        found["mem_limit"] = limits.memory
        if daemon.swap_limits and "memory" not in limits.assumed:
            found["memswap_limit"] = limits.memory  # the same: no swap
    if limits.cpus and daemon.cpu_limits:
        found["nano_cpus"] = int(limits.cpus * 1e9)
    if limits.gpus:
        count = -1 if limits.gpus == "all" else int(limits.gpus)
        found["device_requests"] = [DeviceRequest(count=count, capabilities=[["gpu"]])]
    return found


def _starter(image: Contents) -> list[str]:
    """What an image has to be started through. docker-stacks' script runs what its makers want to be run first (conda
    is activated there), as the account it finds itself in: it makes no other, and changes the owner of nothing."""
    return [image.program("start.sh")] if image.rules == STACKS else []


def _folders(plan: Plan, who: Account) -> list[Bind]:
    """The project, its data, the account's own folder, and what else is shown."""
    space = plan.workspace
    home = who.made(plan.home)
    persons = [
        (space.tree or space.project, str(space.project), space.tree is None),
        *((place, str(place), True) for place in _outside(space)),
        *((mount.path, str(mount.path), mount.write) for mount in space.data),
    ]
    for _, target, _ in persons:
        _check(target, who)
    binds = [bind(home, str(who.home), write=True)]
    for source, target, write in (*persons, *plan.shown):
        inner = PurePosixPath(target)
        if inner.is_relative_to(who.home):
            # Made here by us; else the Engine would make it as root.
            who.made(home / inner.relative_to(who.home))
        binds.append(bind(source, target, write=write))
    return [*binds, *declarations.held(space.project, space.declared, who)]


def _outside(space: Workspace) -> list[Path]:
    """Folders of the project that are seen as they are where files of another moment stand in its place."""
    places = [space.project / name for name in OUTSIDE] if space.tree else []
    return [place for place in places if place.is_dir() and not place.is_symlink()]


def _check(target: str, who: Account) -> None:
    path = PurePosixPath(target)
    inside = any(path.is_relative_to(folder) for folder in SYSTEM)
    if inside or target in WHOLE or path == who.home:
        raise Refused(
            f"{target} cannot be shown in a container: it would hide a part of its system",
            hint="Move the project or the data into a folder of its own.",
        )
