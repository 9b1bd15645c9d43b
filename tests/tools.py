"""Shipped IDEs, for tests that make environments and sessions without a home."""

from __future__ import annotations

from workbench.declare import Ides
from workbench.model.ide import Ide
from workbench.paths import shipped

IDES = Ides((shipped("ides"),))


def shipped_ide(name: str) -> Ide:
    """The IDE of that name as it ships."""
    found = IDES.find(name)
    assert found, name
    return found


JUPYTER = shipped_ide("jupyter")
