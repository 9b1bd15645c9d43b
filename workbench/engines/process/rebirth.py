"""What a forked process makes anew so that it is as one that was started: environment, signals, seeds, names. Then it
is a kernel, whose end is `farewell.py`. Standard library only, from Python 3.9 on: it runs in the environment's own Python."""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from workbench.engines.process import farewell, proc
from workbench.engines.process.draft import Draft, stand
from workbench.engines.process.rehearsal import PLACE, Rehearsal
from workbench.engines.process.wire import read

CONNECTION = "c"  # its connection file, until it has another
PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
TAKEN = b"1"


def become(argv: list[str], env: dict[str, str], rehearsal: Rehearsal, draft: Draft | None) -> NoReturn:
    """Be the kernel that `argv`, `PYTHON … -m ipykernel_launcher ARGUMENT…`, would start."""
    surround(env)
    signals()
    renew()
    arguments = named(argv, rehearsal.launcher)
    kernel = initialized(arguments, rehearsal.place(arguments), rehearsal, draft)
    plots()
    live(kernel)


def wait(line: socket.socket, folder: str, rehearsal: Rehearsal, draft: Draft | None, marker: Any) -> NoReturn:
    """Be ready to be any kernel that has these arguments, then the one that is told on the line."""
    if rehearsal.personal():  # what the person has to be run at the start would find another folder and other variables
        os._exit(0)
    before = dict(os.environ)
    signals()
    connection = f"{folder}/{CONNECTION}"
    ports = {name: number for number, name in enumerate(PORTS, 1)}
    facts = {"transport": "ipc", "ip": f"{folder}/k", "key": "0" * 32, "signature_scheme": "hmac-sha256", **ports}
    with open(connection, "w") as file:
        json.dump(facts, file)
    arguments = [part.replace(PLACE, connection) for part in rehearsal.arguments]
    kernel = initialized(arguments, connection, rehearsal, draft)
    set_since = {name: value for name, value in os.environ.items() if before.get(name) != value}
    told = read(line)
    argv: list[str] = told["argv"]
    given = argv[argv.index("-m") + 2 :]
    place = rehearsal.place(given)
    if not place:
        os._exit(0)
    os.umask(told["umask"])
    if told["cores"]:
        for task in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(task), told["cores"])
    os.chdir(told["cwd"])
    marker.write(told["mark"])
    surround({**told["env"], **set_since})
    renew()
    move(kernel, folder, place)
    stand(kernel.shell)
    named(argv, rehearsal.launcher)
    plots()
    line.send(TAKEN)
    line.close()
    live(kernel)


def initialized(arguments: list[str], place: str, rehearsal: Rehearsal, draft: Draft | None) -> Any:
    """IPython's application as it is by itself once it has these arguments, `place` for the connection file. Nothing of what is
    made then goes before the kernel does."""
    gc.disable()
    if draft and place and not rehearsal.personal():
        kernel = draft.app
        draft.tell(arguments, place)
    else:
        if draft:
            draft.drop()
        kernel = application()
        rehearsal.tell(kernel, place)
    kernel.initialize(arguments)
    if draft:
        draft.told()
    gc.freeze()
    gc.enable()
    return kernel


def live(kernel: Any) -> NoReturn:
    """Take cells until told to end."""
    last = next(reversed(sys.modules))
    childless(kernel.kernel)
    atexit.register(end_in_order, kernel)
    kernel.start()
    farewell.leave(kernel.shell, last)


def childless(kernel: Any) -> None:
    """Let a kernel that has no children look for none among all processes of the machine."""
    if search := getattr(kernel, "_process_children", None):
        kernel._process_children = lambda: [] if proc.childless() else search()  # noqa: SLF001 - it has no other word for it


def move(kernel: Any, folder: str, place: str) -> None:
    """Let its sockets be where a connection file says, with the key that it says."""
    with open(place) as file:
        facts = json.load(file)
    kernel.session.signature_scheme = facts["signature_scheme"]
    kernel.session.key = facts["key"].encode()
    for number, name in enumerate(PORTS, 1):
        os.rename(f"{folder}/k-{number}", f"{facts['ip']}-{facts[name]}")
        setattr(kernel, name, facts[name])
    kernel.ip = facts["ip"]
    kernel.connection_file = place
    os.unlink(f"{folder}/{CONNECTION}")
    os.rmdir(folder)


def application() -> Any:
    """IPython's, whose parent is known: its default is read when the class is made, which was before there was a keeper."""
    found: Any = importlib.import_module("ipykernel.kernelapp")
    return found.IPKernelApp.instance(parent_handle=os.getppid())


def named(argv: list[str], launcher: str) -> list[str]:
    """Let Python name its arguments as where it was started with them, by the file `launcher`; those of that."""
    given = argv[argv.index("-m") + 2 :]
    sys.argv = [launcher, *given]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = argv
    return given


def end_in_order(kernel: Any) -> None:
    """Let the thread that was told to end finish its word first: ipykernel ends the thread that it needs for that before
    it waits for it, and would now and then wait ten seconds. Runs after what notebooks have registered."""
    thread = getattr(kernel, "control_thread", None)
    if thread and thread.is_alive():
        with contextlib.suppress(Exception):
            thread.stop()
            thread.join(2.0)


def surround(env: dict[str, str]) -> None:
    """Exactly these variables, for Python and for libraries."""
    os.environ.clear()
    os.environ.update(env)
    time.tzset()


def signals() -> None:
    """As Python has them when it starts; all are the system's defaults now."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def renew() -> None:
    """What modules keep from when they were imported. `random` seeds itself after a fork."""
    importlib.invalidate_caches()
    loaded: dict[str, Any] = sys.modules
    if tempfile := loaded.get("tempfile"):
        tempfile.tempdir = None
    if process := loaded.get("multiprocessing.process"):
        process.ORIGINAL_DIR = os.getcwd()
        process.current_process().authkey = os.urandom(32)
    if numbers := loaded.get("numpy.random"):
        with contextlib.suppress(Exception):  # whichever numpy it is
            numbers.seed()


def plots() -> None:
    """Matplotlib that was imported before there was a kernel gets what it does where it finds one. The same lines stand in
    `engines/waiting/program.py`: each of the two is one file that an environment's own Python reads."""
    pyplot, inline = sys.modules.get("matplotlib.pyplot"), sys.modules.get("matplotlib_inline.backend_inline")
    if pyplot:
        with contextlib.suppress(Exception):
            pyplot.install_repl_displayhook()
    if inline:
        with contextlib.suppress(Exception):
            inline._enable_matplotlib_integration()  # noqa: SLF001 - what its import calls
