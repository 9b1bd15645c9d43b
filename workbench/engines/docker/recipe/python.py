"""Python: a venv, our kernel and the IDEs in it, and what is declared."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from workbench.engines.docker.failure import PYTHON_STEP, VENV_STEP
from workbench.engines.docker.recipe.sheet import CA_BUNDLE, Dialect, Sheet
from workbench.errors import Refused

VENV = "/opt/venv"
PATH = f"{VENV}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def tools(sheet: Sheet) -> list[str]:
    """What we need of Python ourselves: a kernel, and what the IDEs need."""
    if not sheet.own:
        return []
    names = sheet.spec.needs.python
    return ["ipykernel", *names] if sheet.spec.python or names else []


def requirements(sheet: Sheet) -> tuple[str, ...]:
    """The declared requirement lines."""
    return sheet.spec.python.packages if sheet.spec.python else ()


def wanted(sheet: Sheet) -> bool:
    """Whether there is a venv of ours."""
    return sheet.own and bool(tools(sheet) or requirements(sheet))


def venv(sheet: Sheet) -> None:
    """The venv with what we need ourselves: the same for all environments of a kind."""
    if names := tools(sheet):
        _uv(sheet, [f"uv venv -q --python python3 {VENV}", _install(sheet, names)], VENV_STEP)


def packages(sheet: Sheet) -> None:
    """What is declared."""
    if requirements(sheet):
        _write_requirements(sheet)
        _uv(sheet, [_install(sheet, [*tools(sheet), "-r", "requirements.txt"])], PYTHON_STEP)


def staged(sheet: Sheet) -> None:
    """The venv, made in a stage of its own: uv, certificates and caches stay behind in it."""
    files = ["uv", "ca-bundle", "uv.toml"]
    names = tools(sheet)
    if requirements(sheet):
        _write_requirements(sheet)
        files.append("requirements.txt")
        names += ["-r", "requirements.txt"]
    sheet.needs_uv = True
    sheet.add(f"FROM runtime AS packages\nCOPY {' '.join(files)} /build/\nWORKDIR /build")
    commands = ["mkdir -p /etc/uv", "mv uv.toml /etc/uv/uv.toml", "export SSL_CERT_FILE=/build/ca-bundle"]
    sheet.run([], [*commands, f"./uv venv -q --python python3 {VENV}", "./" + _install(sheet, names)], PYTHON_STEP)
    sheet.add(f"FROM runtime\nCOPY --from=packages {VENV} {VENV}")


def _write_requirements(sheet: Sheet) -> None:
    sheet.files["requirements.txt"] = "\n".join(requirements(sheet)) + "\n"


def _install(sheet: Sheet, what: Sequence[str]) -> str:
    where = f"--python {VENV}"
    if not sheet.own:
        where = '--python "$(command -v python3 || command -v python)" --break-system-packages'
    words = " ".join(word if word == "-r" else shlex.quote(word) for word in what)
    return f"uv pip install --compile-bytecode --link-mode copy {where} {words}"


def _uv(sheet: Sheet, commands: Sequence[str], title: str) -> None:
    sheet.needs_uv = True
    if sheet.dialect is Dialect.CLASSIC:
        raise Refused(
            "Python packages on top of a ready image need BuildKit",
            title=f"environment {sheet.spec.name}",
            hint="Install the docker command with its buildx part (on Debian: docker-buildx).",
        )
    mounts = ["type=bind,source=uv,target=/usr/local/bin/uv", "type=cache,target=/root/.cache/uv", *sheet.trust()]
    if any("requirements.txt" in command for command in commands):
        mounts.append("type=bind,source=requirements.txt,target=/build/requirements.txt")
        commands = ["cd /build", *commands]
    sheet.run(mounts, [f"export SSL_CERT_FILE={CA_BUNDLE}", *commands], title)
