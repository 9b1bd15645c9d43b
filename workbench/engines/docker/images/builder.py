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

from workbench import context, locks
from workbench.certificates import ca_bundle
from workbench.engines.base import Sink
from workbench.engines.docker import command
from workbench.engines.docker.connection import Connection
from workbench.engines.docker.images import program
from workbench.engines.docker.images.recipe import TREES, Dialect, Recipe
from workbench.engines.docker.images.registries import PackageIndex, netrc, proxies
from workbench.engines.docker.images.transcript import Transcript

CONTEXT, UV = ".context", "uv"
PASSING = ("ca-bundle", "index.toml", "uv.toml")  # in the context only during a build; the last may hold a password
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
    """Make the image `tag` of `recipe`; `folder` keeps the Dockerfile and its files. `fresh`: reuse no layer.

    Raises `BuildFailed` or `Cancelled`.
    """
    transcript = Transcript(recipe.titles, progress)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as sink, _place(folder.parent.parent) as place:
        _keep(recipe, folder)
        with _context(recipe, place, index, connection) as private:
            argv, environ = _invocation(connection, recipe, tag, place, private, fresh=fresh)
            code = program.run(argv, environ, transcript.read, sink, cancelled)
    if code:
        raise transcript.failure(name)


def _keep(recipe: Recipe, folder: Path) -> None:
    """Write down what is built."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"Dockerfile": recipe.dockerfile, **recipe.files}.items():
        (folder / name).write_text(text, encoding="utf-8")


@contextmanager
def _place(environments: Path) -> Iterator[Path]:
    """A folder for the context. It is the same for each build: BuildKit takes only what changed since the last, and
    the uv program is large. A second build at the same time gets one of its own."""
    environments.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = locks.take(environments / f"{CONTEXT}.lock", patience=0)
    if lock is None:
        with tempfile.TemporaryDirectory(prefix=PRIVATE, dir=environments) as own:
            yield Path(own)
        return
    try:
        place = environments / CONTEXT
        place.mkdir(mode=0o700, exist_ok=True)
        yield place
    finally:
        os.close(lock)


@contextmanager
def _context(recipe: Recipe, place: Path, index: PackageIndex, connection: Connection) -> Iterator[Path]:
    """Lay out the context; what may not be kept is there only during the build. Gives the folder of secrets."""
    shutil.rmtree(place / TREES, ignore_errors=True)
    for path in place.iterdir():
        if path.name != UV or not recipe.needs_uv:
            path.unlink()
    _keep(recipe, place)
    # What is ignored was left out already: the builder's own reading of .dockerignore would do it twice.
    (place / "Dockerfile.dockerignore").touch()
    with tempfile.TemporaryDirectory(prefix=PRIVATE, dir=place.parent) as private:
        for name in PASSING:
            Path(private, name).touch(mode=0o600)
        bundle = ca_bundle()
        if bundle:
            shutil.copyfile(bundle, Path(private, "ca-bundle"))
        Path(private, "uv.toml").write_text(index.uv_toml, encoding="utf-8")
        Path(private, "index.toml").write_text(index.without_passwords.uv_toml, encoding="utf-8")
        try:
            _copy_trees(recipe, place)
            if recipe.needs_uv:
                _link_uv(place / UV)
            # Podman mounts what it trusts from the context in every step that asks for it; the Engine's own copies.
            kind = dialect(connection)
            if kind is Dialect.PODMAN or (kind is Dialect.CLASSIC and recipe.needs_uv):
                for name in PASSING:
                    shutil.copyfile(Path(private, name), place / name)
            yield Path(private)
        finally:
            _without_passing(place)


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
    for private in (*environments.glob(f"{PRIVATE}*"), *environments.glob(f"*/{PRIVATE}*")):
        shutil.rmtree(private, ignore_errors=True)
    _without_passing(environments / CONTEXT)
    for dockerfile in environments.glob("*/*/Dockerfile"):
        _without_passing(dockerfile.parent)
        (dockerfile.parent / UV).unlink(missing_ok=True)  # which an earlier release put there


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
        module = "workbench.engines.docker.images.classic"
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
    secrets = {**{name: private / name for name in PASSING}, "netrc": netrc()}
    shown = ("ca-bundle",) if recipe.context else tuple(secrets)  # a stranger's Dockerfile gets no passwords
    argv += [f"--secret=id={name},src={secrets[name]}" for name in shown if secrets[name]]
    argv += [f"--build-arg={name}" for name in proxies()]  # values stay in the environment
    return [*argv, f"--file={folder / 'Dockerfile'}", str(folder / recipe.context)], environ | {
        "DOCKER_BUILDKIT": "1",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    }
