"""The connection to an engine: clients, facts, and its errors in our words."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import docker.errors
import requests.exceptions
import urllib3.exceptions
from docker import APIClient

from workbench.engines.base import Facts
from workbench.engines.docker.daemon import Daemon, asked, dotted, facts
from workbench.engines.docker.endpoint import Endpoint, find_endpoint
from workbench.engines.docker.unreachable import unreachable
from workbench.errors import Conflict, EngineDown, NotFound, WorkbenchError
from workbench.model.environment import EngineName
from workbench.text import one_line

GOING = frozenset({"removing", "dead"})  # states of a container that is being removed: it is killed before it is gone
SECONDS = 60.0  # for one answer; starting a container on a busy machine takes long
# What can be done about refusals that have a known cause.
_HINTS = {
    "no space left": "The engine's disk is full: `docker system df` shows what takes it.",
    "bind source path does not exist": "An engine installed by snap sees neither hidden folders nor /tmp: "
    "install Docker's or the distribution's own package.",
    "catatonit": "Podman needs an init program for containers: install the package catatonit.",
    "could not select device driver": "The NVIDIA container toolkit is not installed.",
}
NoSuchThing = docker.errors.NotFound
_UNREACHABLE = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
)


class Connection:
    """Clients of one engine: one a thread, none carried over a fork.

    An engine that has answered stays the one for good, as containers and images are on it and on no other. Until then
    each question looks for it anew: its socket may appear only after a login.
    """

    def __init__(self, endpoint: Endpoint | None = None, known: Mapping[str, Any] | None = None) -> None:
        """`known`: what another connection to it was told (`Facts.known`), so that it is not asked again."""
        self._endpoint = endpoint
        self._settled = endpoint is not None
        self._local = threading.local()
        self._daemon = remembered(known) if known else None

    @property
    def endpoint(self) -> Endpoint:
        """Where the engine is, as far as that is known. Refused where it is on another machine."""
        if self._endpoint is None:
            self._endpoint = find_endpoint()
        return self._endpoint

    @contextmanager
    def api(self, *, timeout: float | None = SECONDS) -> Iterator[APIClient]:
        """This thread's client, with the engine's errors converted.

        `NoSuchThing` passes as it is, for only the caller knows what is missing. `timeout` other than the usual
        gives a client of its own, closed at the end.
        """
        with self._converted():
            self._reach()
            if timeout == SECONDS:
                yield self._client()
                return
            client = self._connect(timeout)
            try:
                yield client
            finally:
                client.close()

    def daemon(self) -> Daemon:
        """What this engine is, asked once."""
        if self._daemon is None:
            with self.api() as api:
                self._daemon = asked(api)
        return self._daemon

    def facts(self) -> Facts:
        """As the contract has it: never raises."""
        try:
            endpoint = self.endpoint
        except WorkbenchError as error:
            return Facts(EngineName.DOCKER, problem=error.message, hint=error.hint)
        known = Facts(EngineName.DOCKER, endpoint=endpoint.url, source=endpoint.source)
        try:
            with self.api() as api:
                self._daemon = daemon = asked(api)
        except WorkbenchError as error:
            return replace(known, problem=error.message, hint=error.hint)
        return facts(endpoint, daemon)

    def _client(self) -> APIClient:
        kept: tuple[int, APIClient] | None = getattr(self._local, "client", None)
        if kept is None or kept[0] != os.getpid():
            kept = (os.getpid(), self._connect(SECONDS))
            self._local.client = kept
        return kept[1]

    def _connect(self, timeout: float | None) -> APIClient:
        # No fixed `version`: engines refuse what is too new for them, and since 29 also what is too old. One that is not
        # known answers here, with its version. No timeout is allowed by the library, though not by its type stubs.
        endpoint = self.endpoint
        version = dotted(self._daemon.api) if self._daemon else None
        client = APIClient(base_url=endpoint.url, timeout=timeout, version=version)  # type: ignore[arg-type]
        self._endpoint, self._settled = endpoint, True
        return client

    def _reach(self) -> None:
        """Raise OSError where nothing listens: docker-py leaves a socket open then, and wraps the reason thrice."""
        path = self.endpoint.socket
        if path:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))

    @contextmanager
    def _converted(self) -> Iterator[None]:
        try:
            yield
        except NoSuchThing:
            raise
        except docker.errors.APIError as error:
            if any(
                words in explanation(error) for words in ("no container with", "no such container")
            ):  # Podman, with 500
                raise NoSuchThing(str(error), response=error.response) from error
            refused = _refusal(error)
            if isinstance(refused, EngineDown):  # it is another release now: the next client asks for its version
                self._daemon, self._local = None, threading.local()
            raise refused from error
        except (*_UNREACHABLE, docker.errors.DockerException, OSError) as error:
            down = unreachable(self.endpoint, error)
            if not self._settled:
                self._endpoint = None
            raise down from error


def remembered(known: Mapping[str, Any]) -> Daemon | None:
    """The reverse of `Facts.known`; None for what another release has written."""
    try:
        return Daemon(**{**known, "api": tuple(known["api"])})
    except (KeyError, TypeError):
        return None


def image_gone(reference: str) -> NotFound:
    """The error for an image that was built and is not there any more."""
    return NotFound("image", one_line(reference), hint="It was removed from the engine: build the environment again.")


def explanation(error: docker.errors.APIError) -> str:
    """What the engine said, on one line."""
    return one_line(str(error.explanation or error), 500)


def _refusal(error: docker.errors.APIError) -> WorkbenchError:
    said = explanation(error)
    if error.status_code == requests.codes.bad_request and "client version" in said:
        return EngineDown(
            f"the engine and the `docker` library do not understand each other: {said}",
            title="Docker",
            hint="Upgrade the older of the two: `pip install -U docker`, or the engine.",
        )
    if error.status_code == requests.codes.conflict or "is already in use by" in said:  # Podman: 500
        return Conflict(said, title="Docker")
    hint = next((hint for words, hint in _HINTS.items() if words in said), "")
    return WorkbenchError(said, title="Docker", hint=hint)
