"""workbench: projects, environments, IDE sessions, runs and schedules of one person or one team."""

__version__ = "0.1.0"
