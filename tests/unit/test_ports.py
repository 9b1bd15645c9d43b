"""Ports of the loopback interface: who listens, and what holds a port against others."""

from __future__ import annotations

import os
import socket

import pytest

from workbench import ports


@pytest.fixture
def port() -> int:
    """A port that is free on both loopback addresses."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as probe:
        number: int = probe.getsockname()[1]
    return number


@pytest.mark.parametrize(
    ("address", "family"),
    [("127.0.0.1", socket.AF_INET), ("0.0.0.0", socket.AF_INET), ("::1", socket.AF_INET6), ("::", socket.AF_INET6)],
)
def test_who_listens_is_known(port: int, address: str, family: socket.AddressFamily) -> None:
    """On each address by which loopback is reached; ourselves are no stranger."""
    assert ports.listeners(port) == set()
    with socket.create_server((address, port), family=family):
        assert ports.listeners(port) == {os.getuid()}
        assert ports.stranger(port) == ""
    assert ports.listeners(port) == set()


def test_another_loopback_address_is_nobodys_business(port: int) -> None:
    """Who listens on 127.0.0.2 takes nothing from a session on 127.0.0.1."""
    with socket.create_server(("127.0.0.2", port)):
        assert ports.listeners(port) == set()
        assert ports.free(port)


def test_a_guard_lets_nobody_listen_and_answers_nobody(port: int) -> None:
    """While it is held no one can bind that port of ::1, not even to share it, and a connection there is refused."""
    held = ports.guard(port)
    assert held is not None
    with held:
        assert ports.free(port)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("::1", port), timeout=5)
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with socket.socket(socket.AF_INET6) as other:
                other.setsockopt(socket.SOL_SOCKET, option, 1)
                with pytest.raises(OSError, match="in use"):
                    other.bind(("::1", port))
                with pytest.raises(OSError, match="in use"):
                    other.bind(("::", port))
    with socket.create_server(("::1", port), family=socket.AF_INET6), pytest.raises(OSError, match="in use"):
        ports.guard(port)
