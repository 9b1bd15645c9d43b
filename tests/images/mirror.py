"""The image registry of this machine's tests, as `scripts/docker-for-tests` left it."""

from __future__ import annotations

import atexit
import os
from pathlib import Path

from images.marks import unmark

from workbench.paths import Home, state_folder

FILE = "env"


def kept() -> dict[str, str]:
    """The lines that the script kept; empty where it never ran."""
    root = Path("/var/cache/workbench-tests")
    default = root if os.geteuid() == 0 else Path.home() / ".cache" / "workbench-tests"
    folder = Path(os.environ.get("WORKBENCH_TEST_CACHE") or default)
    try:
        lines = (folder / FILE).read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def registries() -> dict[str, str]:
    """`registries:` for the tests: a mirror of docker.io, or nothing where docker.io itself has to do."""
    mirror = os.environ.get("WORKBENCH_TEST_REGISTRY", kept().get("WORKBENCH_TEST_REGISTRY", ""))
    return {"docker.io": mirror} if mirror else {}


def use(root: Path) -> None:
    """Write the mirror into the `workbench.yaml` of the home at `root`, which may not have one yet.

    Images that such a home finds on the engine get its mark, which goes when the tests end.
    """
    root.mkdir(parents=True, exist_ok=True)
    atexit.register(unmark, Home(root, state_folder(root)).id)
    lines = [f"  {name}: '{address}'\n" for name, address in registries().items()]
    if lines:
        (root / "workbench.yaml").write_text("registries:\n" + "".join(lines))
