"""Owns the way to a kernel: a jupyter_client provisioner over an engine's `KernelHost`, and the client's connection."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.connect import write_connection_file
from jupyter_client.kernelspec import KernelSpec as JupyterKernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from workbench.engines.base import KernelHost
from workbench.engines.warm import NO_HISTORY
from workbench.errors import Refused
from workbench.model.environment import KernelSpec
from workbench.paths import SOCKET_PATH_LIMIT

PREFIX = "k"  # sockets are k-1 … k-5
PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
AGAIN = 200  # milliseconds
RECONNECT = 10  # milliseconds between tries to connect; zmq's 100 would be felt at each start
# Contexts are never terminated: that waits for what a dead kernel will not take, and a garbage collection could start
# it at any moment. The process has one run and ends by `os._exit`.
_KEPT: list[zmq.asyncio.Context] = []


class HostProvisioner(KernelProvisionerBase):
    """Passes jupyter_client's wishes on to a `KernelHost`. One launch only; restarts are not asked for."""

    host: KernelHost
    kernel: KernelSpec
    kernel_file: Path
    env: Mapping[str, str] = {}
    settled: threading.Event
    launched = False

    @property
    def has_process(self) -> bool:
        """Whether it was launched."""
        return self.launched

    async def poll(self) -> int | None:
        """None while it lives, else its exit code, negative for a signal."""
        end = self.host.poll() if self.launched else None
        if end is None:
            return None if self.launched else 0
        return -end.signal if end.signal else end.code if end.code is not None else 1

    async def wait(self) -> int | None:
        """Wait until it ended."""
        end = None
        while end is None:
            end = await asyncio.to_thread(self.host.wait, 1.0)
        return await self.poll()

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel's process."""
        self.host.send_signal(signum)

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002 - jupyter_client's signature
        """End it and all it started."""
        await asyncio.to_thread(self.host.kill)

    async def terminate(self, restart: bool = False) -> None:  # noqa: ARG002 - jupyter_client's signature
        """Ask it to end."""
        self.host.send_signal(signal.SIGTERM)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing of our own environment goes to the kernel: the host knows what does."""
        kwargs.pop("extra_arguments", None)
        return {"cmd": list(self.kernel.argv), **kwargs}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:  # noqa: ARG002 - jupyter_client's signature
        """Start it; the loop goes on meanwhile, for an engine may take seconds."""
        self.settled.clear()
        await asyncio.to_thread(self._launch)
        self.launched = True
        manager: Any = self.parent
        return manager.get_connection_info()

    def _launch(self) -> None:
        try:
            self.host.launch(self.kernel, self.kernel_file, self.env)
        finally:
            self.settled.set()

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing: the runner closes the host after the run's result is written."""


class RunKernelManager(AsyncKernelManager):
    """A manager of one kernel whose specification is given, not looked up on this machine."""

    spec: JupyterKernelSpec | None = None

    @property
    def kernel_spec(self) -> JupyterKernelSpec | None:
        """What was given."""
        return self.spec


def manager_for(
    host: KernelHost, kernel: KernelSpec, env: Mapping[str, str], settled: threading.Event
) -> RunKernelManager:
    """A kernel manager, not started, whose kernel will live on `host`; call it in the loop that will use it.

    `settled` is cleared while the host launches the kernel: a thread does, which nothing can stop.

    Sockets lie in the host's folder (`ipc`), or on the loopback interface where the host asks for `tcp`. `Refused`
    where the folder's path is too long for sockets, unix(7).
    """
    ipc = host.transport == "ipc"
    prefix = host.folder / PREFIX
    if ipc and len(os.fsencode(f"{prefix}-5")) > SOCKET_PATH_LIMIT:
        raise Refused(f"the folder for the kernel's sockets has too long a path: {host.folder}")
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RECONNECT_IVL, RECONNECT)
    context.setsockopt(zmq.RCVHWM, 0)  # a full queue would drop messages, the kernel's `idle` among them
    context.setsockopt(zmq.LINGER, 500)
    _KEPT.append(context)
    manager = RunKernelManager(
        context=context,
        kernel_name=kernel.name,
        transport="ipc" if ipc else "tcp",
        ip=str(prefix) if ipc else "127.0.0.1",
        connection_file=str(host.folder / "client.json"),
        autorestart=False,
        cache_ports=False,
    )
    manager.spec = JupyterKernelSpec(
        argv=list(kernel.argv),
        display_name=kernel.display_name,
        language=kernel.language,
        interrupt_mode=kernel.interrupt_mode,
    )
    manager.write_connection_file()
    # The same sockets under the paths that the kernel sees.
    kernel_file = host.folder / "kernel.json"
    write_connection_file(
        str(kernel_file),
        ip=host.inside(prefix) if ipc else "127.0.0.1",
        key=manager.session.key,
        transport=manager.transport,
        signature_scheme=manager.session.signature_scheme,
        kernel_name=manager.kernel_name,
        **{name: getattr(manager, name) for name in PORTS},
    )
    provisioner = HostProvisioner(kernel_id=host.folder.name, kernel_spec=manager.spec, parent=manager)
    provisioner.host, provisioner.kernel_file, provisioner.env = host, kernel_file, dict(env)
    provisioner.settled = settled
    provisioner.kernel = _without_history(kernel)
    manager.provisioner = provisioner
    return manager


def _without_history(kernel: KernelSpec) -> KernelSpec:
    """IPython's history database locks when kernels share it; a run needs none."""
    if kernel.language.lower() == "python" and any("ipykernel" in part for part in kernel.argv):
        return changed(kernel, argv=(*kernel.argv, NO_HISTORY))
    return kernel


class PatientChannel(AsyncZMQSocketChannel):
    """A channel on which is sent and received. Sending can swallow the signal that a message has come (zmq's
    descriptor is edge-triggered, pyzmq #1203), so waiting looks again now and then."""

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]  # noqa: ASYNC109 - jupyter_client's signature
        """The next message; Empty after `timeout` seconds."""
        while timeout is None:
            if await self.socket.poll(AGAIN):
                return await self._recv()
        return await super().get_msg(timeout)


def connected(manager: RunKernelManager) -> Any:
    """A client of the manager's kernel, its channels open, without stdin and heartbeat."""
    client = manager.client(
        context=manager.context, shell_channel_class=PatientChannel, control_channel_class=PatientChannel
    )
    client.start_channels(hb=False)
    client.allow_stdin = False
    return client


def nudge(manager: RunKernelManager) -> None:
    """Wake a kernel that has not noticed a request: ipykernel 7 can swallow the signal as described above (its
    #1554), and then sees it only when somebody connects."""
    socket: Any = manager.connect_shell()
    manager.session.send(socket, manager.session.msg("kernel_info_request"))
    socket.close(linger=1000)


async def until_bound(manager: AsyncKernelManager, seconds: float) -> None:
    """Wait until the kernel has bound its sockets, at most `seconds`; nothing to wait for with `tcp`."""
    if manager.transport != "ipc":
        return
    names = [f"{manager.ip}-{getattr(manager, name)}" for name in PORTS]
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        if all(map(os.path.exists, names)):
            return
        await asyncio.sleep(0.005)
