"""Where a project has its standard files: the one folder that counts, and what lies in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PLACES = ("binder", ".binder")  # the first that is there has its say alone, as with repo2docker
OURS = "environment.yaml"
DEVCONTAINERS = (".devcontainer/devcontainer.json", ".devcontainer.json")
CONDA = ("environment.yml", "environment.yaml")
# Files that make an environment by themselves, in the order in which one gives it its name.
LEADING = (
    "Dockerfile",
    *CONDA,
    "Pipfile.lock",
    "Pipfile",
    "uv.lock",
    "requirements.txt",
    "pyproject.toml",
    "setup.py",
    "renv.lock",
    "DESCRIPTION",
    "install.R",
    "runtime.txt",
    "apt.txt",
    "postBuild",
    "start",
)
# They describe the project itself: read in its own folder alone, and not where binder/ is there.
OF_THE_PROJECT = frozenset({"uv.lock", "pyproject.toml", "setup.py", "DESCRIPTION"})
# What others read and we do not, with what it is for.
NOT_READ = {
    "Project.toml": "Julia",
    "JuliaProject.toml": "Julia",
    "REQUIRE": "Julia",
    "default.nix": "nix",
    "requirements3.txt": "the notebook server beside a Python 2 kernel",
    "poetry.lock": "Poetry",
    "pdm.lock": "PDM",
    "pixi.toml": "pixi",
    "conda-lock.yml": "conda-lock",
}


@dataclass(frozen=True)
class Folder:
    """The folder of a project whose files count: `place` below `root`, empty for the project's own."""

    root: Path
    place: str = ""

    @classmethod
    def of(cls, root: Path) -> Folder:
        """The one that counts in the project at `root`."""
        return cls(root, next((place for place in PLACES if (root / place).is_dir()), ""))

    def file(self, name: str) -> Path | None:
        """The standard file of that name, where it is there and counts."""
        if self.place and name in OF_THE_PROJECT:
            return None
        path = self.root / self.place / name
        return path if path.is_file() else None

    def inner(self, path: Path) -> str:
        """`path` as seen from the project's folder."""
        return path.relative_to(self.root).as_posix()

    def safe(self, path: Path) -> bool:
        """Whether a file lies in the project also behind its links."""
        try:
            return path.resolve(strict=True).is_relative_to(self.root.resolve())
        except (OSError, RuntimeError, ValueError):
            return False

    def passed_over(self) -> list[Path]:
        """Standard files that have no say because another folder has it."""
        places = [place for place in (*PLACES, "") if place != self.place]
        if not self.place:
            return []
        found = [self.root / place / name for place in places for name in LEADING if name not in OF_THE_PROJECT]
        return [path for path in found if path.is_file()]
