"""Papermill at work: the nursery that forks runners, and what one run of a notebook is."""
