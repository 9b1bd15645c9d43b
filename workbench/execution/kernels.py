"""Which kernel of an environment runs a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import Refused
from workbench.model.environment import KernelSpec
from workbench.notebooks.document import Document

USUAL = ("python3", "ir")  # where an environment has several kernels of one language


def choose_kernel(
    document: Document, kernels: Sequence[KernelSpec], wanted: str | None = None, preferred: str | None = None
) -> KernelSpec:
    """The kernel that is `wanted`, else named by the notebook, else the one of its language, else the only one.

    `preferred` comes before all that the notebook does not name, where it speaks its language.

    `Refused`, listing those there are, where none can be chosen.
    """
    by_name = {kernel.name: kernel for kernel in kernels}
    there = ", ".join(f"{kernel.name} ({kernel.language})" for kernel in kernels) or "none"
    if wanted:
        if wanted not in by_name:
            raise Refused(f"there is no kernel {wanted!r} in this environment", hint=f"There are: {there}")
        return by_name[wanted]
    if document.kernel in by_name:
        return by_name[document.kernel]
    language = document.language.lower()
    fitting = [kernel for kernel in kernels if not language or kernel.language.lower() == language]
    if preferred and (own := by_name.get(preferred)) in fitting and own:
        return own
    if len(fitting) > 1:
        fitting = [kernel for kernel in fitting if kernel.name in USUAL] or fitting
    if len(fitting) == 1:
        return fitting[0]
    asked = f"kernel {document.kernel!r}" if document.kernel else "kernel"
    spoken = f" for {document.language}" if document.language else ""
    if fitting:
        raise Refused(
            f"the notebook does not say which {asked} of this environment runs it", hint=f"There are: {there}"
        )
    raise Refused(f"there is no {asked}{spoken} in this environment", hint=f"There are: {there}")
