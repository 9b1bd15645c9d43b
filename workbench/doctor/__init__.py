"""Checks of the machine and of a home that work with everything else down: they read, and change nothing."""
