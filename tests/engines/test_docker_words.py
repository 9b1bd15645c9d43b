"""The docker engine without an engine: where it looks, what it writes, and how it reads what is said."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast

import docker.errors
import pytest
import requests.exceptions
from hypothesis import given
from hypothesis import strategies as st
from tools import JUPYTER

from workbench.engines.base import Person, Workspace
from workbench.engines.docker import account, belongings, container
from workbench.engines.docker.connection import Connection
from workbench.engines.docker.daemon import OLDEST_API, Daemon, read_daemon
from workbench.engines.docker.endpoint import Endpoint, find_endpoint
from workbench.engines.docker.images import base_image, credentials, registries
from workbench.engines.docker.images.classic import told
from workbench.engines.docker.images.contents import Contents, as_made, read_contents
from workbench.engines.docker.images.names import mirrored
from workbench.engines.docker.images.pulling import Pulling
from workbench.engines.docker.images.recipe import Dialect, render
from workbench.engines.docker.images.transcript import Transcript
from workbench.engines.docker.kernel import DockerHost, read_exit
from workbench.engines.docker.session import Sessions
from workbench.errors import EngineDown, Refused, WorkbenchError
from workbench.model.build import BuildProgress
from workbench.model.environment import EngineName, EnvironmentSpec, Limits, PythonPart, Revision, RPart
from workbench.paths import open_home

if TYPE_CHECKING:
    from workbench.engines.docker.images.contents import Library

SALES = EnvironmentSpec("sales", python=PythonPart(packages=("pandas>=2.2",)), apt=("libpq5",), tools=(JUPYTER,))
TIDY = EnvironmentSpec("tidy", r=RPart(packages=("data.table",)), ides=())
DAEMON = Daemon("id", "Docker Engine 99", (1, 41), "linux/amd64")


# -- the endpoint ------------------------------------------------------------------------------------------------------


def context(folder: Path, name: str, host: str) -> None:
    """A context as the docker command keeps it."""
    place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    (place / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_the_endpoint_is_the_docker_commands(tmp_path: Path) -> None:
    """DOCKER_HOST wins over DOCKER_CONTEXT, that over the current context; each is named as the source."""
    context(tmp_path, "mine", "unix:///run/user/1/docker.sock")
    context(tmp_path, "other", "unix:///other.sock")
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "mine"}))
    base = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
    assert find_endpoint(base) == Endpoint("unix:///run/user/1/docker.sock", f"context mine of {tmp_path}/config.json")
    assert find_endpoint(base | {"DOCKER_CONTEXT": "other"}).url == "unix:///other.sock"
    named = find_endpoint(base | {"DOCKER_CONTEXT": "other", "DOCKER_HOST": "tcp://127.0.0.1:2375"})
    assert named == Endpoint("tcp://127.0.0.1:2375", "DOCKER_HOST")
    assert find_endpoint(base | {"DOCKER_CONTEXT": "default"}).source != "DOCKER_CONTEXT"


def test_sockets_are_looked_for_where_engines_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word from the person the first socket that may be used is taken, Podman's last."""
    monkeypatch.setattr("workbench.engines.docker.endpoint.Path.exists", lambda self: "podman" in str(self))
    monkeypatch.setattr("os.access", lambda *_: True)
    found = find_endpoint({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run/user/7"})
    assert found == Endpoint("unix:///run/user/7/podman/podman.sock", "Podman of this account")


@pytest.mark.parametrize("url", ["ssh://server", "tcp://192.0.2.7:2375"])
def test_an_engine_elsewhere_is_refused(url: str) -> None:
    """Folders of this machine cannot be shown by an engine of another."""
    with pytest.raises(Refused, match="another machine"):
        find_endpoint({"DOCKER_HOST": url})


def test_a_context_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """The docker command refuses as well; another engine must not be taken in its place."""
    with pytest.raises(Refused, match="does not exist"):
        find_endpoint({"DOCKER_CONTEXT": "gone", "DOCKER_CONFIG": str(tmp_path)})


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "may not use", "usermod -aG docker"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "no engine answers", "systemctl start docker"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "no engine answers", "engine: process"),
        (requests.exceptions.ReadTimeout("Read timed out."), "does not answer in time", ""),
        (requests.exceptions.ConnectionError("Connection aborted\x1b[31m"), "broke off", ""),
    ],
)
def test_an_engine_that_cannot_be_used_is_down(error: Exception, words: str, hint: str) -> None:
    """Each reason has its own words and what to do; libraries wrap it several times over."""
    connection = Connection(Endpoint("unix:///there.sock", "a test"))
    wrapped = docker.errors.DockerException(f"Error while fetching server API version: {error}")
    wrapped.__cause__ = requests.exceptions.ConnectionError(error)
    with pytest.raises(EngineDown) as caught, connection._converted():
        raise wrapped
    assert words in caught.value.message
    assert "unix:///there.sock (a test)" in caught.value.message
    assert hint in caught.value.hint
    assert "\x1b" not in str(caught.value)


