"""What `--json` answers, and the reference page describes."""
