"""Runs: whose turn it is, whether there is room, and how each ends."""
