"""Runs that ended: compared, reported, tagged, gone on with, asked for once more, and removed."""
