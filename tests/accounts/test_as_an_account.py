"""The part of the suite that runs as an ordinary account, which is made here and removed again."""

from __future__ import annotations

from pathlib import Path

import pytest
from accounts.machine import Account, Installed, docker_group
from images import mirror

SUITES = ("tests/accounts",)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "marked",
    [pytest.param("not soak and not images", id="short"), pytest.param("soak", id="long", marks=pytest.mark.soak)],
)
def test_the_suite_as_an_ordinary_account(marked: str, place: Path, installed: Installed, account: Account) -> None:
    """Sockets, the store, files of cells and sessions have the right owner and mode where the account is not root."""
    source = installed.source
    foreign = place / "foreign"
    (foreign / ".workbench").mkdir(parents=True, mode=0o755, exist_ok=True)
    done = account.run(
        installed.python,
        "-m",
        "pytest",
        "--rootdir",
        source,
        "-c",
        source / "pyproject.toml",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        account.home / "t",
        "-m",
        marked,
        *(source / suite for suite in SUITES),
        groups=docker_group(),
        WORKBENCH_TEST_FOREIGN=str(foreign),
        WORKBENCH_TEST_REGISTRY=mirror.registries().get("docker.io", ""),
        PYTHONDONTWRITEBYTECODE="1",
    )
    closing = done.stdout.strip().splitlines()[-1:]
    assert done.returncode == 0, f"as {account.name}: {closing}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert closing
    assert " passed" in closing[0]