def test_an_engine_that_is_not_there_is_a_fact() -> None:
    """`facts` never raises: it says what is wrong."""
    facts = Connection(Endpoint("unix:///nonexistent/docker.sock", "a test")).facts()
    assert "no engine answers" in facts.problem
    assert facts.endpoint == "unix:///nonexistent/docker.sock"


def test_an_engine_is_looked_for_until_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was not there is not held on to: its socket, or another choice, may come later. One that was given is."""
    first, second = (f"unix://{tmp_path}/{name}.sock" for name in ("first", "second"))
    monkeypatch.setenv("DOCKER_HOST", first)
    found, given = Connection(), Connection(Endpoint(first, "test"))
    assert found.facts().endpoint == first
    monkeypatch.setenv("DOCKER_HOST", second)
    assert found.facts().endpoint == second
    assert second in found.facts().problem
    assert given.facts().endpoint == given.facts().endpoint == first


def test_what_a_daemon_says_is_read() -> None:
    """Podman, rootless engines, SELinux and missing limits are noticed; an old one is known by its API."""
    podman = read_daemon(
        {
            "ApiVersion": "1.41",
            "Version": "4.3.1",
            "Os": "linux",
            "Arch": "amd64",
            "Components": [{"Name": "Podman Engine"}],
        },
        {"SecurityOptions": ["name=rootless", "name=selinux"], "MemoryLimit": False, "ID": "x"},
    )
    assert (podman.podman, podman.rootless, podman.selinux, podman.memory_limits) == (True, True, True, False)
    assert podman.version == "Podman 4.3.1"
    said = {"SecurityOptions": ["name=seccomp,profile=default"], "MemoryLimit": True, "CpuCfsQuota": True}
    own = {"host": {"security": {"rootless": True}, "cgroupControllers": ["pids"]}}
    silent = read_daemon({"Components": [{"Name": "Podman Engine"}]}, said, own)
    assert silent.rootless
    assert (silent.memory_limits, silent.swap_limits, silent.cpu_limits, silent.pids_limits) == (
        False,
        False,
        False,
        True,
    )
    old = read_daemon({"ApiVersion": "1.40", "Version": "19.03.15"}, {})
    assert old.api < OLDEST_API
    new = read_daemon({"ApiVersion": "1.52"}, {"OperatingSystem": "Docker Desktop", "KernelVersion": "6.6.87-linuxkit"})
    assert new.api > OLDEST_API
    assert new.desktop


# -- the Dockerfile ----------------------------------------------------------------------------------------------------


def test_the_dockerfile_goes_from_shared_to_own() -> None:
    """Language runtime and JupyterLab come before what the declaration adds, so that their layers are shared."""
    text = render(SALES, "0123", dialect=Dialect.BUILDKIT).dockerfile
    order = ["FROM debian:trixie-slim", "python3", "jupyterlab", "libpq5", "requirements.txt", "LABEL"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    other = render(replace(SALES, apt=(), name="other"), "4567", dialect=Dialect.BUILDKIT).dockerfile
    shared = text[text.index("FROM") : text.index("# System packages")]
    assert shared in other


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("spec", [SALES, TIDY, replace(TIDY, ides=("jupyter",), tools=(JUPYTER,), python=PythonPart())])
def test_nothing_of_the_machine_stays_in_a_layer(dialect: Dialect, spec: EnvironmentSpec) -> None:
    """Certificates, the index and uv are mounted, or copied into a stage that the image does not keep."""
    recipe = render(spec, "0123", dialect=dialect)
    last_stage = recipe.dockerfile[recipe.dockerfile.rindex("\nFROM") :]
    for line in last_stage.splitlines():
        if line.startswith("COPY") and "--from" not in line:
            assert line.split()[1:-1] == ["packages.R"]
    assert ("--mount" in recipe.dockerfile) is (dialect is not Dialect.CLASSIC)
    assert ("type=secret" in recipe.dockerfile) is (dialect is Dialect.BUILDKIT)


def test_registries_are_replaced_by_prefix() -> None:
    """Names without a registry are docker.io's; the mirror is named in full."""
    mirrors = {"docker.io": "127.0.0.1:5000", "ghcr.io": "mirror.example/ghcr/"}
    assert mirrored("debian:trixie-slim", mirrors) == "127.0.0.1:5000/library/debian:trixie-slim"
    assert mirrored("rocker/r-ver:4.4", mirrors) == "127.0.0.1:5000/rocker/r-ver:4.4"
    assert mirrored("ghcr.io/a/b@sha256:1", mirrors) == "mirror.example/ghcr/a/b@sha256:1"
    assert mirrored("quay.io/a/b", mirrors) == "quay.io/a/b"
    assert mirrored("localhost/a", mirrors) == "localhost/a"
    longer = mirrors | {"docker.io/rocker": "r.example:5000/r", "docker.io/rock": "never.example"}
    assert mirrored("rocker/r-ver:4.4", longer) == "r.example:5000/r/r-ver:4.4"
    assert mirrored("debian", longer) == "127.0.0.1:5000/library/debian"


