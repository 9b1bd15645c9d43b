"""The trial: a whole life of a kernel in the zygote before any fork, so that kernels find done what is only slow the first time:
modules that are imported late, patterns, caches, the interpreter's own notes on code that ran. Of the trial's kernel itself
nothing stays (`traces.py`). Standard library, Python 3.9 on.

    zygote: initialize ─ start ──cells──▶ shut down ─ close ─ traces cleared
       └─fork─▶ client ──sockets─────────▲
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import json
import logging
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from workbench.engines.process import birth
from workbench.engines.process.draft import NOBODY
from workbench.engines.process.rehearsal import PLACE, Rehearsal
from workbench.engines.process.traces import Traces

SECONDS = 60  # that it may take
CLIENT = 40  # seconds in which a kernel answers its client
LEAVE = 10  # seconds in which a thread ends
CONNECTION = "c"
PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
# The interpreter takes note of what ran eight times.
CELLS = ("import sys\nprint(sys.executable)", "total = sum(range(1000))", "total", "print('a', end='')", "'a'") * 3
STREAMS = (1, 2)


def hold(folder: str, rehearsal: Rehearsal, give_up: Callable[[], None]) -> None:
    """Let a kernel live, its sockets in `folder`. Where something of it stays, or it takes too long, `give_up` is called, which
    does not return."""
    streams = [os.dup(number) for number in STREAMS]

    def fail(why: str) -> None:
        signal.alarm(0)
        for at, number in enumerate(STREAMS):
            os.dup2(streams[at], number)
        os.write(2, f"the trial of a kernel is given up: {why}\n".encode())
        shutil.rmtree(folder, ignore_errors=True)
        give_up()

    signal.signal(signal.SIGALRM, lambda *_: fail("it takes long"))
    signal.alarm(SECONDS)
    traces = Traces()
    answered, told = os.pipe()
    os.mkdir(folder, 0o700)
    try:
        connection = described(folder)
        child = birth.fork()
        if child == 0:
            _be_client(connection, told)
        os.waitpid(child, 0)
        os.close(told)
        contextvars.copy_context().run(live, rehearsal, connection)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever goes wrong in the code of others
        fail(repr(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    heard = os.read(answered, 1)
    os.close(answered)
    if not heard:
        fail("nobody answered")
    if left := traces.clear():
        fail(f"it leaves {', '.join(left)}")
    signal.alarm(0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for stream in streams:
        os.close(stream)


def described(folder: str) -> str:
    """A new connection file in a folder, for sockets there."""
    facts = {"transport": "ipc", "ip": f"{folder}/k", "key": "0" * 32, "signature_scheme": "hmac-sha256"}
    ports = {name: number for number, name in enumerate(PORTS, 1)}
    with open(f"{folder}/{CONNECTION}", "w") as file:
        json.dump({**facts, **ports}, file)
    return f"{folder}/{CONNECTION}"


def live(rehearsal: Rehearsal, connection: str) -> None:
    """Be a kernel until the client has enough of it."""
    kernel = importlib.import_module("ipykernel.kernelapp").IPKernelApp.instance(parent_handle=NOBODY)
    rehearsal.tell(kernel, connection)
    kernel.initialize([part.replace(PLACE, connection) for part in rehearsal.arguments])
    kernel.start()
    logging.disable()  # tasks that end with their loop complain
    for stream in (sys.stdout, sys.stderr):
        _close(stream, kernel.log.handlers)
    kernel.shell.atexit_operations()
    kernel.close()
    with contextlib.suppress(AttributeError):  # what versions have no word for is found when traces are looked for
        kernel.io_loop.close()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(LEAVE)


def _close(stream: Any, handlers: list[Any]) -> None:
    """End a stream that stands for a descriptor. It closes its copy of that, which a handler of messages would close again,
    and leaves its pipe open."""
    copy: int | None = getattr(stream, "_original_stdstream_copy", None)
    if copy is None:
        return
    second, pipe = os.dup(copy), birth.targets().get(getattr(stream, "_fid", -1))
    stream.close()
    for handler in handlers:
        inner: Any = getattr(handler, "stream", None)
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if inner.fileno() == copy:
                os.dup2(second, copy)
                inner.close()
    os.close(second)
    for number, target in birth.targets().items():
        if target == pipe:
            os.close(number)


def _be_client(connection: str, told: int) -> None:
    """Ask for what a run asks for, in a process that is nobody's child: a kernel ends its children. Does not return."""
    try:
        if birth.fork() == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(CLIENT)
            _ask(connection, told)
    except BaseException:  # noqa: BLE001 - nothing may return into the zygote's code
        traceback.print_exc()
    finally:
        os._exit(0)


def _ask(connection: str, told: int) -> None:
    zmq = importlib.import_module("zmq")
    with open(connection) as file:
        facts = json.load(file)
    session = importlib.import_module("jupyter_client.session").Session(key=facts["key"].encode())
    context = zmq.Context()

    def connected(kind: int, number: int) -> Any:
        socket = context.socket(kind)
        socket.linger = 0
        if kind == zmq.SUB:
            socket.subscribe = b""
        socket.connect(f"ipc://{facts['ip']}-{number}")
        return socket

    shell, output, control = connected(zmq.DEALER, 1), connected(zmq.SUB, 2), connected(zmq.DEALER, 5)

    def answer(socket: Any, kind: str, content: dict[str, Any]) -> None:
        asked = session.send(socket, kind, content)["header"]["msg_id"]
        while session.recv(socket, mode=0)[1]["parent_header"].get("msg_id") != asked:
            pass

    common = {
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": True,
        "stop_on_error": True,
    }
    answer(shell, "kernel_info_request", {})
    for cell in CELLS:
        answer(shell, "execute_request", {"code": cell, **common})
    while output.poll(0):
        output.recv_multipart()
    os.write(told, b"1")  # the answer to what comes now may be lost
    answer(control, "shutdown_request", {"restart": False})
