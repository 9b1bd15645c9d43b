"""Warm kernels: whatever a notebook can see or do is as in a kernel that was started. Each test runs it cold and warm."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attempts import Attempt, Desk, notebook, science
from parity import Plain
from waiting import until

from workbench.engines.process.host import records
from workbench.execution.nursery import Nursery
from workbench.execution.result import Result
from workbench.paths import open_home

PRELOAD = ("numpy", "pandas", "matplotlib.pyplot")
# What a process is, as a program finds it when it looks.
PROCESS = (
    """import gc, json, locale, logging, os, resource, signal, sys, warnings
for number in sorted(signal.valid_signals()):
    handler = signal.getsignal(number)
    print(int(number), getattr(handler, "__qualname__", handler))
print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
print([line for line in open("/proc/self/status") if line.startswith(("SigIgn", "SigCgt", "SigBlk", "Umask", "Cap"))])""",
    """passing = ("WORKBENCH_KEPT", "JPY_PARENT_PID")
print(sorted((name, value) for name, value in os.environ.items() if name not in passing))
print(int(os.environ["JPY_PARENT_PID"]) == os.getppid())
import subprocess
told = subprocess.run(["env", "-0"], capture_output=True, text=True).stdout.split("\\0")
print(sorted(line for line in told if line.partition("=")[0] not in passing))""",
    """names = [name.replace(os.path.dirname(sys.argv[2]), "…") for name in (*sys.argv, *sys.orig_argv)]
print(names, sys.flags, sys.path, sys.prefix, sys.executable, sys.dont_write_bytecode)""",
    """print(os.getcwd(), os.getsid(0) == os.getpid() == os.getpgid(0), sorted(os.sched_getaffinity(0)), os.nice(0))
print([resource.getrlimit(number) for number in range(16)])
print([(one.name, one.encoding, one.errors, one.line_buffering) for one in (sys.__stdin__, sys.__stdout__, sys.__stderr__)])""",
    """open_ones = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
print(sorted(os.readlink(one).partition(":")[0] for one in open_ones if os.path.exists(one)))""",
    """print(locale.getlocale(), sys.getfilesystemencoding(), gc.isenabled(), gc.get_threshold(), logging.getLogger().handlers)
print(sys.getrecursionlimit(), type(sys.stdout), sys.stdin, sys.excepthook.__qualname__, type(sys.displayhook))
print(__name__, sys.modules["__main__"], [name for name in sys.modules if name.startswith("workbench")])""",
)
THREADS = (
    "import threading\nprint(threading.current_thread() is threading.main_thread(), threading.main_thread().name)",
    """from concurrent.futures import ThreadPoolExecutor
import numpy
left = numpy.arange(250_000.0).reshape(500, 500)
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(lambda n: float((left @ left.T * n).trace()), range(8))))
print(float(numpy.linalg.svd(left[:200, :200], compute_uv=False).sum().round(3)))""",
    """import asyncio
async def child():
    process = await asyncio.create_subprocess_exec("sh", "-c", "echo from a child", stdout=-1)
    return (await process.communicate())[0]
print(await asyncio.gather(child(), asyncio.sleep(0.01, "slept")), type(asyncio.get_running_loop()).__name__)""",
    """print(await asyncio.to_thread(lambda: threading.current_thread().name.partition("_")[0]))
task = asyncio.ensure_future(asyncio.sleep(5))
task.cancel()
print(await asyncio.gather(task, return_exceptions=True))""",
)
FORKED = (
    "import multiprocessing, os, numpy\nfrom multiprocessing import process\nprint(process.ORIGINAL_DIR == os.getcwd(), process.current_process().name)",
    """square = numpy.ones((300, 300))
print(square.dot(square).sum())
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(square.dot, [square[0], square[1]])[1].sum())
manager = multiprocessing.Manager()
shared = manager.dict(a=1)
print(dict(shared))
manager.shutdown()""",
)
SPAWNED = (
    "%%writefile acme_work.py\ndef double(n):\n    return n * 2",
    """import acme_work, multiprocessing
for way in ("spawn", "forkserver"):
    with multiprocessing.get_context(way).Pool(1) as pool:
        print(way, pool.map(acme_work.double, range(4)))""",
)
SIGNALS = (
    """import os, signal
signal.signal(signal.SIGUSR1, lambda number, frame: print("caught", number))
os.kill(os.getpid(), signal.SIGUSR1)
signal.signal(signal.SIGALRM, lambda number, frame: (_ for _ in ()).throw(TimeoutError("alarm")))
try:
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    while True: pass
except TimeoutError as error:
    print(error)""",
    "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    while True: pass\nexcept KeyboardInterrupt as error:\n    print(repr(error))",
    "reader, writer = os.pipe()\nos.close(reader)\ntry:\n    os.write(writer, b'x')\nexcept BrokenPipeError as error:\n    print(repr(error))",
    """import atexit, pathlib, sys
atexit.register(lambda: pathlib.Path("at-exit").write_text("in order"))
unclosed = open("unclosed", "w")
print(unclosed.write("buffered"))""",
    "sys.exit(0)",
    "print('not reached')",
)
# What Python does for a program at its end, each leaving a file.
ENDS = (
    """%%writefile acme_ends.py