@pytest.mark.parametrize(
    ("spec", "base"),
    [
        (SALES, "debian:trixie-slim"),
        (TIDY, "debian:trixie-slim"),
        (replace(SALES, python=PythonPart(version="3.12")), "python:3.12-slim-trixie"),
        (replace(SALES, python=PythonPart(version="3.13")), "debian:trixie-slim"),
        (replace(TIDY, r=RPart(version="4.4.2")), "rocker/r-ver:4.4.2"),
        (replace(TIDY, python=PythonPart(version="3.12")), "python:3.12-slim-trixie"),
        (EnvironmentSpec("x", image="rocker/tidyverse:4.5.2"), "rocker/tidyverse:4.5.2"),
    ],
)
def test_versions_choose_the_base(spec: EnvironmentSpec, base: str) -> None:
    """Debian where it has the version, the public image of that version otherwise."""
    base_image.check(spec)
    assert base_image.base_image(spec) == base


@pytest.mark.parametrize(
    "spec",
    [
        EnvironmentSpec("x", use="/usr/bin/python3"),
        EnvironmentSpec("x", apt=("libpq5; curl evil",)),
        EnvironmentSpec("x", image="debian\nRUN evil"),
        EnvironmentSpec("x", r=RPart(packages=('x"); system("evil',))),
        EnvironmentSpec("x", python=PythonPart(packages=("-e .",))),
        EnvironmentSpec("x", python=PythonPart(packages=("./wheel.whl",))),
        EnvironmentSpec("x", python=PythonPart(packages=("a @ file:///a.whl",))),
        EnvironmentSpec("x", python=PythonPart(version="3.12; evil")),
        EnvironmentSpec("x", image="debian", python=PythonPart(version="3.12")),
        EnvironmentSpec("x", r=RPart(version="4.3"), python=PythonPart(version="3.12")),
    ],
)
def test_what_no_image_can_have_is_refused(spec: EnvironmentSpec) -> None:
    """Refused before anything is built, and nothing reaches a shell that is not a name."""
    with pytest.raises(Refused) as caught:
        base_image.check(spec)
    assert caught.value.title == "environment x"


# -- registries of packages --------------------------------------------------------------------------------------------


def test_the_package_index_is_the_machines(tmp_path: Path) -> None:
    """uv's and pip's words are taken, the declared index before all; folders of this machine are left out."""
    pip = tmp_path / ".config" / "pip"
    pip.mkdir(parents=True)
    (pip / "pip.conf").write_text(
        "[global]\nindex-url = https://pip.example/simple\nextra-index-url = file:///x https://b.example\n"
    )
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}
    assert registries.package_index(None, None, environ).url == "https://pip.example/simple"
    assert registries.package_index(None, None, environ).extra == ("https://b.example",)
    assert registries.package_index(None, "https://set.example", environ).url == "https://set.example"
    with_uv = environ | {"UV_DEFAULT_INDEX": "mine=https://uv.example"}
    assert registries.package_index(None, None, with_uv).url == "https://uv.example"
    declared = registries.package_index("https://acme.example", "https://set.example", with_uv)
    assert declared == registries.PackageIndex("https://acme.example")
    assert declared.uv_toml == 'index-url = "https://acme.example"\n'


