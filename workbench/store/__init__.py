"""The state of a home in SQLite: connection, migrations, and one module a table."""

from workbench.store.connection import Store

__all__ = ["Store"]
