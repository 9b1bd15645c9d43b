"""The way to a kernel: a jupyter_client provisioner over an engine's `KernelHost`, and the client's connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpec as JupyterKernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from workbench.engines.base import KernelHost
from workbench.execution.entrance import PORTS
from workbench.execution.launching import Launch

AGAIN = 200  # milliseconds
RECONNECT = 10  # milliseconds between tries to connect; zmq's 100 would be felt at each start
# One for all runs of the process. It is never terminated: that waits for what a dead kernel will not take, and a garbage
# collection could start it at any moment. The process ends by `os._exit`.
_KEPT: list[zmq.asyncio.Context] = []


class HostProvisioner(KernelProvisionerBase):
    """Passes jupyter_client's wishes on to a `KernelHost`. One launch only; restarts are not asked for."""

    host: KernelHost
    launch: Launch
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
        if end.signal:
            return -end.signal
        return 1 if end.code is None else end.code

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
        return {"cmd": list(self.launch.kernel.argv), **kwargs}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:  # noqa: ARG002 - jupyter_client's signature
        """Wait until it is started; the loop goes on meanwhile, for an engine may take seconds."""
        loop, settled = asyncio.get_running_loop(), asyncio.Event()

        def told() -> None:
            with contextlib.suppress(RuntimeError):  # the run was ended meanwhile, and the loop with it
                loop.call_soon_threadsafe(settled.set)

        self.launch.tell(told)
        await settled.wait()
        self.launch.wait()
        self.launched = True
        manager: Any = self.parent
        return manager.get_connection_info()

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing: the runner closes the host after the run's result is written."""


class RunKernelManager(AsyncKernelManager):
    """A manager of one kernel whose specification is given, not looked up on this machine."""

    spec: JupyterKernelSpec | None = None

    @property
    def kernel_spec(self) -> JupyterKernelSpec | None:
        """What was given."""
        return self.spec

    async def begin(self) -> None:
        """Wait until the kernel is started. A line of its own to the kernel, as after `start_kernel`, is made when it is needed."""
        assert self.provisioner
        await self.provisioner.launch_kernel([])

    def disconnect(self) -> None:
        """Close that line."""
        self._close_control_socket()


def manager_for(launch: Launch) -> RunKernelManager:
    """A kernel manager, not started, of the kernel that is launched; call it in the loop that will use it."""
    if not _KEPT:
        _KEPT.append(_context())
    kernel = launch.kernel
    manager = RunKernelManager(
        context=_KEPT[0],
        kernel_name=kernel.name,
        connection_file=launch.client_file,
        autorestart=False,
        cache_ports=False,
    )
    manager.load_connection_info(launch.info)
    manager.spec = JupyterKernelSpec(
        argv=list(kernel.argv),
        display_name=kernel.display_name,
        language=kernel.language,
        interrupt_mode=kernel.interrupt_mode,
    )
    provisioner = HostProvisioner(kernel_id=launch.host.folder.name, kernel_spec=manager.spec, parent=manager)
    provisioner.launch, provisioner.host = launch, launch.host
    manager.provisioner = provisioner
    return manager


def _context() -> zmq.asyncio.Context:
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.RECONNECT_IVL, RECONNECT)
    context.setsockopt(zmq.RCVHWM, 0)  # a full queue would drop messages, the kernel's `idle` among them
    context.setsockopt(zmq.LINGER, 500)
    return context


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
    client: Any = AsyncKernelClient(
        parent=manager,
        context=manager.context,
        session=manager.session,
        connection_file=manager.connection_file,
        transport=manager.transport,
        ip=manager.ip,
        shell_channel_class=PatientChannel,
        control_channel_class=PatientChannel,
        **{name: getattr(manager, name) for name in PORTS},
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


def ask_to_end(manager: RunKernelManager) -> None:
    """Ask a kernel once more to end, without a loop: it may have swallowed the signal that it was asked."""
    context: Any = zmq.Context.shadow(manager.context.underlying)
    with context.socket(zmq.DEALER) as line:
        line.linger = 1000
        line.connect(manager._make_url("control"))  # noqa: SLF001 - jupyter_client has no other word for it
        manager.session.send(line, manager.session.msg("shutdown_request", {"restart": False}))


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
