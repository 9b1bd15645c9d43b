"""A repository of R packages as CRAN is laid out: source packages, the index, the archive of what was before."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repositories import served

INDEXED = ("Package", "Version", "Imports", "License", "NeedsCompilation")  # of a description, as CRAN does


class Cran:
    """Files below `folder`; `address` is where a build gets them."""

    def __init__(self, folder: Path, address: str) -> None:
        self.place = folder / "src" / "contrib"
        self.place.mkdir(parents=True, exist_ok=True)
        self.address = address
        self._index: dict[str, str] = {}

    def publish(self, name: str, version: str, *, imports: str = "", sums: bool = True, c: str = "") -> Path:
        """Have `name` in this version now; the one of before goes to the archive. `c` is code to be compiled. Its file."""
        archive = self.place / "Archive" / name
        for old in self.place.glob(f"{name}_*.tar.gz"):
            archive.mkdir(parents=True, exist_ok=True)
            old.rename(archive / old.name)
        described = f"Package: {name}\nVersion: {version}\nTitle: Tiny\nDescription: Tiny.\nLicense: MIT\nNeedsCompilation: no\n"
        described += (
            f"Author: Ann\nMaintainer: Ann <ann@x.example>\n{f'Imports: {imports}{chr(10)}' if imports else ''}"
        )
        space = f"import({imports})\n" if imports else ""
        files = {
            "DESCRIPTION": described,
            "NAMESPACE": f"{space}export(said)\n",
            "R/said.R": f"said <- function() '{version}'\n",
        }
        if c:
            files["src/code.c"] = c
        path = self.place / f"{name}_{version}.tar.gz"
        with tarfile.open(path, "w:gz") as made:
            for inside, text in files.items():
                member = tarfile.TarInfo(f"{name}/{inside}")
                member.size = len(text)
                made.addfile(member, io.BytesIO(text.encode()))
        entry = "".join(f"{line}\n" for line in described.splitlines() if line.split(":")[0] in INDEXED)
        self._index[name] = entry + (f"MD5sum: {hashlib.md5(path.read_bytes()).hexdigest()}\n" if sums else "")
        index = "\n".join(self._index.values())
        (self.place / "PACKAGES").write_text(index)
        (self.place / "PACKAGES.gz").write_bytes(gzip.compress(index.encode()))
        return path

    def archived(self, name: str, version: str) -> Path:
        """The file of a version of before."""
        return self.place / "Archive" / name / f"{name}_{version}.tar.gz"


@contextmanager
def cran(folder: Path, host: str) -> Iterator[Cran]:
    """A repository that is served at an address of this machine which builds reach."""
    folder.mkdir(parents=True, exist_ok=True)
    with served(folder, host) as address:
        yield Cran(folder, address)
