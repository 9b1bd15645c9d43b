"""Runs on the command line: asking for one, what ran, and what can be done with it."""
