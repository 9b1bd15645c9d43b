"""Marks that homes of tests leave on images: taken off when the home goes, for the images themselves stay for the next run."""

from __future__ import annotations

import os
from contextlib import suppress

from docker import APIClient
from docker.errors import DockerException


def unmark(home: str) -> None:
    """Take the marks of a home off all images."""
    with suppress(DockerException):
        client = APIClient(base_url=os.environ.get("WORKBENCH_TEST_DOCKER") or os.environ.get("DOCKER_HOST"))
        try:
            for image in client.images(name=f"workbench/home-{home}"):
                for tag in image["RepoTags"] or ():
                    if tag.startswith(f"workbench/home-{home}:"):
                        client.remove_image(tag)
        finally:
            client.close()
