"""Which engine is whose: opened by name, chosen for an environment, and described for a runner's job file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.engines.base import Engine, Facts
from workbench.errors import EngineDown, Refused
from workbench.model.environment import EngineName, EnvironmentSpec
from workbench.paths import Home
from workbench.settings import Settings

UNLESS = (
    "It is waited for, because this home works with containers. To do without: `engine: process` in workbench.yaml or in"
    " the environment."
)
KEPT = ("registries", "package_index")  # settings that an engine looks at


def open_engine(
    name: EngineName,
    home: Home,
    settings: Settings,
    *,
    at: tuple[str, str] | None = None,
    known: Mapping[str, Any] | None = None,
) -> Engine:
    """The engine of that name for `home`. Its libraries are imported here; it is not asked anything yet.

    `at`: the address of a Docker engine and where that was taken from; it is looked for unless given. `known`: what it
    has said of itself (`Facts.known`).
    """
    if name is EngineName.PROCESS:
        from workbench.engines.process.engine import ProcessEngine

        return ProcessEngine(home, settings)
    from workbench.engines.docker.endpoint import Endpoint
    from workbench.engines.docker.engine import DockerEngine

    return DockerEngine(home, settings, endpoint=Endpoint(*at) if at else None, known=known)


def greet(name: EngineName, at: tuple[str, str] | None = None) -> Facts | None:
    """What an engine says of itself where that can be had without its library; else None. `at` as `open_engine` takes it."""
    if name is not EngineName.DOCKER:
        return None
    from workbench.engines.docker.endpoint import Endpoint
    from workbench.engines.docker.greeting import greet as greeted

    return greeted(Endpoint(*at) if at else None)


def import_engine(name: EngineName) -> None:
    """Import what an engine needs, so that opening one takes no time."""
    if name is EngineName.PROCESS:
        import workbench.engines.process.engine
    else:
        import workbench.engines.docker.engine  # noqa: F401


def options(home: Home, settings: Settings, facts: Facts | None = None) -> dict[str, Any]:
    """What `reopen` needs beside the name, as JSON can hold it: for a runner, which opens no store and no settings.

    `facts`: of the engine that it has to be, and no other that may answer by then.
    """
    kept = {key: getattr(settings, key) for key in KEPT}
    kept["registries"] = dict(settings.registries)
    at = [facts.endpoint, facts.source] if facts and facts.endpoint else None
    known = dict(facts.known) if facts else {}
    return {"root": str(home.root), "state": str(home.state), "settings": kept, "at": at, "known": known}


def reopen(name: EngineName, described: Mapping[str, Any]) -> Engine:
    """The engine that `options` described."""
    home = Home(Path(described["root"]), Path(described["state"]))
    at = described.get("at")
    settings = Settings(**described["settings"])
    return open_engine(name, home, settings, at=(at[0], at[1]) if at else None, known=described.get("known"))


def choose(
    spec: EnvironmentSpec, settings: Settings, home: Home, *, asked: str = "", contained: bool = False
) -> tuple[EngineName, str]:
    """The engine an environment gets at its first build, and a sentence why.

    The environment's own word, else what was `asked` for by WORKBENCH_ENGINE, else the settings', else what it needs, else Docker where it
    answers. Where the home works with containers (`contained`), Docker that does not answer is waited for: what is meant
    for a container, and could be of the making of code in one, runs on this machine itself only by a person's word.
    Raises `Refused` for a name there is not, `EngineDown`.
    """
    if spec.engine:
        return spec.engine, f"`engine: {spec.engine}` in the environment"
    for word, source in ((asked, "WORKBENCH_ENGINE"), (settings.engine, "workbench.yaml")):
        if word and word != "auto":
            return _named(word, source), f"`{word}` by {source}"
    if spec.use:
        return EngineName.PROCESS, "`use:` names a Python of this machine"
    for wish, value in (("image", spec.image), ("apt", spec.apt), ("r", spec.r)):
        if value:
            return EngineName.DOCKER, f"`{wish}:` needs Docker"
    facts = open_engine(EngineName.DOCKER, home, settings).facts()
    if facts.problem and contained:
        raise EngineDown(f"Docker does not answer: {facts.problem}", hint=UNLESS)
    if facts.problem:
        return EngineName.PROCESS, f"Docker does not answer: {facts.problem}"
    return EngineName.DOCKER, f"{facts.version or 'Docker'} answers at {facts.endpoint}"


def automatic(spec: EnvironmentSpec, settings: Settings) -> bool:
    """Whether nobody says which engine an environment gets."""
    return spec.engine is None and settings.engine in ("", "auto") and not spec.use


def _named(word: str, source: str) -> EngineName:
    try:
        return EngineName(word)
    except ValueError as error:
        raise Refused(
            f"there is no engine {word!r}", title=source, hint="Engines are: auto, docker, process."
        ) from error
