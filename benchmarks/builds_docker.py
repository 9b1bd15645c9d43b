"""Building the environment `python` as an image, against a plain Dockerfile with pip in one layer, interleaved.

    .venv/bin/python benchmarks/builds_docker.py [ROUNDS [COLD ROUNDS]]

Each round adds another small package to the same list on both sides. `added` is from asking (a row in the queue) to
the environment being ready; the peer rebuilds its pip layer, as `docker build` does when a line is added. `cold` is a
whole build that reuses no layer and no package cache; `cold, caches warm` the same with what earlier builds downloaded.
Both sides have bytecode (pip compiles what it installs). Where Debian's image comes from a mirror, `scripts/docker-for-tests`
names it. Medians; trust the ratios over the seconds.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

PACKAGES = ("jupyterlab>=4.3", "ipykernel>=6.29", "pandas>=2.2", "matplotlib>=3.9")
MORE = ("tqdm", "tabulate", "toolz", "humanize", "wcwidth", "pyfiglet", "emoji", "pluggy", "sortedcontainers")
NAME = "benchmark-python"
PEER = """FROM {base}
RUN apt-get update -q && apt-get install -q -y --no-install-recommends ca-certificates python3 python3-venv \\
 && rm -rf /var/lib/apt/lists/*
RUN --mount=type=secret,id=ca,target=/ca,mode=0444 python3 -m venv /opt/venv \\
 && PIP_CERT=/ca /opt/venv/bin/pip install --no-cache-dir -q {packages}
"""


def registry() -> str:
    """The mirror of docker.io that tests use; empty where the public one is used."""
    script = Path(__file__).parents[1] / "scripts" / "docker-for-tests"
    said = subprocess.run([str(script)], capture_output=True, text=True, check=False).stdout
    found = re.search(r"WORKBENCH_TEST_REGISTRY=(\S+)", said)
    return found[1] if found else ""


def peer(docker: list[str], folder: Path, base: str, packages: tuple[str, ...], *, cold: bool = False) -> float:
    """Seconds that the plain Dockerfile takes."""
    quoted = " ".join(f"'{package}'" for package in packages)
    (folder / "Dockerfile").write_text(PEER.format(base=base, packages=quoted))
    bundle = os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
    argv = [*docker, "-q", f"--secret=id=ca,src={bundle}", f"--tag={NAME}-peer", *(["--no-cache"] if cold else [])]
    began = time.perf_counter()
    subprocess.run([*argv, str(folder)], check=True, capture_output=True, env={**os.environ, "DOCKER_BUILDKIT": "1"})
    return time.perf_counter() - began


class Ours:
    """A home with one environment, and its supervisor."""

    def __init__(self, folder: Path, mirror: str) -> None:
        from workbench.services.bench import open_bench

        self.home = folder / "home"
        self.bench = open_bench(self.home)
        if mirror:
            (self.home / "workbench.yaml").write_text(f"registries: {{docker.io: '{mirror}'}}\n")
        self.mirror = mirror

    def built(self, packages: tuple[str, ...]) -> float:
        """Seconds from asking to ready, as a person or a schedule asks."""
        from workbench.services import environments

        path = self.home / "environments" / f"{NAME}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"engine": "docker", "python": {"packages": list(packages)}, "ides": ["jupyter"]}))
        began = time.perf_counter()
        number = environments.build(self.bench, NAME)
        while number is not None and (build := environments.get_build(self.bench, number)).ended is None:
            time.sleep(0.005)
        seconds = time.perf_counter() - began
        if number is not None and build.state != "ready":
            raise SystemExit(f"build {number} {build.state}: {build.reason}")
        return seconds

    def cold(self, round_: int) -> float:
        """Seconds of a whole build with package caches of its own, which are empty."""
        from workbench.engines.docker.connection import Connection
        from workbench.engines.docker.images import builder, recipe
        from workbench.engines.docker.images.registries import package_index
        from workbench.model.environment import EnvironmentSpec, PythonPart

        connection = Connection()
        spec = EnvironmentSpec(f"{NAME}-cold", python=PythonPart(packages=PACKAGES))
        mirrors = {"docker.io": self.mirror} if self.mirror else {}
        written = recipe.render(spec, "cold", dialect=builder.dialect(connection), registries=mirrors)
        apart = f"type=cache,id=workbench-benchmark-{os.getpid()}-{round_}-"
        text = re.sub(
            r"type=cache,target=(\S+)", lambda found: f"{apart}{_slug(found[1])},target={found[1]}", written.dockerfile
        )
        began = time.perf_counter()
        builder.build(
            connection,
            replace(written, dockerfile=text),
            name=spec.name,
            tag=f"{NAME}-cold",
            folder=self.home / ".workbench" / "environments" / spec.slug / "cold",
            index=package_index(None, None),
            log=self.home / "cold.log",
            progress=lambda _: None,
            cancelled=Event(),
            fresh=True,
        )
        return time.perf_counter() - began

    def close(self, docker: list[str]) -> None:
        """Stop the supervisor and remove the images made."""
        from workbench.engines.docker.connection import Connection
        from workbench.services.supervision import control

        control.stop(self.bench)
        self.bench.close()
        with Connection().api() as api:
            _sweep(api, docker)


def _slug(mount: str) -> str:
    return re.sub(r"\W+", "-", mount.split(",", maxsplit=1)[0])


def _sweep(api: Any, docker: list[str]) -> None:
    """Remove our images, and the package caches that were made for the cold builds."""
    for image in api.images():
        for tag in image.get("RepoTags") or ():
            if f"{NAME}" in tag:
                api.remove_image(tag)
    for entry in api.df().get("BuildCache") or ():
        if f"workbench-benchmark-{os.getpid()}-" in str(entry.get("Description")):
            argv = [docker[0], "builder", "prune", "--force", "--all", f"--filter=id={entry['ID']}"]
            subprocess.run(argv, check=False, capture_output=True)


def main(rounds: int, cold: int) -> None:
    """Measure and print."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    from workbench.engines.docker import command
    from workbench.engines.docker.connection import Connection

    connection = Connection()
    cli = command.for_builds(connection.endpoint, connection.daemon().version)
    if cli is None:
        raise SystemExit("needs a docker command with BuildKit")
    docker = [cli.path, *(["buildx", "build", "--builder=default", "--load"] if cli.buildx else ["build"])]
    mirror = registry()
    base = f"{mirror}/library/debian:trixie-slim" if mirror else "debian:trixie-slim"
    folder = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    ours = Ours(folder, mirror)
    took: dict[str, list[float]] = {"peer cold": [], "cold": [], "peer added": [], "added": [], "unchanged": []}
    try:
        (folder / "peer").mkdir()
        peer(docker, folder / "peer", base, PACKAGES)
        ours.built(PACKAGES)
        for round_ in range(rounds):
            # No version is like that: it only keeps both sides from finding the layer of an earlier measurement.
            more = (*PACKAGES, f"{MORE[round_ % len(MORE)]}!=0.{os.getpid()}.{round_}")
            took["peer added"].append(peer(docker, folder / "peer", base, more))
            took["added"].append(ours.built(more))
            took["unchanged"].append(ours.built(more))
            ours.built(PACKAGES)  # what it was, so that each round adds to the same
        for round_ in range(cold):
            took["peer cold"].append(peer(docker, folder / "peer", base, PACKAGES, cold=True))
            took["cold"].append(ours.cold(round_))
    finally:
        ours.close(docker)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"environment python on Docker, {rounds} rounds, medians; load {os.getloadavg()[0]:.1f}")
    for name, against in (("added", "peer added"), ("cold", "peer cold")):
        if not took[name]:
            continue
        mine, other = median(took[name]), median(took[against])
        print(
            f"  {name:<10} {mine:6.2f} s   pip {other:6.2f} s   ratio {mine / other:.3f}   worst {max(took[name]):.2f} s"
        )
    print(f"  unchanged  {1000 * median(took['unchanged']):6.1f} ms   worst {1000 * max(took['unchanged']):.1f} ms")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [5, 3][len(numbers) :]))
