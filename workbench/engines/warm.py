"""What an engine keeps warm, as the supervisor that decides about it sees it."""

from __future__ import annotations

from typing import Protocol


class Warm(Protocol):
    """Something that an engine keeps ready, so that the kernels of an environment start sooner.

    `loaded` are modules that they have imported then, `problems` says what could not be loaded.
    """

    loaded: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def alive(self) -> bool:
        """Whether it is there."""

    @property
    def stale(self) -> bool:
        """Whether what it has loaded is another on disk now. Cheap."""

    @property
    def memory(self) -> int:
        """Bytes that it holds; takes a moment."""

    def close(self) -> None:
        """Let it go; kernels that came from it go on."""
