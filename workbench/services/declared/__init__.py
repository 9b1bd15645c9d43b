"""Declarations as files: found, imported, resolved, begun."""
