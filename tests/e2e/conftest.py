"""Fixtures of the tests of the whole: a home whose environments live in containers, and the engine behind it."""

import pytest
from containers import engine, lab

pytest.register_assert_rewrite("parity")

__all__ = ["engine", "lab"]
