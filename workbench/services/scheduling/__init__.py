"""What the verbs of schedules are made of: their files, pauses, times and views."""
