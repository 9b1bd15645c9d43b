"""What a failed build is said to lack, from the words of real builders."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
from engines.conftest import Bench, ignore

from workbench.engines import complaints, missing
from workbench.engines.docker.images import guess
from workbench.engines.docker.images.failure import PYTHON_STEP, explain
from workbench.errors import BuildFailed
from workbench.model.environment import EnvironmentSpec


@pytest.mark.parametrize(
    ("said", "packages"),
    [
        ("Error: pg_config executable not found.", "libpq-dev"),
        ("src/foo.c:4:10: fatal error: Python.h: No such file or directory", "python3-dev"),
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", "build-essential"),
        ("../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]", "build-essential"),
        ("  error: [Errno 2] No such file or directory: 'gcc'", "build-essential"),
        ("_ldap.h:7:10: fatal error: lber.h: No such file or directory", "libldap-dev, libsasl2-dev"),
        ("raise RuntimeError('CMake must be installed to build dlib')", "cmake"),
        (" * deb: libcurl4-openssl-dev (Debian, Ubuntu, etc)\n * rpm: libcurl-devel (Fedora)", "libcurl4-openssl-dev"),
        (" * deb: libssl-dev (Debian, Ubuntu, etc)", "libssl-dev"),
        ("ld: all is well", ""),
    ],
)
def test_what_a_build_from_source_lacks_is_named(said: str, packages: str) -> None:
    """Compilers' and packages' own words lead to Debian's package, so that it can be written under `apt:`."""
    assert missing.debian(said) == packages


@pytest.mark.parametrize(
    ("step", "tail", "message", "hint"),
    [
        (
            PYTHON_STEP,
            "  × Failed to build `psycopg2==2.9.10`\n  Error: pg_config executable not found.",
            "psycopg2",
            "libpq-dev",
        ),
        ("System packages", "E: Version '1.2-3' for 'libpq5' was not found", "libpq5", "lock"),
        ("System packages", "Err:1 http://deb.debian.org trixie\n  407  Proxy Authentication Required", "407", "proxy"),
        (
            "System packages",
            "E: Release file for http://deb.debian.org/x is not valid yet (invalid for another 3h)",
            "not valid yet",
            "clock",
        ),
        ("System packages", "W: Failed\nE: Could not resolve 'deb.debian.org'", "deb.debian.org", "network"),
        (
            "System packages",
            "building at STEP: unable to acquire lock: open /var/tmp/buildah-cache/var/cache/apt/buildah-cache-lockfile: permission denied",
            "permission denied",
            "TMPDIR",
        ),
        ("System packages", "E: You don't have enough free space\nNo space left on device", "space", "disk is full"),
        ("R packages that are still missing", "Error: not installed: GGplot2, dplyrr", "GGplot2", "ggplot2"),
        (
            "R packages that are still missing",
            "Warning: package ‘tidyvers’ is not available for this version of R",
            "tidyvers",
            "tidyverse",
        ),
        (PYTHON_STEP, "error: Request failed\n407 Proxy Authentication Required", "proxy", "HTTPS_PROXY"),
        (
            PYTHON_STEP,
            "client error (Connect): invalid peer certificate: UnknownIssuer",
            "not trusted",
            "SSL_CERT_FILE",
        ),
        (PYTHON_STEP, "HTTP status client error (401 Unauthorized) for url", "refused", "credentials"),
    ],
)
def test_a_failed_step_says_what_to_do(step: str, tail: str, message: str, hint: str) -> None:
    """The reason is in the message, what to do in the hint, and the last lines are kept."""
    error = explain("sales", step, "exit code: 100", tuple(tail.splitlines()), ())
    assert message in error.message
    assert hint in error.hint
    assert error.tail


@pytest.mark.parametrize(
    ("name", "names", "meant"),
    [
        ("libgdal", ["libgdal-dev", "libgdal36", "libgdal-doc"], ["libgdal-dev"]),
        ("postgres-client", ["postgresql-client", "postgresql", "postfix"], ["postgresql-client"]),
        ("imagemagik", ["imagemagick", "images"], ["imagemagick"]),
        ("nothing-like-it", ["apt"], []),
    ],
)
def test_the_nearest_debian_package_is_found(name: str, names: list[str], meant: list[str]) -> None:
    """A missing `-dev` is seen first, then a name that is nearly the same; what is like nothing is not guessed."""
    assert guess.nearest(name, names) == meant


def test_the_nearest_r_package_is_found() -> None:
    """R minds upper and lower case, people do not."""
    assert complaints.nearest_r("DATA.table") == "data.table"
    assert complaints.nearest_r("qqqq") == ""


@pytest.mark.docker
def test_a_debian_package_that_was_meant_is_named(docker_bench: Bench, tmp_path: Path) -> None:
    """Debian's own list is asked for what was probably meant."""
    spec = EnvironmentSpec("test-meant", apt=("libgdal",), ides=())
    engine = docker_bench.engine
    with pytest.raises(BuildFailed) as caught:
        engine.build(spec, engine.revision_id(spec), log=tmp_path / "log", progress=ignore, cancelled=Event())
    assert caught.value.message == "Unable to locate package libgdal: did you mean libgdal-dev?"
    assert caught.value.step == "System packages"
    assert "apt" in caught.value.hint
    assert engine.find(spec, engine.revision_id(spec)) is None
