"""Spare kernels in containers: a run cannot tell one from a container that was started for it, and exactly one run gets it."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from engines.conftest import Bench, ignore
from engines.talking import Talk
from waiting import until
from world import together

from workbench.engines.base import KernelHost, Workspace
from workbench.engines.docker.engine import DockerEngine
from workbench.engines.docker.kernel import DockerHost, records
from workbench.engines.docker.leftovers import YOUNG
from workbench.engines.docker.spares import KNOWN, SpareContainer
from workbench.engines.waiting.records import name
from workbench.model.environment import EnvironmentSpec, Limits, Revision, RPart
from workbench.model.project import Mount
from workbench.vault import write

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
PRELOADED = {"colorsys", "wave"}  # modules that no kernel loads by itself

# Everything that a notebook can see of how it was started; what is of one container or process alone is taken out.
LOOK = """
import builtins, gc, getpass, json, locale, multiprocessing.process, os, pathlib, resource, signal, socket, sys, tempfile, threading, time, warnings
sockets = str(pathlib.Path(sys.argv[sys.argv.index("-f") + 1]).parent)
def plain(value):
    return json.loads(json.dumps(value, default=repr).replace(sockets, "SOCKETS"))
mounts = [line.split() for line in open("/proc/self/mountinfo")]
print(json.dumps(plain({
    "env": dict(os.environ), "cwd": os.getcwd(), "path": sys.path, "argv": sys.argv, "orig": sys.orig_argv, "flags": tuple(sys.flags),
    "who": (os.getuid(), os.getgid(), os.getgroups(), getpass.getuser(), os.path.expanduser("~"), os.listdir(os.path.expanduser("~"))),
    "host": socket.gethostname(), "net": sorted(os.listdir("/sys/class/net")), "umask": os.umask(0o022), "tmp": tempfile.gettempdir(),
    "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT")},
    "signals": {str(one): str(signal.getsignal(one)).partition(" at ")[0] for one in signal.valid_signals()},
    "cores": sorted(os.sched_getaffinity(0)), "nice": os.nice(0), "locale": locale.setlocale(locale.LC_ALL), "zone": time.tzname,
    "names": sorted(name for name in globals() if name not in ("mounts", "sockets", "plain")),
    "session": globals().get("__session__"), "name": __name__, "in": (In[:1], Out), "builtins": sorted(dir(builtins)),
    "dirs": (_dh, get_ipython().starting_dir, get_ipython().execution_count, multiprocessing.process.ORIGINAL_DIR),
    "modules": sorted(sys.modules), "threads": sorted(one.name.lstrip("Thread-0123456789") for one in threading.enumerate()),
    "open": sorted(one for one in map(os.path.realpath, (f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd"))) if "/fd/" not in one and "/fd" != one[-3:] and "/.ipython/" not in one),
    "gc": (gc.get_threshold(), gc.isenabled(), gc.get_freeze_count()), "recursion": sys.getrecursionlimit(),
    "warnings": [str(one) for one in warnings.filters], "secrets": sorted(os.listdir(os.environ["WORKBENCH_SECRETS"])),
    "mounts": sorted((one[4], one[5].split(",")[0]) for one in mounts if one[4] != "/run/workbench/waiting"),
    "memory": [pathlib.Path(one).read_text() for one in ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max") if os.path.exists(one)],
})))
"""

R_LOOK = """
local({
  sockets <- dirname(commandArgs(TRUE)[[1]])
  plain <- function(value) gsub("0x[0-9a-f]+|/Rtmp[A-Za-z0-9]+", "", gsub(sockets, "SOCKETS", value, fixed = TRUE))
  quiet <- function(value) plain(paste(deparse(value), collapse = ""))
  cat(jsonlite::toJSON(auto_unbox = TRUE, list(
    env = as.list(plain(Sys.getenv())), cwd = getwd(), words = plain(commandArgs(TRUE)), who = Sys.info()[c("user", "nodename")],
    global = ls(globalenv(), all.names = TRUE), search = search(), loaded = sort(loadedNamespaces()), libraries = .libPaths(),
    options = lapply(options(), quiet), seed = exists(".Random.seed"), locale = Sys.getlocale(), zone = Sys.timezone(),
    connections = nrow(showConnections()), interactive = interactive(), home = list.files("~", all.files = TRUE),
    frames = sys.nframe(), temporary = list.files(tempdir()), devices = dev.list()
  )))
})
"""


@pytest.fixture
def spare(docker_bench: Bench) -> Iterator[Callable[..., SpareContainer]]:
    """Start a spare; it goes after the test."""
    made: list[SpareContainer] = []

    def start(space: Workspace, revision: Revision | None = None) -> SpareContainer:
        warm = docker_bench.engine.warm(revision or docker_bench.revision, space)
        assert isinstance(warm, SpareContainer)
        made.append(warm)
        return warm

    yield start
    for one in made:
        one.close()


def api(bench: Bench) -> Any:
    """The low-level client, to look at what was made."""
    assert isinstance(bench.engine, DockerEngine)
    return bench.engine._connection.api()


def a_host(bench: Bench, space: Workspace, run: str) -> DockerHost:
    """A host for the run, as a runner asks for it."""
    host: KernelHost = bench.engine.host(bench.revision, space, run=run, kernel=bench.revision.kernels[0])
    bench.hosts.append(host)
    assert isinstance(host, DockerHost)
    return host


def looked(bench: Bench, space: Workspace, run: str, *, warm: bool, code: str = LOOK) -> dict[str, Any]:
    """What a notebook sees of its kernel."""
    host = a_host(bench, space, run)
    with Talk(host, bench.revision, {"MY_RUN": 'it\'s "41"\nché', "MY_EMPTY": ""}) as kernel:
        assert host.warm is warm
        seen: dict[str, Any] = json.loads(kernel.run(code))
    return seen


def test_a_spare_is_as_one_that_was_started_for_the_run(
    docker_bench: Bench, spare: Callable[..., SpareContainer], tmp_path: Path
) -> None:
    """Folder, variables, secrets, accounts, limits, network, mounts, modules, names, descriptors: all that can be seen."""
    write(tmp_path / "PGPASSWORD", "hunter2-hunter2")
    (tmp_path / "sales").mkdir()
    space = docker_bench.workspace(
        env={"GREETING": "grüß $HOME", "TZ": "Asia/Kolkata"},
        secrets={"PGPASSWORD": tmp_path / "PGPASSWORD"},
        limits=Limits(memory=400_000_000, cpus=1.0, pids=200),
        data=(Mount(tmp_path / "sales", "sales", write=False),),
        network=False,
        warm=True,
    )
    cold = looked(docker_bench, replace(space, warm=False), "7.1", warm=False)
    spare(space)
    warm = looked(docker_bench, space, "8.1", warm=True)
    differing = {key: (warm[key], cold[key]) for key in cold if warm[key] != cold[key]}
    assert not differing
    assert cold["env"]["PGPASSWORD"] == "hunter2-hunter2"
    assert cold["env"]["MY_RUN"] == 'it\'s "41"\nché'
    assert cold["net"] == ["lo"]
    assert not PRELOADED & set(cold["modules"])
    assert cold["cwd"] == str(space.cwd)


def test_what_is_preloaded_is_there_and_under_no_name(
    docker_bench: Bench, spare: Callable[..., SpareContainer]
) -> None:
    """Modules that were asked for are loaded before the run, and the notebook has to import them as ever; one that is not
    installed is told by the cell that wants it, and takes nothing from the rest."""
    space = docker_bench.workspace(warm=True, preload=("acme_missing", *sorted(PRELOADED)))
    look = "import json, sys; print(json.dumps({n: (n in sys.modules, n in globals()) for n in ('colorsys', 'wave', 'acme_missing')}))"
    spare(space)
    host = a_host(docker_bench, space, "10.1")
    with Talk(host, docker_bench.revision) as kernel:
        assert host.warm
        seen = json.loads(kernel.run(look))
        assert seen == {"colorsys": [True, False], "wave": [True, False], "acme_missing": [False, False]}
        assert kernel.run("import colorsys; print(colorsys.rgb_to_hsv(1, 1, 1))") == "(0.0, 0.0, 1)"
        assert "No module named 'acme_missing'" in kernel.run(
            "try:\n import acme_missing\nexcept ImportError as e:\n print(e)"
        )


def test_an_r_that_waited_is_as_one_that_was_started(
    docker_bench: Bench, spare: Callable[..., SpareContainer], tmp_path: Path
) -> None:
    """The same for R, which cannot be forked; a folder with an .Rprofile gets none, for R runs that when it starts."""
    engine, spec = docker_bench.engine, EnvironmentSpec("test-r-spare", r=RPart(), ides=())
    build = {"log": tmp_path / "build.log", "progress": ignore, "cancelled": threading.Event()}
    revision = engine.build(spec, engine.revision_id(spec), **build)  # type: ignore[arg-type]
    bench = replace(docker_bench, revision=revision)
    space = bench.workspace(env={"GREETING": "grüß $HOME"}, network=False, warm=True)
    cold = looked(bench, replace(space, warm=False), "7.1", warm=False, code=R_LOOK)
    spare(space, revision)
    warm = looked(bench, space, "8.1", warm=True, code=R_LOOK)
    assert {key: (warm[key], cold[key]) for key in cold if warm[key] != cold[key]} == {}
    assert cold["env"]["MY_RUN"] == 'it\'s "41"\nché'
    (space.cwd / ".Rprofile").write_text("x <- 1")
    assert bench.engine.warm_key(revision, space) == ""  # type: ignore[attr-defined]
    engine.remove(revision)


def test_one_run_gets_it_and_interrupts_and_limits_hold(
    docker_bench: Bench, spare: Callable[..., SpareContainer]
) -> None:
    """Of runs that ask at once one has it, the others start their own. It can be interrupted, and ends out of memory as told."""
    space = docker_bench.workspace(limits=Limits(memory=96 * 1024**2), warm=True)
    warm = spare(space)
    assert warm.alive
    assert warm.memory > 10_000_000
    hosts = []
    gate = threading.Barrier(4)

    def ask(number: int) -> None:
        gate.wait()
        hosts.append(a_host(docker_bench, space, f"{number}.1"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (host,) = [one for one in hosts if one._spare]
    assert len({one.folder for one in hosts}) == 4
    with Talk(host, docker_bench.revision) as kernel:
        assert not warm.alive
        warm.close()  # its supervisor does not need it any more: the run goes on
        kernel.start("import time\nwhile True: time.sleep(0.1)")
        until(lambda: kernel.client.get_iopub_msg(timeout=10)["msg_type"] == "execute_input", "the cell to begin")
        host.send_signal(signal.SIGINT)
        assert kernel.status() == "error"
        with api(docker_bench) as engine:
            named = until(
                lambda: "spare" not in (said := engine.inspect_container(host._handle)["Name"]) and said, "its name"
            )
        assert host._run in named
        kernel.start("x = bytearray(400_000_000)")
        end = host.wait(30)
    assert end is not None
    assert end.words == "out of memory (limit 96 MB)"
    assert not host._private.exists()


def test_what_it_was_started_by_has_to_be_the_same(docker_bench: Bench, tmp_path: Path) -> None:
    """Variables, limits, secrets, data that was replaced, a folder that is another now, what says so in the project."""
    for folder in ("sales", "other"):
        (tmp_path / folder).mkdir()
    secret = tmp_path / "TOKEN"
    write(secret, "one")
    base = docker_bench.workspace(
        secrets={"TOKEN": secret}, data=(Mount(tmp_path / "sales", "sales", write=False),), warm=True
    )
    declared = base.project / "project.yaml"
    declared.write_text("environment: a\n")
    space = replace(base, declared=(declared,))

    def key(**changes: object) -> str:
        return str(docker_bench.engine.warm_key(docker_bench.revision, replace(space, **changes)))  # type: ignore[arg-type]

    first = key()
    assert first
    assert first == key()
    (space.project / "notebooks" / "new.txt").write_text("what lies in a folder is seen as it is")
    assert first == key()
    others = [
        key(warm=False), key(env={"A": "1"}), key(limits=Limits(memory=10**8)), key(network=False), key(cwd=space.project),
        key(data=()), key(person=replace(space.person, gid=space.person.gid + 1)), key(preload=("json",)),
        key(secrets={}),
    ]  # fmt: skip
    secret.write_text("two")
    others.append(key())
    (tmp_path / "sales").rmdir()
    (tmp_path / "other").rename(tmp_path / "sales")
    others.append(key())
    declared.write_text("environment: another\n")
    others.append(key())
    space.cwd.rename(space.project / "old")  # kept, as a spare would: its number is not given to the new one
    space.cwd.mkdir()
    others.append(key())
    assert first not in others
    assert len(set(others)) == len(others)
    link = space.project / "path"
    link.mkdir()
    (link / "sitecustomize.py").write_text("")
    assert key(env={"PYTHONPATH": str(link)}) == ""


def test_one_that_died_is_not_missed_and_nothing_is_left(
    docker_bench: Bench, spare: Callable[..., SpareContainer]
) -> None:
    """A run that finds a dead one starts as ever. What a killed supervisor left goes at the next sweep; what is known stays."""
    space = docker_bench.workspace(warm=True)
    spaces = (space, replace(space, env={"A": "1"}), replace(space, env={"A": "2"}))
    dead, known, left = together([partial(spare, one) for one in spaces])
    with api(docker_bench) as engine:
        engine.kill(dead._handle)
        until(lambda: not dead.alive, "it to be dead")
        host = a_host(docker_bench, space, "41.1")
        assert host._spare
        with Talk(host, docker_bench.revision) as kernel:
            assert not host.warm
            assert kernel.run("print(6 * 7)") == "42"
            age(docker_bench)
            KNOWN.discard(name(left.mark))  # as for a supervisor that comes after the one that started it
            assert docker_bench.engine.sweep_kernels(docker_bench.home.id, frozenset({"41.1"})) == 1
            assert kernel.run("print(6 * 7)") == "42"
        there = {one["Id"] for one in engine.containers(all=True)}
        assert {dead._handle, left._handle} & there == set()
        assert known._handle in there
    assert known.alive
    assert not left._sockets.exists()
    assert not left._record.exists()
    known.close()
    assert not any(records(docker_bench.home).glob("*@*"))


def age(bench: Bench) -> None:
    """Wait until what there is now is older than what a sweep leaves alone."""
    until(
        lambda: all(time.time() - one.stat().st_ctime > YOUNG + 0.1 for one in records(bench.home).iterdir()),
        "it to age",
    )
