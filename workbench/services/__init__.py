"""Verbs for people: each checks its input, writes in one transaction, wakes the supervisor, and returns at once."""
