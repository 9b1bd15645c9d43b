"""Building an image: the context, the builder as a subprocess, its log, its cancellation."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from workbench import context
from workbench.engines.base import Sink
from workbench.engines.certificates import ca_bundle
from workbench.engines.docker import command, program
from workbench.engines.docker.connection import Connection
from workbench.engines.docker.recipe import TREES, Dialect, Recipe
from workbench.engines.docker.registries import PackageIndex, netrc, proxies
from workbench.engines.docker.transcript import Transcript

PASSING = ("uv", "ca-bundle", "uv.toml")  # in the context only while an image is built; the last may hold a password
PRIVATE = "build-"  # how folders of secrets are called


def dialect(connection: Connection) -> Dialect:
    """What the builder of this engine understands."""
    if connection.daemon().podman:
        return Dialect.PODMAN
    return Dialect.BUILDKIT if _command(connection) else Dialect.CLASSIC


def _command(connection: Connection) -> command.Command | None:
    return command.for_builds(connection.endpoint, connection.daemon().version)


def build(
    connection: Connection,
    recipe: Recipe,
    *,
    name: str,
    tag: str,
    folder: Path,
    index: PackageIndex,
    log: Path,
    progress: Sink,
    cancelled: Event,
    fresh: bool = False,
) -> None:
    """Make the image `tag` of `recipe`; `folder` keeps the Dockerfile. `fresh`: reuse no layer. Raises `BuildFailed` or `Cancelled`."""
    transcript = Transcript(recipe.titles, progress)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as sink, _context(recipe, folder, index, connection) as private:
        argv, environ = _invocation(connection, recipe, tag, folder, private, fresh=fresh)
        code = program.run(argv, environ, transcript.read, sink, cancelled)
    if code:
        raise transcript.failure(name)


@contextmanager
def _context(recipe: Recipe, folder: Path, index: PackageIndex, connection: Connection) -> Iterator[Path]:
    """Lay out the context; what may not be kept is there only during the build. Gives the folder of secrets."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(recipe.dockerfile, encoding="utf-8")
    for name, text in recipe.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    # What is ignored was left out already: the builder's own reading of .dockerignore would do it twice.
    (folder / "Dockerfile.dockerignore").touch()
    with tempfile.TemporaryDirectory(prefix=PRIVATE, dir=folder.parent) as private:
        for path in (Path(private, "ca-bundle"), Path(private, "uv.toml")):
            path.touch(mode=0o600)
        bundle = ca_bundle()
        if bundle:
            shutil.copyfile(bundle, Path(private, "ca-bundle"))
        Path(private, "uv.toml").write_text(index.uv_toml, encoding="utf-8")
        try:
            _copy_trees(recipe, folder)
            if recipe.needs_uv:
                _link_uv(folder / "uv")
            # Podman mounts what it trusts from the context in every step that asks for it; the Engine's own copies.
            kind = dialect(connection)
            if kind is Dialect.PODMAN or (kind is Dialect.CLASSIC and recipe.needs_uv):
                for name in ("ca-bundle", "uv.toml"):
                    shutil.copyfile(Path(private, name), folder / name)
            yield Path(private)
        finally:
            _without_passing(folder)


def _copy_trees(recipe: Recipe, folder: Path) -> None:
    """Copies of folders and files of this machine, there during the build only."""
    shutil.rmtree(folder / TREES, ignore_errors=True)
    for name, tree in recipe.trees.items():
        target = folder / name
        if tree.source.is_dir():
            context.copy(tree.source, target, tree.ignoring)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(tree.source, target)


def tidy(environments: Path) -> None:
    """Remove what builds that were killed have left below the folder of all environments: secrets above all."""
    for private in environments.glob(f"*/{PRIVATE}*"):
        shutil.rmtree(private, ignore_errors=True)
    for dockerfile in environments.glob("*/*/Dockerfile"):
        _without_passing(dockerfile.parent)


def _without_passing(folder: Path) -> None:
    shutil.rmtree(folder / TREES, ignore_errors=True)
    for name in PASSING:
        (folder / name).unlink(missing_ok=True)


def _link_uv(target: Path) -> None:
    """Put the uv program of its wheel at `target`."""
    import uv

    source = uv.find_uv_bin()
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _invocation(
    connection: Connection, recipe: Recipe, tag: str, folder: Path, private: Path, *, fresh: bool
) -> tuple[Sequence[str], dict[str, str]]:
    """argv and variables of the builder at hand."""
    environ = command.environment(connection.endpoint) | proxies()
    cli = _command(connection)
    anew = ["--no-cache"] if fresh else []
    anew += [f"--label={name}={value}" for name, value in recipe.labels.items()]
    anew += [f"--build-arg={name}={value}" for name, value in recipe.args.items()]
    anew += [f"--target={recipe.target}"] if recipe.target else []
    if dialect(connection) is not Dialect.BUILDKIT or cli is None:
        module = "workbench.engines.docker.classic"
        return [
            sys.executable,
            "-P",
            "-m",
            module,
            connection.endpoint.url,
            tag,
            str(folder),
            recipe.context,
            *anew,
        ], environ
    argv = [cli.path, *(["buildx", "build", "--builder=default", "--load"] if cli.buildx else ["build"])]
    argv += ["--progress=plain", f"--tag={tag}", *anew]
    secrets = {"ca-bundle": private / "ca-bundle", "uv.toml": private / "uv.toml", "netrc": netrc()}
    shown = ("ca-bundle",) if recipe.context else tuple(secrets)  # a stranger's Dockerfile gets no passwords
    argv += [f"--secret=id={name},src={secrets[name]}" for name in shown if secrets[name]]
    argv += [f"--build-arg={name}" for name in proxies()]  # values stay in the environment
    return [*argv, f"--file={folder / 'Dockerfile'}", str(folder / recipe.context)], environ | {
        "DOCKER_BUILDKIT": "1",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    }
