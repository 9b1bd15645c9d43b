"""Fixtures of the faults: a home with a real supervisor and a real kernel."""

from world import bench, kernel_python

__all__ = ["bench", "kernel_python"]
