"""A file that was made only to be edited: left as it was made, it goes again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fresh:
    """`content` is what was written to `path` before the person saw it."""

    path: Path
    content: bytes

    @classmethod
    def now(cls, path: Path) -> Fresh:
        """The file as it is, just made."""
        return cls(path, path.read_bytes())

    def withdraw(self) -> bool:
        """Remove it where nobody changed it; whether it was removed."""
        try:
            if self.path.read_bytes() != self.content:
                return False
            self.path.unlink()
        except OSError:
            return False
        return True