def test_proxies_with_a_password_are_for_builds_alone() -> None:
    """A container's variables are seen by all who may use the engine."""
    environ = {"https_proxy": "http://me:secret@proxy:3128", "NO_PROXY": "localhost"}
    assert registries.proxies(environ)["HTTPS_PROXY"] == "http://me:secret@proxy:3128"
    assert "secret" not in str(registries.proxies_without_password(environ))
    assert registries.proxies_without_password(environ)["no_proxy"] == "localhost"


# -- what builders say -------------------------------------------------------------------------------------------------

BUILDKIT = """#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 1.6kB done
#1 DONE 0.0s
#4 [1/3] FROM docker.io/library/debian:trixie-slim
#4 sha256:aaaa 5.00MB / 20.00MB 0.2s
#4 sha256:bbbb 10.00MB / 10.00MB 0.3s done
#4 DONE 1.0s
#5 [2/3] RUN apt-get   install libpq5
#5 CACHED
#6 [3/3] RUN uv pip install nothing
#6 0.512 Using Python 3.13
#6 0.600 \x1b[31mE: Unable to locate\x1b[0m package nothing
#6 ERROR: executor failed running [/bin/sh -c uv pip install nothing]: exit code: 1
------
 > [3/3] RUN uv pip install nothing:
------
executor failed running [/bin/sh -c uv pip install nothing]: exit code: 1
"""


def read(text: str, titles: Mapping[str, str]) -> tuple[Transcript, list[BuildProgress]]:
    """A transcript of `text`, with the progress it told. Time stands still, so small talk is told once."""
    told: list[BuildProgress] = []
    moments = iter(range(10_000))
    transcript = Transcript(titles, told.append, clock=lambda: float(next(moments)))
    for line in text.splitlines():
        transcript.read(line)
    return transcript, told


def test_progress_is_steps_and_bytes() -> None:
    """Steps have their names for people, a pull its bytes over all layers."""
    _, progress = read(BUILDKIT, {"apt-get install libpq5": "System packages"})
    assert BuildProgress("FROM docker.io/library/debian:trixie-slim", 1, 3, 15_000_000, 30_000_000) in progress
    assert BuildProgress("System packages", 2, 3) in progress
    assert progress[-1].step == progress[-1].steps == 3


def test_a_failure_names_step_reason_and_remedy() -> None:
    """The step, its last lines without control sequences, the telling one, and what to do."""
    transcript, _ = read(BUILDKIT, {})
    failure = transcript.failure("sales")
    assert failure.message == "Unable to locate package nothing"
    assert failure.step == "RUN uv pip install nothing"
    assert failure.title == "environment sales, RUN uv pip install nothing"
    assert failure.tail == ("Using Python 3.13", "E: Unable to locate package nothing")
    assert "Debian trixie has no package" in failure.hint


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("write /x: no space left on device", "docker system df"),
        ("toomanyrequests: You have reached your pull rate limit", "mirror"),
        ("x509: certificate signed by unknown authority", "SSL_CERT_FILE"),
        ("Could not resolve 'deb.debian.org'", "network"),
        ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
    ],
)
def test_usual_failures_have_a_remedy(said: str, hint: str) -> None:
    """What goes wrong on real machines is recognised in the builder's words."""
    transcript, _ = read(f"#2 [1/1] RUN x\n#2 0.1 {said}\n#2 ERROR: exit code: 1", {})
    failure = transcript.failure("x")
    assert said in failure.message
    assert hint in failure.hint


def test_a_builder_that_says_nothing_still_fails_with_words() -> None:
    """An empty transcript is no empty error."""
    assert Transcript({}, lambda _: None).failure("x").message


@given(st.text())
def test_no_output_breaks_the_reader(text: str) -> None:
    """Whatever a build prints is read, and no control character comes out of it."""
    transcript = Transcript({}, lambda _: None)
    lines = [transcript.read(line) for line in text.splitlines()]
    failure = transcript.failure("x")
    for line in (*lines, failure.message, failure.step, *failure.tail):
        assert not {c for c in line if ord(c) < 32 and c != "\t"} - {"\n"}


