"""The sender of notices: a process of its own, started when something is to be told, gone when all is."""
