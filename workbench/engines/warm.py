"""What an engine keeps warm, as the supervisor that decides about it sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

# Variables that a program, Python or a library reads when it is loaded.
EARLY = re.compile(
    "PATH$|HOME$|TMPDIR$|LANG|LC_|TZ|PYTHON|LD_|MALLOC|GLIBC|IPYTHON|JUPYTER|JPY|MPL|VIRTUAL_ENV|CONDA|XDG_|CUDA_|HIP_"
    "|.*_NUM_THREADS$|.*_MAX_THREADS$|OMP|GOMP|KMP|MKL|BLIS|OPENBLAS|NUMEXPR|NUMBA|NPY|ARROW|POLARS|TORCH|TF_|XLA|JAX|R_"
)
NO_HISTORY = "--HistoryManager.hist_file=:memory:"  # what runs add to the arguments of IPython's kernels


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


def fits(own: Mapping[str, str]) -> bool:
    """Whether variables of one run alone are such that nothing reads them before it begins."""
    return not any(EARLY.match(name) for name in own)
