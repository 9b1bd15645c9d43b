"""Containers as engine: Docker Engine, rootless Docker, or Podman's socket."""