import pathlib, tempfile
class Last:
    def __init__(self, name): self.name = name
    def __del__(self): pathlib.Path(self.name).write_text("let go")
kept, half, scratch = Last("of-a-module"), open("open-in-a-module", "w"), tempfile.NamedTemporaryFile(dir=".", prefix="scratch-")
half.write("buffered")""",
    """import acme_ends, atexit, collections, sys, threading, time, weakref, zipfile, pathlib
sys.modules["acme_nothing"] = None
from acme_ends import Last
known, ring = Last("of-a-cell"), Last("of-a-ring")
ring.itself = ring
del ring
archive = zipfile.ZipFile("archive.zip", "w")
archive.writestr("inside", "text")
collections.acme = open("hung-on-a-library", "w")
print(collections.acme.write("buffered"))
done = weakref.finalize(known, pathlib.Path("finalized").write_text, "x")
thread = threading.Thread(target=lambda: (time.sleep(0.3), pathlib.Path("of-a-thread").write_text("x")))
thread.start()
atexit.register(lambda: pathlib.Path("registered").write_text(threading.current_thread().name))""",
    "Last('of-a-result')",
)
# What a kernel that lived in the process before would have left in its modules.
TRACES = (
    "import numpy, pandas, matplotlib.pyplot",
    """import asyncio, builtins, faulthandler, linecache, logging, pdb, sys, tempfile, threading, warnings
print(threading.Thread().name, threading.active_count())
print(asyncio.create_task(asyncio.sleep(0)).get_name().partition("-")[0], type(asyncio.get_event_loop_policy()).__name__)
print(sorted((one[0], str(one[1]), one[2].__name__, one[4]) for one in warnings.filters), sorted(vars(builtins)), [name for name in vars(sys) if name[:2] in ("ps", "la")])
print(faulthandler.enable.__qualname__, pdb.Pdb, pdb.set_trace.__module__, sys.displayhook, sys.breakpointhook, tempfile.tempdir)
print(sorted(name for name in linecache.cache if name[0] != '<'), sys.getswitchinterval(), sys.gettrace(), sys.getprofile(), threading.__dict__.get('_trace_hook'))""",
    """for name, logger in sorted(logging.Logger.manager.loggerDict.items()):
    if isinstance(logger, logging.Logger) and (logger.handlers or logger.level or not logger.propagate or logger.disabled):
        print(name, [type(one).__name__ for one in logger.handlers], logger.level, logger.propagate, logger.disabled)
print(logging._handlerList and [one() and type(one()).__name__ for one in logging._handlerList], logging.root.manager.disable)""",
    """shell = get_ipython()
print(sorted(shell.user_ns), len(In), Out, _dh, shell.history_manager.session_number, shell.history_manager.hist_file)
print(list(shell.history_manager.get_tail()), shell.execution_count, sorted(shell.magics_manager.magics["line"]))
print(type(shell.kernel.comm_manager).__name__)
print(shell.kernel.comm_manager.comms, shell.parent is shell.kernel, shell.kernel.shell is shell, shell.sys_excepthook.__qualname__)
print({name: type(one).__name__ for name, one in sorted(shell._orig_sys_module_state.items())}, shell.starting_dir)""",
    "%history -n",
    "%pwd",
    "1 / 0",
)
SEEDS = (
    """import hashlib, os, random, secrets, tempfile, uuid