def test_the_engines_own_builder_speaks_the_same() -> None:
    """Its messages become lines of the same form, with steps, bytes and the error."""
    stream = [
        {"stream": "Step 1/2 : FROM debian\n"},
        {"status": "Downloading", "id": "0123456789ab", "progressDetail": {"current": 5, "total": 10}},
        {"stream": "Step 2/2 : RUN false\n"},
        {"stream": "oh no\n"},
        {"errorDetail": {"code": 1}, "error": "The command '/bin/sh -c false' returned a non-zero code: 1"},
    ]
    lines = [line for line, _ in told(stream)]
    transcript, progress = read("\n".join(lines), {})
    assert BuildProgress("FROM debian", 1, 2, 5, 10) in progress
    failure = transcript.failure("x")
    assert failure.step == "RUN false"
    assert failure.tail == ("oh no",)
    assert [failed for _, failed in told(stream)].count(True) == 1


# -- pulls and logins --------------------------------------------------------------------------------------------------


def test_a_pull_is_told_by_layers_and_bytes() -> None:
    """Layers that were there, come or wait are counted; what was too much at once is told in the next quiet moment."""
    told: list[BuildProgress] = []
    now = 0.0
    pulling = Pulling("debian", told.append, clock=lambda: now)

    def say(status: str, layer: str, current: int = 0, total: int = 0) -> str:
        return pulling.read(
            json.dumps({"status": status, "id": layer, "progressDetail": {"current": current, "total": total}})
        )

    say("Pulling fs layer", "a")
    say("Already exists", "b")
    now = 1.0
    assert say("Downloading", "a", 5, 100) == ""
    assert told[-1] == BuildProgress("Pulling debian, 1 of 2 layers", 0, 0, 5, 100)
    assert say("Downloading", "a", 60, 100) == ""
    assert told[-1].done == 5
    pulling.silent(0.2)
    assert told[-1].done == 60
    now = 20.0
    pulling.silent(19.0)
    assert told[-1].text == "Pulling debian, 1 of 2 layers: nothing came for 19 s"
    assert say("Pull complete", "a") == "a: Pull complete"
    assert told[-1] == BuildProgress("Pulling debian, 2 of 2 layers", 0, 0, 100, 100)
    pulling.read(json.dumps({"errorDetail": {}, "error": "no \x1b[1mspace left on device"}))
    failure = pulling.failure("sales", "r.example")
    assert failure.message == "no space left on device"
    assert "disk is full" in failure.hint


