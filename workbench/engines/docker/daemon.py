"""What an engine says of itself: Docker Engine or Podman, whose it is, and which limits it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench.engines.base import Facts
from workbench.engines.docker.endpoint import Endpoint
from workbench.model.environment import EngineName
from workbench.text import one_line

if TYPE_CHECKING:
    from docker import APIClient

OLDEST_API = (1, 41)  # Engine 20.10
OWN = "/v4.0.0/libpod/info"  # where Podman says in its own words what it is
SECONDS = 60.0  # for one answer


@dataclass(frozen=True)
class Daemon:
    """What an engine says of itself. `podman`: it is Podman's socket; `desktop`: it runs in a virtual machine;
    `remapped`: it shifts the numbers of accounts."""

    identity: str
    version: str
    api: tuple[int, ...]
    platform: str  # as `linux/amd64`
    rootless: bool = False
    podman: bool = False
    desktop: bool = False
    remapped: bool = False
    selinux: bool = False
    memory_limits: bool = True
    swap_limits: bool = True
    cpu_limits: bool = True
    pids_limits: bool = True
    root: str = ""  # where it keeps its images, on its own machine


def asked(api: APIClient) -> Daemon:
    """A `Daemon` by what the engine answers now."""
    version = api.version()
    return read_daemon(version, api.info(), _own(api) if is_podman(version) else {})


def read_daemon(version: Mapping[str, Any], info: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> Daemon:
    """A `Daemon` from the answers to /version and /info; `own` is what Podman answers in its own words.

    Podman 4 leaves out of Docker's words that it is rootless, and says there that it holds limits which it ignores.
    """
    host = (own or {}).get("host") or {}
    held = set(host["cgroupControllers"] or ()) if "cgroupControllers" in host else {"memory", "cpu", "pids"}
    options = " ".join(info.get("SecurityOptions") or ())
    podman = is_podman(version)
    kernel = str(info.get("KernelVersion", "")).lower()
    number = one_line(str(version.get("Version", "")), 40)
    identity = info.get("Name") if podman else info.get("ID")  # Podman's is never twice the same
    return Daemon(
        identity=one_line(str(identity or ""), 80),
        version=f"{'Podman' if podman else 'Docker Engine'} {number}",
        api=tuple(int(part) for part in str(version.get("ApiVersion", "0")).split(".") if part.isdigit()),
        platform=f"{version.get('Os', 'linux')}/{version.get('Arch', '')}",
        rootless="rootless" in options or bool((host.get("security") or {}).get("rootless")),
        podman=podman,
        # Under WSL2 the machine and the engine share one kernel, and so unix sockets in shared folders.
        desktop="Docker Desktop" in str(info.get("OperatingSystem", "")) and "microsoft" not in kernel,
        remapped="name=userns" in options,
        selinux="selinux" in options,
        memory_limits=bool(info.get("MemoryLimit", True)) and "memory" in held,
        swap_limits=bool(info.get("SwapLimit", True)) and "memory" in held,
        cpu_limits=bool(info.get("CpuCfsQuota", True)) and "cpu" in held,
        pids_limits=bool(info.get("PidsLimit", True)) and "pids" in held,
        root=one_line(str(info.get("DockerRootDir") or ""), 400),
    )


def facts(endpoint: Endpoint, daemon: Daemon) -> Facts:
    """As the contract has them, of an engine that answers; a problem where it is too old."""
    problem = hint = ""
    if daemon.api < OLDEST_API:
        problem = f"{daemon.version} is too old: its API is {dotted(daemon.api)}"
        hint = f"workbench needs API {dotted(OLDEST_API)}, that is Docker Engine 20.10 or newer."
    return Facts(
        EngineName.DOCKER,
        endpoint=endpoint.url,
        source=endpoint.source,
        version=daemon.version,
        identity=daemon.identity,
        rootless=daemon.rootless,
        known=asdict(daemon),
        problem=problem,
        hint=hint,
    )


def dotted(numbers: tuple[int, ...]) -> str:
    """`1.41`."""
    return ".".join(map(str, numbers))


def is_podman(version: Mapping[str, Any]) -> bool:
    """By its answer to /version."""
    components = {str(part.get("Name", "")) for part in version.get("Components") or ()}
    return any("podman" in name.lower() for name in components)


def _own(api: APIClient) -> Mapping[str, Any]:
    """What Podman says of itself by its own API; nothing where it does not."""
    answer = api.get(f"{api.base_url}{OWN}", timeout=SECONDS)
    try:
        said = answer.json() if answer.ok else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
