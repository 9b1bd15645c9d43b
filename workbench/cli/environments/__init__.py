"""Environments on the command line."""
