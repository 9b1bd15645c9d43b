"""A home and where things are in it.

<home>/environments  ides  projects/<name>  workbench.yaml the person's files
<home>/.workbench/                                        marker and state, 0700
    state.db  supervisor.lock  supervisor.log  wake.sock
    runs/<id>/input.ipynb  runs/<id>/<attempt>/{job.json,lock,events.jsonl,result.json}
    sessions/<id>/  builds/<id>.log  environments/<slug>/<revision>/  backups/  secrets/
"""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from workbench.errors import Refused, StoreError

MARKER = ".workbench"
# File systems where SQLite's locks and unix sockets cannot be trusted (statfs(2) names as /proc/mounts has them).
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "lustre", "gpfs", "beegfs", "afs", "ceph"}
)
SOCKET_PATH_LIMIT = 107  # bytes of sockaddr_un.sun_path without its NUL, unix(7)


@dataclass(frozen=True)
class Home:
    """A home: `root` holds the person's files, `state` what happened. Both absolute."""

    root: Path
    state: Path

    @property
    def environments(self) -> Path:
        """Declared environments of this home."""
        return self.root / "environments"

    @property
    def ides(self) -> Path:
        """Declared IDEs of this home."""
        return self.root / "ides"

    @property
    def projects(self) -> Path:
        """Projects, as folders or links."""
        return self.root / "projects"

    @property
    def settings_file(self) -> Path:
        """`workbench.yaml`, optional."""
        return self.root / "workbench.yaml"

    @property
    def database(self) -> Path:
        """The store."""
        return self.state / "state.db"

    @property
    def supervisor_lock(self) -> Path:
        """Held by flock for the life of the supervisor."""
        return self.state / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor says."""
        return self.state / "supervisor.log"

    @property
    def id(self) -> str:
        """12 hex digits that stand for this home in labels and socket folders."""
        return hashlib.sha256(str(self.state).encode()).hexdigest()[:12]

    def run_folder(self, run: int) -> Path:
        """Private state of a run."""
        return self.state / "runs" / str(run)

    def attempt_folder(self, run: int, attempt: int) -> Path:
        """Private state of one try of a run."""
        return self.run_folder(run) / str(attempt)

    def kernel_records(self, attempt: str) -> list[Path]:
        """What engines keep of kernels of an attempt (`41.1`): a folder `<attempt>@<mark>` each, until it is gone."""
        return [path for kind in ("containers", "kernels") for path in (self.state / kind).glob(f"{attempt}@*")]

    def session_folder(self, session: int) -> Path:
        """Private state of a session: its secret, its log."""
        return self.state / "sessions" / str(session)

    @property
    def secrets(self) -> Path:
        """Values of secrets, a file each."""
        return self.state / "secrets"

    @property
    def code(self) -> Path:
        """Files of projects that runs see in their place, and repositories that they are from."""
        return self.state / "code"

    def usage_file(self, session: int) -> Path:
        """What a session takes, as last measured."""
        return self.session_folder(session) / "usage.json"

    @property
    def watched(self) -> Path:
        """Touched by who looks at what sessions take: only then it is measured."""
        return self.state / "watched"

    @property
    def warm_file(self) -> Path:
        """What is kept warm for runs, written by the supervisor for people."""
        return self.state / "warm.json"

    def build_log(self, build: int) -> Path:
        """The full log of a build."""
        return self.state / "builds" / f"{build}.log"

    def environment_folder(self, slug: str) -> Path:
        """Venvs and build folders of an environment."""
        return self.state / "environments" / slug

    @property
    def sockets(self) -> Path:
        """A short 0700 folder of this account for sockets of this home; made where it is missing."""
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or "")
        if not base.is_absolute() or not os.access(base, os.W_OK) or base.stat().st_uid != os.getuid():
            base = Path(f"/tmp/workbench-{os.getuid()}")  # noqa: S108 - made 0700 and owner-checked just below
            private_folder(base)
        else:
            base = base / "workbench"
        return private_folder(base / self.id)

    @property
    def wake_socket(self) -> Path:
        """Datagrams without content arrive here: the supervisor then looks at the store."""
        return self.sockets / "wake"


def private_folder(path: Path) -> Path:
    """`path` as a folder 0700 of this account, made with its parents; refused where another account owns it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise StoreError(
            f"{path} belongs to {account_name(facts.st_uid)} or is no folder",
            hint="State is kept only in a folder of this account. Remove it, or choose another home with --home.",
        )
    if stat.S_IMODE(facts.st_mode) != 0o700:
        path.chmod(0o700)
    return path


LOGIN = "login"  # of a session's folder: the name for a form, where that is not always the same


def tool_socket(session_folder: Path) -> Path:
    """The unix socket of a session's tool that has no login of its own: our front alone connects to it.

    Its folder `front` is a link to a shorter one where the path would be too long for unix(7).
    """
    return (session_folder / "front").resolve() / "tool.sock"


def port_socket(session_folder: Path, port: int) -> Path:
    """The unix socket of a further port of a session, beside that of its tool."""
    return tool_socket(session_folder).with_name(f"{port}.sock")


def account_name(uid: int) -> str:
    """The login name of `uid`, or its number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def file_system(path: Path) -> str:
    """The type of the file system that holds `path` (its nearest existing parent), as /proc/mounts names it."""
    while not path.exists() and path != path.parent:
        path = path.parent
    real = path.resolve()
    best, kind = Path("/"), ""
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        _, point, name, *_ = line.split(" ")
        mount = Path(point.encode().decode("unicode_escape"))
        if real.is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, name
    return kind


def state_folder(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the state of the home at `root` is: in it, or in a local folder where `root` is on a network."""
    if file_system(root) not in NETWORK_FILE_SYSTEMS:
        return root / MARKER
    name = hashlib.sha256(str(root).encode()).hexdigest()[:12]
    base = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    if file_system(base) in NETWORK_FILE_SYSTEMS:
        base = Path("/var/tmp") / f"workbench-{os.getuid()}"  # noqa: S108 - made 0700 and owner-checked when opened
    return base / "workbench" / name


def find_home(explicit: str | Path | None = None, *, cwd: Path | None = None) -> Path:
    """The home to use: `explicit`, else WORKBENCH_HOME, else the nearest parent with a marker, else ~/workbench."""
    chosen = explicit or os.environ.get("WORKBENCH_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    start = (cwd or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        marker = folder / MARKER
        if marker.is_dir() and marker.lstat().st_uid == os.getuid():
            return folder
    return Path.home() / "workbench"


def open_home(root: Path, *, create: bool = True) -> Home:
    """The home at `root`, made where it is missing and `create` is set.

    Refused: a marker of another account, or a folder that cannot be written.
    """
    marker = root / MARKER
    if not marker.is_dir() and not create:
        raise Refused(f"{root} is no home of workbench", hint="Make one with: workbench init")
    try:
        root.mkdir(parents=True, exist_ok=True)
        private_folder(marker)
        state = state_folder(root)
        if state != marker:
            private_folder(state)
        for folder in (root / "environments", root / "projects"):
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot use {root} as a home: {error.strerror}", hint="Choose another folder with --home."
        ) from error
    return Home(root, state)


def shipped(kind: str) -> Path:
    """The folder of shipped `environments`, `ides` or `projects`: in the package, or in the checkout it runs from."""
    packed = _package() / "shipped" / kind
    return packed if packed.is_dir() else _package().parent / kind


@cache
def _package() -> Path:
    return Path(str(files("workbench")))
