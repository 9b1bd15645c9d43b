"""R packages of a repository by a lock, with the real R in containers and a repository laid out as CRAN is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from cran import Cran, cran
from engines.conftest import Bench
from engines.test_docker import api
from engines.test_docker_layers import Build, built
from engines.test_standard_builds import Case, case

from workbench.errors import BuildFailed, Refused
from workbench.model.environment import EnvironmentSpec, RPart
from workbench.model.lock import Change, Lock

__all__ = ["built", "case"]
pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


@pytest.fixture
def repository(docker_bench: Bench, tmp_path: Path) -> Iterator[Cran]:
    """On the bridge of the engine, where builds are."""
    with api(docker_bench) as engine:
        bridge = engine.inspect_network("bridge")["IPAM"]["Config"][0]["Gateway"]
    with cran(tmp_path / "cran", bridge) as made:
        yield made


def test_r_packages_come_in_exactly_the_versions_of_the_lock(
    docker_bench: Bench, built: Build, repository: Cran, tmp_path: Path
) -> None:
    """Also where the repository has newer ones by now, with what they need, each by its checksum; what is newer is told.
    A file that was changed, and a version that is gone, fail by their names."""
    engine, told = docker_bench.engine, {"log": tmp_path / "log", "cancelled": Event()}
    repository.publish("wbbeta", "1.0-1", sums=False)
    repository.publish("wbalpha", "1.0", imports="wbbeta")
    image = built(EnvironmentSpec("test-r-base", r=RPart(), ides=())).reference
    spec = EnvironmentSpec("test-cran", image=image, r=RPart(packages=("wbalpha",), repository=repository.address))
    first = built(spec)
    assert {"R:wbalpha==1.0", "R:wbbeta==1.0-1"} <= {*first.packages}
    lock = engine.lock(spec, first, **told)
    assert [line.partition(" --hash=")[::2] for line in lock.r] == [
        ("wbalpha==1.0", f"md5:{md5(repository.place / 'wbalpha_1.0.tar.gz')}"),
        ("wbbeta==1.0-1", f"sha256:{sha256(repository.place / 'wbbeta_1.0-1.tar.gz')}"),
    ]
    assert Lock.from_json(lock.to_json()) == lock

    repository.publish("wbbeta", "1.0-2")
    repository.publish("wbalpha", "1.10", imports="wbbeta")
    newer = [Change("r", "wbalpha", "1.0", "1.10"), Change("r", "wbbeta", "1.0-1", "1.0-2")]
    assert of_r(engine.outdated(spec, first, **told)) == newer
    engine.export(spec, first, tmp_path / "out", **told)
    listed = [line.split() for line in (tmp_path / "out" / "r-locked.txt").read_text().splitlines()]
    again = replace(lock, r=tuple(f"{name}=={version} --hash={checksum}" for name, version, checksum in listed))
    assert again.r[0].startswith("wbalpha==1.0 --hash=sha256:"), "out of the archive"
    assert again.r[1] == lock.r[1]
    exported = (tmp_path / "out" / "Dockerfile").read_text()
    assert re.search(r"if \[ -s (\S+) \]; then export SSL_CERT_FILE=\1 CURL_CA_BUNDLE=\1; fi \\\n", exported)
    second = built(replace(spec, locked=again))
    assert [line for line in second.packages if line.startswith("R:wb")] == ["R:wbalpha==1.0", "R:wbbeta==1.0-1"]

    repository.archived("wbalpha", "1.0").write_bytes((repository.place / "wbalpha_1.10.tar.gz").read_bytes())
    repository.archived("wbbeta", "1.0-1").unlink()
    with pytest.raises(BuildFailed) as caught:
        built(replace(spec, locked=lock))
    assert caught.value.step == "R packages in exact versions"
    assert "wbalpha 1.0 is another file than was locked" in caught.value.message
    assert "wbbeta 1.0-1 is gone from the repository" in caught.value.message
    assert caught.value.hint.startswith("`workbench environments lock NAME --update`")
    with pytest.raises(Refused, match=r"wbbeta 1\.0-1 is gone"):
        engine.lock(spec, first, **told)


@pytest.mark.soak
def test_a_lock_of_renv_takes_what_the_archive_has(case: Callable[..., Case], repository: Cran) -> None:
    """From the repositories that it names, in Debian's R, with a compiler only for what has to be compiled."""
    repository.publish("wbbeta", "1.0", c="int one(void) { return 1; }\n")
    repository.publish("wbalpha", "1.0", imports="wbbeta")
    repository.publish("wbalpha", "2.0")
    repository.publish("wbbeta", "2.0")
    packages = {name: {"Package": name, "Version": "1.0", "Source": "Repository"} for name in ("wbalpha", "wbbeta")}
    packages["digest"] = {"Package": "digest", "Version": "0.6.37", "Source": "Repository", "Repository": "CRAN"}
    r = {"Version": "4.5.0", "Repositories": [{"Name": "CRAN", "URL": repository.address}]}
    verify = "#!/usr/bin/env Rscript\nlibrary(digest)\nstopifnot(wbalpha::said() == '1.0', wbbeta::said() == '1.0')\ncat('all is well')\n"
    project = case("test-cran-renv", {"renv.lock": json.dumps({"R": r, "Packages": packages}), "verify": verify})
    revision = project.build()
    assert "all is well" in project.verify(revision)
    assert "R:digest==0.6.37" in revision.packages
    assert not any(line.startswith("deb:r-cran-renv=") for line in revision.packages)
    assert any(line.startswith("deb:r-base-dev=") for line in revision.packages)


def of_r(changes: list[Change]) -> list[Change]:
    """Those of R packages."""
    return [change for change in changes if change.kind == "r"]


def md5(path: Path) -> str:
    """As the index has it."""
    return hashlib.md5(path.read_bytes()).hexdigest()


def sha256(path: Path) -> str:
    """As a lock has it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
