"""Frozen data and state machines; nothing here reads or writes anything."""