def test_a_helper_that_hangs_or_breaks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pull waits for a helper that asks somebody who is not there; the login of the file is used then."""
    monkeypatch.setattr(credentials, "PATIENCE", 0.2)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "DOCKER_CONFIG": str(tmp_path)}

    def ask(script: str, **more: object) -> credentials.Login:
        helper = tmp_path / "docker-credential-odd"
        helper.write_text(f"#!/bin/sh\n{script}\n")
        helper.chmod(0o755)
        (tmp_path / "config.json").write_text(json.dumps({"credsStore": "odd", **more}))
        return credentials.login("r.example", environ)

    assert "did not answer within" in ask("exec sleep 60").problem
    assert "exit code 3" in ask("exit 3").problem
    assert "something else" in ask("echo hello").problem
    assert ask("echo credentials not found in native keychain; exit 1") == credentials.Login()
    token = ask("""echo '{"Username": "<token>", "Secret": "t0ken"}'""")
    assert token.header["IdentityToken"] == "t0ken"
    assert "t0ken" not in repr(token)
    kept = ask("exit 3", auths={"https://r.example/v1/": {"auth": base64.b64encode(b"ann:p w").decode()}})
    assert (kept.header["username"], kept.problem) == ("ann", "")
    (tmp_path / "config.json").write_text("[")
    assert "no configuration" in credentials.login("r.example", environ).problem


# -- images from inside ------------------------------------------------------------------------------------------------


def test_an_image_from_inside_is_read() -> None:
    """Kernels with the Python of their own folder, versions, packages of each kind; broken files offer nothing."""
    spec = {"argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "P\x1b[1m3"}
    place = "/opt/conda/share/jupyter/kernels/python3/kernel.json"
    text = (
        "noise\x1epasswd\x1froot:x:0:0:root:/root:/bin/bash\n"
        f"\x1ekernel {place}\x1f{json.dumps(spec | {'language': 'python'})}\x1epython-of {place}\x1f"
        "\x1ekernel /usr/share/jupyter/kernels/broken/kernel.json\x1f{"
        "\x1eprograms\x1f/opt/conda/bin/jupyter-lab\n"
        "\x1edpkg\x1flibc6==2.41\n\x1epython\x1f3.13.5\nsix==1.17\n\x1er\x1f4.5.0\nR6==2.6.1\n"
    )
    found = read_contents(text)
    assert [(kernel.name, kernel.argv[0]) for kernel in found.kernels] == [("python3", "/opt/conda/bin/python")]
    assert found.kernels[0].display_name == "P3"
    assert (found.python_version, found.r_version) == ("3.13.5", "4.5.0")
    assert found.has(JUPYTER)
    assert not found.has(replace(JUPYTER, program="", package="R:shiny"))
    assert found.has(replace(JUPYTER, program="", package="R:r6"))
    assert found.packages == ("six==1.17", "R:R6==2.6.1", "deb:libc6==2.41")
    assert Contents.from_json(found.to_json()) == found
    assert Contents.from_json("{}") is None


def test_an_images_own_rules_are_read() -> None:
    """Its account and home, and whether its makers start it through a script (docker-stacks) or through s6 (rocker)."""
    inside = read_contents(
        "\x1epasswd\x1froot:x:0:0::/root:/bin/sh\njovyan:x:1000:100::/home/jovyan:/bin/bash\n"
        "\x1eprograms\x1f/usr/local/bin/start.sh\n/usr/bin/perl\n"
    )
    stacks = as_made(
        inside, {"User": "1000", "Env": ["NB_USER=jovyan"], "Entrypoint": ["tini", "-g", "--", "start.sh"]}
    )
    assert (stacks.rules, stacks.user, stacks.home) == ("docker-stacks", "1000", "/home/jovyan")
    assert stacks.program("python3", "perl") == "/usr/bin/perl"
    assert as_made(inside, {"Cmd": ["/init"]}).rules == "s6"
    assert as_made(inside, {"User": "nobody:1"}).rules == ""
    assert Contents.from_json(stacks.to_json()) == stacks


# -- containers --------------------------------------------------------------------------------------------------------


ANN = Person(1234, 100, "ann")


def test_the_account_is_the_persons() -> None:
    """Root inside is the person outside on a rootless engine; Podman keeps the number; else it is passed on."""
    assert account.account(DAEMON, ANN).user == "1234:100"
    assert account.account(DAEMON, ANN).home == PurePosixPath("/home/ann")
    assert account.account(replace(DAEMON, rootless=True), ANN).user == "0:0"
    kept = account.account(replace(DAEMON, rootless=True, podman=True), ANN)
    assert (kept.user, kept.users) == ("1234:100", "keep-id")
    assert account.account(replace(DAEMON, remapped=True), ANN).users == "host"
    assert account.account(DAEMON, Person(0, 0, "root")).home == PurePosixPath("/root")
    assert account.account(DAEMON, replace(ANN, name="ann:x:0")).name == "person"


def test_the_person_is_in_passwd_once() -> None:
    """They come first, so that their number has their name; an account of the same name makes room, the others stay."""
    image = "root:x:0:0:root:/root:/bin/bash\njovyan:x:1234:100::/home/jovyan:/bin/bash\nann:x:7:7::/a:/bin/sh\nwww:x:33:33::/v:/x\n"
    contents = Contents((), (), None, None, image, "")
    lines = account.passwd(contents, account.account(DAEMON, ANN)).splitlines()
    assert [line.split(":")[0] for line in lines] == ["ann", "root", "jovyan", "www"]
    assert lines[0] == "ann:x:1234:100:ann:/home/ann:/bin/bash"


def test_limits_hold_or_are_refused() -> None:
    """Memory means without swap; an engine that would drop a limit silently is asked for none."""
    limits = Limits(cpus=1.5, memory=512_000_000, pids=100, shared_memory=64_000_000)
    assert container.bounds(limits, DAEMON) == {
        "mem_limit": 512_000_000,
        "memswap_limit": 512_000_000,
        "nano_cpus": 1_500_000_000,
        "pids_limit": 100,
        "shm_size": 64_000_000,
    }
    with pytest.raises(Refused, match="memory"):
        container.bounds(limits, replace(DAEMON, memory_limits=False))
    assert container.bounds(Limits(), replace(DAEMON, memory_limits=False, pids_limits=False)) == {"shm_size": 10**9}


@pytest.mark.parametrize("path", ["/", "/etc/ssl", "/usr", "/opt/venv/lib", "/proc/1", "/home/ann", "/tmp"])
def test_folders_that_would_hide_the_system_are_refused(path: str) -> None:
    """Folders are seen where they are; some places belong to the image."""
    with pytest.raises(Refused, match="hide"):
        container._check(path, account.account(DAEMON, ANN))


def test_variables_of_a_run_that_cannot_come_later() -> None:
    """What is read when a program or library is loaded, ours, secrets, and names that no variable can have."""
    assert belongings.can_come_later({"WORKBENCH_RUN": "41", "REGION": "é", "EMPTY": ""}, ["PGPASSWORD"])
    for name in (
        "PYTHONPATH",
        "R_LIBS",
        "TZ",
        "OMP_NUM_THREADS",
        "PGPASSWORD",
        "WORKBENCH_SECRETS",
        "NB_USER",
        "a-b",
        "1a",
    ):
        assert not belongings.can_come_later({"REGION": "x", name: "1"}, ["PGPASSWORD"]), name


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A typo in `data:` does not become an empty folder of root's."""
    with pytest.raises(WorkbenchError, match="is not there"):
        belongings.bind(tmp_path / "typo", "/srv/typo", write=False)
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    ("state", "words", "oom"),
    [
        ({"ExitCode": 0}, "exit code 0", False),
        ({"ExitCode": 3, "OOMKilled": True}, "exit code 3", False),
        ({"ExitCode": 137, "OOMKilled": True}, "out of memory (limit 512 MB)", True),
        ({"ExitCode": 137, "OOMKilled": False}, "killed by SIGKILL", None),
        ({"ExitCode": 139}, "killed by SIGSEGV", False),
        ({"ExitCode": 255}, "exit code 255", False),
    ],
)
def test_an_exit_is_told_in_words(state: dict[str, object], words: str, oom: bool | None) -> None:
    """Out of memory only on evidence; a signal by its name."""
    end = read_exit(state, 512 * 1024**2)
    assert end.words == words
    assert end.oom is oom


