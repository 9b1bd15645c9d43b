"""Python: a venv, our kernel and the IDEs in it, and what is declared."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from workbench.engines.docker.images.failure import PYTHON_STEP, VENV_STEP
from workbench.engines.docker.images.recipe.ingredients import tools
from workbench.engines.docker.images.recipe.sheet import CA_BUNDLE, Dialect, Sheet
from workbench.errors import Refused

VENV = "/opt/venv"
PATH = f"{VENV}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REQUIREMENTS, PINS, LOCKED, BOUNDS = "requirements.txt", "pins.txt", "locked.txt", "constraints.txt"
FILES = (REQUIREMENTS, PINS, LOCKED, BOUNDS)
MAKE = f"uv venv -q --python python3 {VENV}"
# What a stage has that is left behind, because the Engine's own builder has no mounts.
_STAGED = ["mkdir -p /etc/uv", "mv uv.toml /etc/uv/uv.toml", "export SSL_CERT_FILE=/build/ca-bundle"]


def wanted(sheet: Sheet) -> bool:
    """Whether something is to be put into a venv of ours."""
    return sheet.own and bool(sheet.wanted.python)


def venv(sheet: Sheet) -> None:
    """The venv with what we need ourselves: the same for all environments of a kind."""
    if not _locked(sheet) and (names := tools(sheet.spec)):
        _step(sheet, [MAKE, f"{_install(sheet)} {' '.join(map(shlex.quote, names))}"], VENV_STEP)


def packages(sheet: Sheet) -> None:
    """What is declared."""
    there = set() if sheet.footing or sheet.pins else set(tools(sheet.spec))
    if set(sheet.wanted.python) - there:
        _write_requirements(sheet)
        make = [MAKE] if sheet.own and _locked(sheet) else []
        _step(sheet, [*make, *_commands(sheet)], PYTHON_STEP)


def staged(sheet: Sheet) -> None:
    """The same in a stage of its own, of which only what was installed is kept."""
    _write_requirements(sheet)
    sheet.needs_uv = True
    sheet.add(f"FROM {sheet.image if sheet.footing else 'runtime'} AS packages")
    files = [name for name in FILES if name in sheet.files]
    sheet.add(f"COPY uv ca-bundle uv.toml {' '.join(files)} /build/\nWORKDIR /build")
    commands = [*_STAGED, "export PATH=/build:$PATH", *([] if sheet.footing else [MAKE]), *_commands(sheet)]
    if not sheet.footing:
        sheet.run([], commands, PYTHON_STEP)
        sheet.add(f"FROM runtime\nCOPY --from=packages {VENV} {VENV}")
        return
    new = f"find {VENV} -cnewer before ! -type d -exec cp -a --parents -t new {{}} +"
    sheet.run([], ["mkdir new", "touch before", *commands, new], PYTHON_STEP)
    sheet.add(f"FROM {sheet.image}\nCOPY --from=packages /build/new /")


def _commands(sheet: Sheet) -> list[str]:
    """Install the requirements: held to what is there already, or with the versions of before where they still fit."""
    install = _install(sheet)
    held = "".join(f" --constraints {name}" for name in (PINS, BOUNDS) if name in sheet.files)
    if _locked(sheet):
        return [f"{install} --no-deps --require-hashes -r {LOCKED}", f"{install}{held} -r {REQUIREMENTS}"]
    bounds = [f"export UV_CONSTRAINT={BOUNDS}"] if BOUNDS in sheet.files else []
    if sheet.footing:
        return [f"{install}{held} -r {REQUIREMENTS}"]
    if sheet.pins:
        resolve = f"uv pip compile -q {_where(sheet)} {REQUIREMENTS} -o /tmp/{PINS}"
        return [*bounds, f"cp {PINS} /tmp/{PINS}", resolve, f"{install} -r /tmp/{PINS}", f"rm /tmp/{PINS}"]
    return [*bounds, f"{install} -r {REQUIREMENTS}"]


def _write_requirements(sheet: Sheet) -> None:
    sheet.files[REQUIREMENTS] = "".join(f"{line}\n" for line in sheet.wanted.python)
    if sheet.spec.python and sheet.spec.python.constraints:
        sheet.files[BOUNDS] = "".join(f"{line}\n" for line in sheet.spec.python.constraints)
    if _locked(sheet) and sheet.spec.locked:
        sheet.files[LOCKED] = "".join(f"{line}\n" for line in sheet.spec.locked.python)
    if sheet.pins:
        sheet.files[PINS] = "".join(f"{line}\n" for line in sheet.pins)


def _locked(sheet: Sheet) -> bool:
    """Whether a lock has the versions, and not the revision that is built on."""
    return bool(sheet.spec.locked and sheet.spec.locked.python and not sheet.footing)


def _install(sheet: Sheet) -> str:
    owned = "" if sheet.own else " --break-system-packages"
    return f"uv pip install --compile-bytecode --link-mode copy {_where(sheet)}{owned}"


def _where(sheet: Sheet) -> str:
    return f"--python {VENV}" if sheet.own else '--python "$(command -v python3 || command -v python)"'


def _step(sheet: Sheet, commands: Sequence[str], title: str) -> None:
    sheet.needs_uv = True
    if sheet.dialect is Dialect.CLASSIC:
        raise Refused(
            "Python packages on top of a ready image need BuildKit",
            title=f"environment {sheet.spec.name}",
            hint="Install the docker command with its buildx part (on Debian: docker-buildx).",
        )
    mounts = ["type=bind,source=uv,target=/usr/local/bin/uv", "type=cache,target=/root/.cache/uv", *sheet.trust()]
    files = [name for name in FILES if any(name in command for command in commands)]
    mounts += [f"type=bind,source={name},target=/build/{name}" for name in files]
    place = ["cd /build"] if files else []
    sheet.run(mounts, [f"export SSL_CERT_FILE={CA_BUNDLE}", *place, *commands], title)