from multiprocessing import process
import numpy, pandas
print(random.random(), random.Random().random(), numpy.random.rand(), numpy.random.default_rng().random())
print(pandas.Series(range(10**6)).sample(1).iloc[0], uuid.uuid4(), uuid.uuid1(), secrets.token_hex(8))
print(hashlib.sha256(process.current_process().authkey).hexdigest(), os.path.basename(tempfile.mktemp()))""",
    "random.seed(1); numpy.random.seed(1)\nprint(random.random(), numpy.random.rand(), numpy.random.default_rng(1).random())",
)


class Pair:
    """The same notebook, cold and warm."""

    def __init__(self, folder: Path, desk: Desk) -> None:
        self.folder = folder
        self.desk = desk
        self.nursery = Nursery(desk.home)

    def end(self) -> None:
        """Let the nursery go, and wait until it is gone."""
        process = self.nursery.process
        self.nursery.close()
        assert process
        until(lambda: process.poll() is not None, "the nursery to end")

    def run(self, name: str, cells: Sequence[str], *, warm: bool, **changes: Any) -> tuple[Attempt, Result]:
        """One run, whose kernel is warm or not."""
        before = self.desk.project, self.desk.warm
        # Both in a folder of the same name: what shows it is the same.
        self.desk.project = self.folder / name
        if self.desk.project.exists():
            self.desk.project.rename(self.folder / f"{name}-before-{len(list(self.folder.iterdir()))}")
        self.desk.project.mkdir(parents=True)
        self.desk.warm = warm
        attempt = self.desk.write(notebook(*cells), **changes)
        self.nursery.run(attempt.folder)
        result = attempt.result(60)
        self.desk.project, self.desk.warm = before
        assert [event["warm"] for event in attempt.events("kernel")] == [warm]
        return attempt, result

    def both(self, name: str, cells: Sequence[str], **changes: Any) -> list[dict[str, Any]]:
        """What the cells of both runs left, equal; of the warm one."""
        plain = []
        for warm in (False, True):
            attempt, result = self.run(name, cells, warm=warm, **changes)
            content = Plain().notebook(attempt.output())
            plain.append(
                (result.state, result.reason, result.cells_done, [cell["outputs"] for cell in content["cells"]])
            )
        for cold_cell, warm_cell in zip(plain[0][3], plain[1][3], strict=True):
            assert cold_cell == warm_cell
        assert plain[0] == plain[1]
        return plain[1][3]


@pytest.fixture(scope="module")
def kept_open() -> Iterator[ExitStack]:
    """What is ended after the last test."""
    with ExitStack() as stack:
        yield stack


_made: list[Pair] = []


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory, kept_open: ExitStack) -> Pair:
    """One home, one nursery and one zygote for all of them."""
    if not _made:
        folder = tmp_path_factory.mktemp("warm")
        desk = Desk(open_home(folder / "home"), science(tmp_path_factory), folder / "project")
        made = Pair(folder / "runs", desk)
        kept_open.callback(made.end)
        kept_open.enter_context(desk.zygote(PRELOAD))
        _made.append(made)
    return _made[0]


def text(outputs: Sequence[Any]) -> str:
    """Everything that was printed."""
    return json.dumps(outputs)


def test_a_process_is_what_it_was(pair: Pair) -> None:
    """Signals, variables, arguments, path, limits, descriptors, streams, names: as a program finds them when it looks."""
    assert "SIGINT" not in text(pair.both("process", PROCESS))


def test_threads_and_loops_work(pair: Pair) -> None:
    """BLAS in several threads, asyncio with children, tasks and threads give the same."""
    assert "from a child" in text(pair.both("threads", THREADS))


def test_processes_of_multiprocessing_work(pair: Pair) -> None:
    """Pools that are forked after BLAS was at work, and managers, give the same."""
    assert "90000.0" in text(pair.both("forked", FORKED))


@pytest.mark.soak
def test_spawned_processes_of_multiprocessing_work(pair: Pair) -> None:
    """Pools by spawn and forkserver give the same, with modules of the folder. ipykernel then takes 11 s for its end."""
    assert text(pair.both("spawned", SPAWNED)).count("[0, 2, 4, 6]") == 2


def test_signals_and_ends_are_as_ever(pair: Pair) -> None:
    """Handlers, interrupts, broken pipes; after `sys.exit` files are written and what was registered runs, in both."""
    said = text(pair.both("signals", SIGNALS))
    assert "KeyboardInterrupt" in said
    assert "not reached" not in said
    places = list(pair.folder.glob("signals*"))
    assert len(places) == 2
    for place in places:
        found = {name: (place / name).read_text() for name in ("at-exit", "unclosed")}
        assert found == {"at-exit": "in order", "unclosed": "buffered"}


def test_what_python_does_at_the_end_is_done(pair: Pair) -> None:
    """Threads are waited for, what was registered runs, objects of cells and of their modules are let go, files are written."""
    left = []
    for warm in (False, True):
        pair.run("ends", ENDS, warm=warm)
        place = pair.folder / "ends"
        until(lambda place=place: (place / "registered").exists() and not _kernels(pair), "its end")
        left.append({one.name: one.read_bytes() for one in place.iterdir() if one.is_file()})
        left[-1]["archive.zip"] = left[-1]["archive.zip"][-60:]  # with times in it, but for its end
    assert left[0].keys() == left[1].keys()
    assert left[0].keys() >= {"of-a-module", "of-a-cell", "of-a-ring", "of-a-thread", "finalized", "registered"}
    assert {left[1][name] for name in ("open-in-a-module", "hung-on-a-library")} == {b"buffered"}
    assert not [name for name in left[1] if name.startswith("scratch-")]
    assert left[0] == left[1]


def _kernels(pair: Pair) -> list[Path]:
    return list(records(pair.desk.home).iterdir())


def test_a_kernel_finds_no_traces_of_another(pair: Pair) -> None:
    """Numbers, names, handlers, what is registered, the history and the shell are those of the first kernel of a process."""
    assert "ZeroDivisionError" in text(pair.both("traces", TRACES, allow_errors=True))


def test_seeds_differ_between_runs(pair: Pair) -> None:
    """Two kernels of one zygote draw different numbers, names and keys; a seed that is given gives the same as cold."""
    said = []
    for warm in (False, True, True):
        attempt, _ = pair.run("seeds", SEEDS, warm=warm)
        said.append(["".join(output["text"]) for cell in attempt.output()["cells"] for output in cell["outputs"]])
    assert said[0][-1] == said[1][-1] == said[2][-1]
    drawn = [set("".join(lines[:-1]).split()) for lines in said]
    assert len(drawn[0]) == len(drawn[1]) == len(drawn[2]) == 10
    assert not drawn[1] & drawn[2]
    assert not drawn[0] & drawn[1]