@pytest.mark.parametrize(("limit", "asked"), [(300 * 1024**2, 3), (None, 1)])
def test_memory_that_is_told_late_is_waited_for(tmp_path: Path, limit: int | None, asked: int) -> None:
    """An engine that writes down the end before its reason is asked again, where there is a limit to have been hit."""
    home = open_home(tmp_path / "home")
    space = Workspace(home.id, "p", tmp_path, tmp_path, limits=Limits(memory=limit))
    engine = LateWord(after=3)
    connection = cast("Connection", engine)
    host = DockerHost(connection, cast("Library", None), home, Revision("r", EngineName.DOCKER, "x"), space, "1.1")
    assert host._look().oom is (True if limit else None)
    assert engine.asked == asked
    host.close()


@pytest.mark.parametrize("status", ["removing", "dead"])
def test_what_is_being_removed_is_gone(tmp_path: Path, status: str) -> None:
    """`docker rm -f` kills before it removes: seen in between, a kernel or session was removed, and not killed."""
    home = open_home(tmp_path / "home")
    space = Workspace(home.id, "p", tmp_path, tmp_path)
    connection = cast("Connection", LateWord(after=9, status=status))
    library = cast("Library", None)
    host = DockerHost(connection, library, home, Revision("r", EngineName.DOCKER, "x"), space, "1.1")
    end = host._look()
    assert (end.signal, end.detail) == (None, "its container was removed")
    host.close()
    assert Sessions(connection, library, tmp_path).inspect("x") is None


class LateWord:
    """Stands for an engine's connection: it says that memory ran out only when it is asked for the `after`th time."""

    def __init__(self, after: int, status: str = "exited") -> None:
        self.asked, self.after, self.status = 0, after, status

    @contextmanager
    def api(self) -> Iterator[LateWord]:
        """Itself."""
        yield self

    def inspect_container(self, _handle: str) -> dict[str, object]:
        """A kernel that was killed."""
        self.asked += 1
        return {"State": {"ExitCode": 137, "OOMKilled": self.asked >= self.after, "Status": self.status}}

    def logs(self, _handle: str, **_: object) -> bytes:
        """Nothing was said."""
        return b""
